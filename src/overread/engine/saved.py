"""A trained model's file: the tensors of its networks, and what is needed to build the networks again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from overread.data.problems import SHOWN
from overread.engine.networks import OnFrozen, body_of, build, channels_last, mlp_head, read_weights
from overread.errors import InputError

SHARED = ("body.", "mean", "scale")  # what networks on one frozen body have in common; saved with the first


def save_networks(nets: Sequence[nn.Module], path: Path) -> None:
    """Writes all tensors, and nothing but numbers: a safetensors file holds no code."""
    from safetensors.torch import save

    path.write_bytes(save({name: tensor.detach().cpu().contiguous() for name, tensor in named(nets)}))


def named(nets: Sequence[nn.Module]) -> Iterator[tuple[str, Tensor]]:
    """The tensors of all networks: the first one's by their own names, those of network n as `n.NAME`.

    What networks share comes once.
    """
    for number, net in enumerate(nets):
        for name, tensor in net.state_dict().items():
            if number == 0 or not (isinstance(net, OnFrozen) and name.startswith(SHARED)):
                yield f"{number}.{name}" if number else name, tensor


def load_networks(info: Mapping[str, Any], path: Path) -> list[nn.Module]:
    """The networks that model.json describes, with the tensors of `path`, in evaluation mode."""
    nets = blank(info)
    given, own = read_weights(path), dict(named(nets))
    wrong = [name for name in own if name not in given or given[name].shape != own[name].shape]
    wrong += [name for name in given if name not in own]
    if wrong:
        raise InputError(
            f"{path} does not fit model.json beside it: {', '.join(wrong[:SHOWN])}{' ...' * (len(wrong) > SHOWN)}. "
            "Give the folder as `overread train` wrote it."
        )
    for name, tensor in own.items():
        tensor.copy_(given[name])
    return [channels_last(net).eval() for net in nets]


def blank(info: Mapping[str, Any]) -> list[nn.Module]:
    """The networks that model.json describes, before they get their weights."""
    count, classes, size, channels = info["networks"], len(info["classes"]), info["size"], info["channels"]
    with torch.random.fork_rng():
        if info["effort"] == "full":
            return [build(info["network"], classes, size, "none", channels) for _ in range(count)]
        body = body_of(build(info["network"], 2, size, "none", channels))
        heads = [mlp_head(info["features"], classes) for _ in range(count)]
    mean, scale = torch.zeros(info["features"]), torch.ones(info["features"])  # shared, as the body is
    return [OnFrozen(body, mean, scale, head) for head in heads]


@torch.inference_mode()
def predicted(nets: Sequence[nn.Module], x: Tensor) -> Tensor:
    """[B, C] probabilities of images or features x: the mean of the networks' softmax."""
    return torch.stack([net(x)[0].float().softmax(1) for net in nets]).mean(0)


def device_of(name: str) -> torch.device:
    """Where to predict: `auto` takes the GPU where there is one."""
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device is one of auto, cpu, cuda, not {name!r}.")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda, but PyTorch sees no GPU here. Use --device auto or cpu.")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
