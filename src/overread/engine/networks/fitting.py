"""How the tensors of a file find their places in a network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from overread.data.problems import SHOWN, counted
from overread.engine.networks.weights import read_weights
from overread.errors import InputError

HEADS = (
    "fc.",
    "classifier.",
    "head.",
    "_fc.",
    "class_layers.",
)  # of published weights: for ImageNet's classes
CURE = (
    "Give weights of this very network. The tensors' names may be those that Overread saved, or those of "
    "torchvision, timm and MONAI."
)


def load_weights(net: nn.Module, path: Path, name: str) -> None:
    """Puts the weights of `path` into the network `name`."""
    net.load_state_dict(fit(net, read_weights(path), f"{path} as weights of {name}"), strict=False)


def fit(net: nn.Module, given: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """The tensors `given` under the names of `net`; an `InputError` that lists all that do not fit.

    Names are equal where `published` makes them so. The first convolution is adapted to the network's channels.
    The head is taken only where the file has our names and its shape fits; one for other classes is left out.
    Counts of batches that batch norms have seen may be missing.
    """
    own, head = net.state_dict(), _prefix(net, net.head)
    ours = any(key in own for key in given if not key.startswith(head))
    places = {published(key): key for key in own if ours or not key.startswith(head)}
    file = {published(key): tensor for key, tensor in given.items()}
    first = published(_first_convolution(net))
    if first in file and file[first].ndim == 4:
        file[first] = adapt_channels(file[first], own[places[first]].shape[1])

    both = {name: (file[name], own[key]) for name, key in places.items() if name in file}
    wrong = {
        "missing": [name for name in places if name not in file and not _optional(places[name], head)],
        "unexpected": [name for name in file if name not in places and not name.startswith(HEADS)],
        "of another shape": [
            f"{name} {list(tensor.shape)} instead of {list(place.shape)}"
            for name, (tensor, place) in both.items()
            if tensor.shape != place.shape and not places[name].startswith(head)
        ],
    }
    _check(source, wrong)
    return {places[name]: tensor for name, (tensor, place) in both.items() if tensor.shape == place.shape}


def _optional(key: str, head: str) -> bool:
    return key.startswith(head) or key.endswith("num_batches_tracked")


def _check(source: str, wrong: Mapping[str, list[str]]) -> None:
    lines = [
        f"- {counted(len(names), 'tensor is', 'tensors are')} {what}: "
        + ", ".join([*names[:SHOWN], *["..."] * (len(names) > SHOWN)])
        for what, names in wrong.items()
        if names
    ]
    if lines:
        raise InputError("\n".join([f"Cannot use {source}:", *lines, CURE]))


def published(key: str) -> str:
    """A tensor's name as torchvision and timm publish it, whether it comes from there, from MONAI or from us.

    >>> published("body.network.layer1.0.conv1.weight")
    'layer1.0.conv1.weight'
    >>> published("body.network.features.denseblock1.denselayer2.layers.norm1.bias")
    'features.denseblock1.denselayer2.norm1.bias'
    >>> published("features.denseblock1.denselayer2.norm.1.bias")  # in torchvision's file
    'features.denseblock1.denselayer2.norm1.bias'
    """
    key = key.removeprefix("body.").removeprefix("network.")
    return re.sub(r"(denselayer\d+\.)(?:layers\.)?(norm|conv)\.?(\d)", r"\1\2\3", key)


def adapt_channels(weight: Tensor, channels: int) -> Tensor:
    """The kernels [O, K, h, w] of a first convolution for images of another number of channels, [O, K', h, w].

        w'_ok' = 1/K' * sum_k w_ok        unchanged where K' = K

    So an image with the same content in every channel is answered alike, whatever their number: one channel
    gets the sum of the RGB kernels (a grey image is seen as its RGB copy was), any other number their mean
    times 3/K'.

    >>> import torch
    >>> rgb = torch.tensor([1.0, 2.0, 6.0]).view(1, 3, 1, 1)
    >>> adapt_channels(rgb, 1).flatten().tolist(), adapt_channels(rgb, 4).flatten().tolist()
    ([9.0], [2.25, 2.25, 2.25, 2.25])
    """
    if weight.shape[1] == channels:
        return weight
    return weight.sum(1, keepdim=True).div(channels).repeat(1, channels, 1, 1)


def _prefix(net: nn.Module, part: object) -> str:
    """How the names of a part's tensors begin."""
    return next(f"{name}." for name, module in net.named_modules() if module is part)


def _first_convolution(net: nn.Module) -> str:
    names = (f"{name}.weight" for name, module in net.named_modules() if isinstance(module, nn.Conv2d))
    return next(names, "")
