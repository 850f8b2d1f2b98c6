"""How many images a second our loop trains on, against a bare PyTorch loop over tensors in memory.

    python benchmarks/loop.py --data ../shared/data --work /tmp/bench [--images 1024] [--device auto]

The same network, batches of one size, optimiser, scaling from uint8, precision and plain cross-entropy; ours keeps
its ledger besides (loss and opinion of every sample), the bare one nothing. EfficientNet-Lite0 and ResNet-18 at
64x64; on a GPU also ResNet-50 at 224x224, and the share of the time that the GPU waits, between two steps, for the
next batch: gathering it, copying it over and scaling it. Both loops in one process, in turns, the median of nine
epochs; what engine/device.py asks of the C library holds for both. The result goes to benchmarks/results/loop.json
(loop-cuda.json).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from measuring import (
    CLASSES,
    first,
    frame,
    ham10000,
    in_turns,
    keep,
    on_gpu,
    precision,
    ratios,
    rounded,
    wait_for,
)
from overread.engine.device import make_fabric
from overread.engine.loop import Recipe, Training, TrainingSet, fit
from overread.engine.networks import build, channels_last
from overread.engine.samples import Samples
from overread.methods.ce import CE

LR, MOMENTUM, WEIGHT_DECAY, SEED = 0.01, 0.9, 1e-4, 0


@dataclass(frozen=True)
class Case:
    """One network at one size, and the share of the bare loop's speed that ours is to reach."""

    network: str
    size: int
    batch_size: int
    goal: float

    @property
    def name(self) -> str:
        return f"{self.network} at {self.size}x{self.size}, batches of {self.batch_size}"

    def make(self) -> nn.Module:
        return build(self.network, len(CLASSES), self.size, "none")


SMALL = (Case("efficientnet-lite0", 64, 128, 0.92), Case("resnet18", 64, 128, 0.92))
LARGE = Case("resnet50", 224, 128, 0.90)


def bare(case: Case, samples: Samples, fabric: Any) -> Callable[[], None]:
    """A function that trains one epoch as one writes it by hand."""
    device = fabric.device
    images, labels = torch.from_numpy(samples.x).to(device), torch.from_numpy(samples.y).to(device)
    torch.manual_seed(SEED)
    net = channels_last(case.make()).to(device).train()
    sgd = torch.optim.SGD(net.parameters(), lr=LR, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)

    def one() -> None:
        total = torch.zeros((), device=device)
        for rows in torch.randperm(len(images), device=device).split(case.batch_size):
            x = images[rows].permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)
            with precision(device):
                loss = F.cross_entropy(net(x)[0], labels[rows])
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            total += loss.detach()
        total.item()
        wait_for(device)

    return one


def ours(case: Case, samples: Samples, fabric: Any) -> tuple[Callable[[], None], Training]:
    """A function that trains one epoch with our loop, and the run."""
    data = TrainingSet(samples, torch.arange(len(samples)), CLASSES)
    recipe = Recipe(50, case.batch_size, LR, MOMENTUM, WEIGHT_DECAY, SEED)
    training = Training(CE(), data, case.make, recipe, fabric)
    epochs = fit(training)

    def one() -> None:
        next(epochs)
        wait_for(fabric.device)

    return one, training


class Waits:
    """Marks in the GPU's own queue the end of each step and the beginning of the next one's network."""

    def __init__(self, training: Training) -> None:
        self.ends: list[Any] = []
        self.begins: list[Any] = []
        training.nets[0].module.register_forward_pre_hook(lambda *_: self.begins.append(mark()))
        training.optimizer.optimizer.register_step_post_hook(lambda *_: self.ends.append(mark()))

    def share(self, epoch: Callable[[], None]) -> float:
        """The share of an epoch's time that lies between the steps."""
        self.ends.clear()
        self.begins.clear()
        epoch()
        between = zip(self.ends[:-1], self.begins[1:], strict=True)
        waited = sum(end.elapsed_time(begin) for end, begin in between)
        return waited / self.begins[0].elapsed_time(self.ends[-1])


def mark() -> Any:
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


def compare(case: Case, samples: Samples, fabric: Any, rounds: int) -> dict[str, Any]:
    """Both loops on one network."""
    print(case.name)
    epoch, training = ours(case, samples, fabric)
    taken = in_turns({"ours": epoch, "bare": bare(case, samples, fabric)}, rounds)
    speed = {name: len(samples) / one.median("clock") for name, one in taken.items()}
    found = {
        "images": len(samples),
        "goal": case.goal,
        **ratios(taken["bare"], taken["ours"]),  # seconds of bare over ours: our share of its images a second
        "images a second": speed,
        "seconds": {name: one.clock for name, one in taken.items()},
    }
    if on_gpu(fabric.device):
        found["share of time that the GPU waits"] = Waits(training).share(epoch)
    return found


def cases(options: argparse.Namespace, device: torch.device) -> Iterator[tuple[Case, Samples, str]]:
    """What is compared on this machine, with its images."""
    samples, source = ham10000(options.data, 64, options.work)
    for case in SMALL:
        yield case, first(samples, options.images), source
    if on_gpu(device):
        samples, source = ham10000(options.data, LARGE.size, options.work)
        yield LARGE, first(samples, options.images), source


def measure(options: argparse.Namespace) -> tuple[torch.device, dict[str, Any]]:
    fabric = make_fabric(options.device)
    started = time.perf_counter()
    found, sources = {}, {}
    for case, samples, source in cases(options, fabric.device):
        sources[case.name] = source
        found[case.name] = compare(case, samples, fabric, options.rounds)
    result = {
        **frame(fabric.device, SEED),
        "data": sources,
        "precision": "bf16" if on_gpu(fabric.device) else "32",
        "rounds": options.rounds,
        "cases": found,
        "measured in": time.perf_counter() - started,
    }
    return fabric.device, rounded(result)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "overread-bench")
    parser.add_argument("--images", type=int, default=0, help="train on the first N images; 0: all")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args(arguments)
    device, result = measure(options)
    for name, case in result["cases"].items():
        print(f"{name}: {case['ratio']:.3f} of the bare loop, by processors {case['of processors']:.3f}")
    print(keep("loop", device, result))


if __name__ == "__main__":
    main()
