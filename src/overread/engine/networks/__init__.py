"""Networks: every classifier returns `(z, f)`, logits and the pre-softmax feature, and has a linear `.head`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from overread.engine import NETWORKS, SEGMENTERS
from overread.engine.networks.classifier import (
    Classifier,
    Normalise,
    OnFrozen,
    body_of,
    channels_last,
    mlp_head,
)
from overread.engine.networks.fitting import adapt_channels, fit, load_weights
from overread.engine.networks.from_timm import timm_network
from overread.engine.networks.lite0 import LITE0_BLOCKS, efficientnet_lite0, lite0_weights
from overread.engine.networks.own import own_network
from overread.engine.networks.small import tiny
from overread.engine.networks.weights import fingerprint, read_weights, weights_file
from overread.registry import load

__all__ = [
    "BF16_ON_CPU",
    "LITE0_BLOCKS",
    "Classifier",
    "Normalise",
    "OnFrozen",
    "adapt_channels",
    "body_of",
    "build",
    "build_segmenter",
    "channels_last",
    "check_network",
    "check_segmenter",
    "efficientnet_lite0",
    "fingerprint",
    "lite0_weights",
    "mlp_head",
    "read_weights",
    "tiny",
    "weights_in_words",
]

Make = Callable[[int, int, int], nn.Module]  # (classes, size, channels)
SHIPPED: dict[str, Callable[[nn.Module], dict[str, Tensor]]] = {"efficientnet-lite0": lite0_weights}
PUBLISHED = {  # torchvision's first ImageNet weights, with which the papers worked
    name: f"hf:timm/{name}.tv_in1k"
    for name in ("resnet18", "resnet34", "resnet50", "resnet101", "densenet121")
}
BF16_ON_CPU = frozenset({"unet", "unet-wide"})  # networks that bfloat16 makes faster on a CPU that has it


def build(name: str, classes: int, size: int, weights: str = "default", channels: int = 3) -> nn.Module:
    """The network `name` for images [B, channels, size, size] of -1..1.

    `weights`: `default` (ImageNet where they ship, else random; `weights_in_words` says which), `none`,
    FILE.safetensors, or hf:OWNER/REPO[:FILE].
    """
    net = _factory(name)(classes, size, channels)
    path = weights_file(weights)
    if path is not None:
        load_weights(net, path, name)
    elif weights == "default" and name in SHIPPED:
        shipped = {f"body.{key}": tensor for key, tensor in SHIPPED[name](net.get_submodule("body")).items()}
        net.load_state_dict(fit(net, shipped, f"the shipped weights of {name}"), strict=False)
    return net


def check_network(name: str, weights: str) -> Make:
    """What builds the network `name`; an `InputError` where name or weights are wrong, before data is read.

    The file of `hf:` is downloaded here. That a file fits is checked for the networks of the registry; for
    others `build` checks it.
    """
    make, path = _factory(name), weights_file(weights)
    if path is not None and name in NETWORKS:
        with torch.device("meta"):  # shapes without numbers
            net = make(2, 64, 3)
        fit(net, read_weights(path), f"{path} as weights of {name}")
    return make


def build_segmenter(
    name: str, outputs: int, size: int, weights: str = "none", channels: int = 3
) -> nn.Module:
    """The network `name` that says of each pixel of images [B, channels, size, size] which structures it is in.

    `weights`: `none` or `default` (random), FILE.safetensors, or hf:OWNER/REPO[:FILE].
    """
    net: nn.Module = load("network", name, SEGMENTERS)(outputs, size, channels)
    path = weights_file(weights)
    if path is not None:
        load_weights(net, path, name)
    return net


def check_segmenter(name: str, weights: str) -> None:
    """An `InputError` where the name of the network or its weights are wrong, before data is read."""
    load("network", name, SEGMENTERS)
    weights_file(weights)


def _factory(name: str) -> Make:
    if name.startswith("timm:"):
        return timm_network(name.removeprefix("timm:"))
    make = load("network", name, NETWORKS)
    found: Make = make if name in NETWORKS else own_network(make, name)
    return found


def weights_in_words(network: str, weights: str) -> str:
    """Where a network starts from, for the user to read.

    >>> weights_in_words("efficientnet-lite0", "default")
    'efficientnet-lite0 starts from ImageNet weights, which are part of the installation.'
    """
    if weights not in ("default", "none"):
        return f"{network} starts from the weights of {weights}; its head is new unless the file's fits."
    if network.rpartition(":")[0].endswith(".py"):
        return f"{network} starts from the weights that it makes itself."
    if weights == "none":
        return f"{network} starts from random weights, as --weights none says."
    if network in SHIPPED:
        return f"{network} starts from ImageNet weights, which are part of the installation."
    offer = f" or {PUBLISHED[network]}" if network in PUBLISHED else ""
    return f"{network} starts from random weights: none ship with it; give --weights FILE.safetensors{offer}."
