"""Frozen features: what a pretrained network sees, before it has seen a single label."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from overread.engine.batches import in_order
from overread.engine.device import make_fabric, own_devices
from overread.engine.networks import build, channels_last, fingerprint
from overread.engine.parallel import Exchange
from overread.engine.samples import Pixels, Samples
from overread.files import write_whole

Array = np.ndarray[Any, np.dtype[Any]]


def frozen_features(
    images: Pixels,
    network: str = "efficientnet-lite0",
    weights: str = "default",
    fabric: Any = None,
    quiet: bool = True,
) -> Array:
    """Pre-softmax features of a network that was not trained here: uint8 [N, S, S, 3] to float32 [N, D]."""
    fabric = fabric or make_fabric("auto", "auto", network)
    net = fabric.setup_module(channels_last(frozen_network(network, weights, images.shape[1]))).eval()
    samples, exchange = Samples(images, np.zeros(len(images), np.int64)), Exchange.here()
    rows = exchange.part(torch.arange(len(images)))
    parts = []
    with torch.inference_mode(), tqdm(total=len(rows), desc="features", unit="image", disable=quiet) as bar:
        for batch in in_order(samples, rows, fabric.device, size=64):
            parts.append(net(batch.x)[1].float().cpu())
            bar.update(len(batch.ids))
    return np.asarray(exchange.together(torch.cat(parts)).numpy())


def frozen_network(network: str, weights: str, size: int) -> nn.Module:
    """The network that is looked through: without weights of its own it is the same each time."""
    with torch.random.fork_rng(own_devices()):
        torch.manual_seed(0)
        return build(network, 2, size, weights)


def saved_features(
    images: Pixels, hashes: Sequence[str], folder: Path, names: tuple[str, str], fabric: Any, quiet: bool
) -> Array:
    """`frozen_features`, taken from `folder` where the same images went through the same network before.

    `hashes` [N] are the images' content hashes, `names` the network and its weights; the file's name is a hash
    of all three, of the files behind the names, and of the images' size.
    """
    key = "\n".join([fingerprint(*names), str(images.shape[1]), *hashes])
    path = folder / f"features-{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}.npy"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # the images were of patients
    exchange = Exchange.here()
    if not all(exchange.all(path.exists())):  # machines may have a cache each
        fresh = frozen_features(images, *names, fabric, quiet).astype(np.float16)
        exchange.each(lambda: None if path.exists() else write_whole(path, lambda part: _save(part, fresh)))
    return np.asarray(np.load(path, allow_pickle=False), np.float32)


def _save(path: Path, array: Array) -> None:
    with path.open("wb") as file:
        np.save(file, array)


def standard_of(features: Array) -> tuple[Array, Array]:
    """Mean and scale of each feature of [N, D], both [D] float64; the scale is the standard deviation + 1e-3."""
    return features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64) + 1e-3


def standardised(features: Array) -> Array:
    """Each feature less its mean, over its scale (`standard_of`); constant ones become 0. float32 [N, D]."""
    mean, scale = standard_of(features)
    return np.asarray((features - mean) / scale, np.float32)
