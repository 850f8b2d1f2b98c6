"""A trained model's file: the tensors of its networks, and what is needed to build the networks again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from overread.data.problems import SHOWN
from overread.engine.networks import (
    OnFrozen,
    body_of,
    build,
    build_segmenter,
    channels_last,
    mlp_head,
    read_weights,
)
from overread.engine.samples import scaled
from overread.engine.segmentation import Segmentation
from overread.engine.task import Classification, Task
from overread.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]
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
        if info.get("task") == "segmentation":
            outputs = task_of(info).outputs
            return [build_segmenter(info["network"], outputs, size, "none", channels) for _ in range(count)]
        if info["effort"] == "full":
            return [build(info["network"], classes, size, "none", channels) for _ in range(count)]
        body = body_of(build(info["network"], 2, size, "none", channels))
        heads = [mlp_head(info["features"], classes) for _ in range(count)]
    mean, scale = torch.zeros(info["features"]), torch.ones(info["features"])  # shared, as the body is
    return [OnFrozen(body, mean, scale, head) for head in heads]


def task_of(info: Mapping[str, Any]) -> Task:
    """The task that model.json describes."""
    classes = tuple(info["classes"])
    if info.get("task") == "segmentation":
        return Segmentation(classes, exclusive=info["exclusive"])
    return Classification(classes)


@torch.inference_mode()
def predicted(nets: Sequence[nn.Module], x: Tensor, probabilities: Callable[[Tensor], Tensor]) -> Tensor:
    """[B, C] probabilities of images or features x, or [B, K, *S] of structures: the mean over the networks."""
    return torch.stack([probabilities(net(x)[0]) for net in nets]).mean(0)


def predictions(
    nets: Sequence[nn.Module], pixels: Any, task: Task, batch_size: int, device: str, quiet: bool
) -> Iterator[Array]:
    """Probabilities float32 [B, C], or [B, K, S, S] of structures, batch by batch, of what gives uint8
    [B, S, S, 3] for a slice."""
    from tqdm import tqdm

    where, count = device_of(device), len(pixels)
    nets = [net.to(where) for net in nets]
    with tqdm(total=count, desc="predicting", unit="image", disable=quiet) as bar:
        for rows in (slice(start, start + batch_size) for start in range(0, count, batch_size)):
            batch = torch.from_numpy(np.ascontiguousarray(pixels[rows]))
            yield predicted(nets, scaled(batch.to(where)), task.probabilities).float().cpu().numpy()
            bar.update(len(batch))


def device_of(name: str) -> torch.device:
    """Where to predict: `auto` takes the GPU where there is one."""
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device is one of auto, cpu, cuda, not {name!r}.")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda, but PyTorch sees no GPU here. Use --device auto or cpu.")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
