"""Networks of timm, as `timm:NAME`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from overread.engine.networks.classifier import Classifier, normalised
from overread.engine.networks.extras import extra, in_short
from overread.errors import InputError, did_you_mean


def timm_network(name: str) -> Callable[[int, int, int], Classifier]:
    """What builds timm's `name`; an `InputError` where timm is missing or has no such network."""
    timm = extra("timm", "timm", f"--network timm:{name}")
    if not timm.is_model(name):
        near = did_you_mean(name, timm.list_models())
        hint = near if near.startswith("Did") else "timm.list_models() names them all."
        raise InputError(f"timm has no network {name!r}. {hint}")

    def make(classes: int, size: int, channels: int = 3) -> Classifier:
        network = timm.create_model(name, pretrained=False, num_classes=0, in_chans=channels)
        body = normalised(network, channels, **_statistics(network))
        return Classifier(body, _features(body, name, size, channels), classes)

    return make


def _statistics(network: nn.Module) -> dict[str, Any]:
    """Mean and standard deviation that timm notes with a network's weights."""
    noted = getattr(network, "pretrained_cfg", None) or {}
    return {key: noted[key] for key in ("mean", "std") if key in noted}


def _features(body: nn.Module, name: str, size: int, channels: int) -> int:
    """The length of the feature, by looking at one: timm's own count is of another layer in some networks."""
    try:
        with torch.no_grad():
            f = body.eval()(torch.zeros(1, channels, size, size))
    except Exception as error:
        raise InputError(
            f"timm:{name} takes no images of {size}x{size}: {in_short(error)}. Try another --size."
        ) from error
    body.train()
    if f.ndim != 2:
        raise InputError(f"timm:{name} gives features of shape {list(f.shape)}, not one vector an image.")
    return int(f.shape[1])
