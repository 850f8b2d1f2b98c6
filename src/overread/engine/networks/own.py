"""A user's own network, as `path/file.py:function`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from overread.engine.networks.extras import in_short
from overread.errors import InputError

CONTRACT = (
    "It is called as make(classes, size, channels) and returns a torch.nn.Module whose forward takes images "
    "[B, channels, size, size] to (z, f): logits [B, classes] and the feature [B, D], both float32, with "
    "z = head(f) for its torch.nn.Linear `.head`."
)


def own_network(make: Any, name: str) -> Callable[[int, int, int], nn.Module]:
    """`make` of the user's file, with each network it returns checked."""
    if not callable(make) or not _takes_three(make):
        raise InputError(f"{name} cannot be called with (classes, size, channels). {CONTRACT}")

    def checked(classes: int, size: int, channels: int = 3) -> nn.Module:
        try:
            net = make(classes, size, channels)
        except Exception as error:
            call = f"{name}({classes}, {size}, {channels})"
            raise InputError(f"{call} fails: {in_short(error)}. {CONTRACT}") from error
        faults = _faults(net, classes, torch.zeros(2, channels, size, size))
        if faults:
            raise InputError(f"The network of {name}: {'; '.join(faults)}. {CONTRACT}")
        net.train()
        checked_net: nn.Module = net
        return checked_net

    return checked


def _takes_three(make: Any) -> bool:
    try:
        inspect.signature(make).bind(2, 64, 3)
    except TypeError:
        return False
    return True


def _faults(net: Any, classes: int, x: Tensor) -> list[str]:
    """All that is wrong with a network, seen by its answer to two grey images."""
    if not isinstance(net, nn.Module):
        return [f"it is a {type(net).__name__}, not a torch.nn.Module"]
    faults = (
        [] if isinstance(getattr(net, "head", None), nn.Linear) else ["it has no torch.nn.Linear `.head`"]
    )
    try:
        with torch.no_grad():
            out = net.eval()(x)
    except Exception as error:
        return [*faults, f"its forward fails on {list(x.shape)}: {in_short(error)}"]
    if not (isinstance(out, tuple) and len(out) == 2 and all(isinstance(part, Tensor) for part in out)):
        return [*faults, f"its forward returns {_shape(out)}, not (z, f)"]
    z, f = out
    faults += [
        f"{part} is {t.dtype}, not float32"
        for part, t in zip("zf", out, strict=True)
        if t.dtype != torch.float32
    ]
    if z.shape != (2, classes):
        faults.append(f"z is {list(z.shape)}, not {[2, classes]}")
    if f.ndim != 2 or len(f) != 2:
        faults.append(f"f is {list(f.shape)}, not [2, D]")
    return faults or _head_faults(net, z, f)


def _head_faults(net: Any, z: Tensor, f: Tensor) -> list[str]:
    """Selection by features and gradients in closed form rest on z = W f + b."""
    head: nn.Linear = net.head
    if head.in_features != f.shape[1] or head.out_features != z.shape[1]:
        shape = [head.in_features, head.out_features]
        return [f"its .head takes {shape[0]} features to {shape[1]} classes, but f is {list(f.shape)}"]
    with torch.no_grad():
        same = torch.allclose(head(f), z, rtol=1e-3, atol=1e-4)
    return [] if same else ["z is not head(f)"]


def _shape(out: Any) -> str:
    if isinstance(out, Tensor):
        return f"a tensor {list(out.shape)}"
    return f"a {type(out).__name__}" + (f" of {len(out)}" if isinstance(out, tuple | list) else "")
