"""What an epoch of a method costs, against plain cross-entropy with as many networks.

    python benchmarks/cost.py --data ../shared/data --work /tmp/bench [--images 1024] [--device auto]

ResNet-18 from random weights, 64x64, batches of 128, the training images of HAM10000; all epochs in one process, in
turns, the median of nine. VOG as it was published takes a further forward and backward pass of each network an
epoch; `published` here is that, for comparison. OUSM + pLOF re-weighs every fifth epoch: plain epochs and such with
re-weighting are timed apart. `--images` times the epochs on the first N images; what grows faster than N, or is
small beside noise, the work at an epoch's end, is timed on all 6,989 as well and its share computed. The result goes
to benchmarks/results/cost.json (cost-cuda.json).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
import torch
from torch import Tensor, nn

from measuring import (
    CLASSES,
    KINDS,
    Taken,
    first,
    frame,
    ham10000,
    in_turns,
    keep,
    on_gpu,
    precision,
    ratios,
    rounded,
    timed,
    wait_for,
)
from overread.engine.device import make_fabric
from overread.engine.ledger import Column, Ledger
from overread.engine.loop import Recipe, Training, TrainingSet, fit
from overread.engine.method import Batch, Method, Run
from overread.engine.networks import build
from overread.engine.samples import Samples
from overread.engine.task import Classification, Task
from overread.functional.neighbours import unit
from overread.functional.outliers import class_outliers
from overread.functional.records import record, recorded
from overread.methods.ce import CE
from overread.methods.co_teaching import CoTeaching
from overread.methods.co_teaching_vog import GRADIENTS, CoTeachingVOG
from overread.methods.ousm import OUSM
from overread.methods.ousm_plof import OUSMpLOF

EVERY = 5  # epochs between re-weightings
NEVER = 1000
SETTING = {"drop": 0.2, "ramp": 1}  # selection from the second epoch on, which is the first that is timed
Ends = dict[str, tuple[Taken, Taken]]
BASE: dict[str, tuple[str, float | None]] = {  # what each epoch is held against, and the goal
    "ousm": ("ce", 1.05),
    "ousm, rank=run": ("ce", 1.05),
    "ousm-plof, plain epoch": ("ce", None),
    "ousm-plof, re-weighting": ("ce", None),
    "ousm-plof, amortised": ("ce", 1.10),
    "ce, two networks": ("ce", None),
    "co-teaching": ("ce, two networks", None),
    "co-teaching-vog, feature": ("co-teaching", 1.05),
    "co-teaching-vog, param": ("co-teaching", 1.05),
    "co-teaching-vog, published": ("co-teaching", None),
}


@final
@dataclass(frozen=True)
class TwoCE(Method):
    """Two networks side by side, each under plain cross-entropy."""

    tasks: ClassVar[tuple[str, ...]] = ("classification",)

    def networks(self, make: Callable[[], nn.Module], task: Task) -> list[nn.Module]:
        return [make(), make()]

    def columns(self, task: Task) -> dict[str, Column]:
        return recorded(task)

    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        z1, z2 = (net(batch.x)[0] for net in nets)  # [B, C]
        record(run, batch, z1, z2)
        means = [run.task.mean(run.task.losses(z, batch.y), batch.y) for z in (z1, z2)]
        return means[0] + means[1]


@final
@dataclass(frozen=True)
class PublishedVOG(Method):
    """Co-teaching VOG whose gradients come from further passes: per network one forward and one backward through
    all of it, and the last layer's gradients of each sample, [B, C, 1 + D], of which the given label's row is kept.
    """

    inner: CoTeachingVOG

    def networks(self, make: Callable[[], nn.Module], task: Task) -> list[nn.Module]:
        return self.inner.networks(make, task)

    def columns(self, task: Task) -> dict[str, Column]:
        return self.inner.columns(task)

    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        z1, z2 = (net(batch.x)[0] for net in nets)  # [B, C]
        record(run, batch, z1, z2)
        l1, l2 = run.task.losses(z1, batch.y), run.task.losses(z2, batch.y)  # [B]
        vogs = run.ledger.get("vog-each", batch.ids)  # [B, 2]
        p1, p2 = (self.inner.pick(one, v, batch, run) for one, v in zip((l1, l2), vogs.T, strict=True))
        return run.task.mean(l1[p2], batch.y[p2]) + run.task.mean(l2[p1], batch.y[p1])

    def epoch_end(self, nets: Sequence[nn.Module], run: Run) -> None:
        for name, net in zip(GRADIENTS, nets, strict=True):
            for batch in run.sweep():
                with torch.enable_grad(), precision(batch.x.device):
                    z, f = net.module(batch.x)  # Fabric's wrapper wants its own backward
                    z.retain_grad()
                    run.task.losses(z, batch.y).sum().backward()
                inputs = torch.cat([torch.ones_like(f[:, :1]), f.detach()], 1)  # [B, 1 + D]
                each = z.grad[:, :, None] * inputs[:, None]  # [B, C, 1 + D]
                run.ledger.put(name, batch.ids, each[torch.arange(len(f), device=f.device), batch.y])
            net.zero_grad()
        self.inner.epoch_end(nets, run)


def methods() -> dict[str, Method]:
    """All that is timed."""
    vog = partial(CoTeachingVOG, warmup=1, **SETTING)
    return {
        "ce": CE(),
        "ousm": OUSM(**SETTING),
        "ousm, rank=run": OUSM(rank="run", rebalance=0.5, **SETTING),
        "ousm-plof, plain epoch": OUSMpLOF(every=NEVER, **SETTING),
        "ousm-plof, re-weighting": OUSMpLOF(every=1, **SETTING),
        "ce, two networks": TwoCE(),
        "co-teaching": CoTeaching(**SETTING),
        "co-teaching-vog, feature": vog(gradient="feature"),
        "co-teaching-vog, param": vog(gradient="param"),
        "co-teaching-vog, published": PublishedVOG(vog(gradient="param")),
    }


def epoch_of(method: Method, samples: Samples, fabric: Any) -> Callable[[], None]:
    """A function that trains one more epoch of 50."""
    size = samples.x.shape[1]
    data = TrainingSet(samples, torch.arange(len(samples)), CLASSES)
    make = partial(build, "resnet18", len(CLASSES), size, "none")
    recipe = Recipe(epochs=50, batch_size=128, lr=0.01)
    epochs = fit(Training(method, data, make, recipe, fabric))

    def one() -> None:
        next(epochs)
        wait_for(fabric.device)

    return one


def outliers_of(y: np.ndarray[Any, Any]) -> Taken:
    """What pLOF takes for samples with labels `y` and features of 512 dimensions."""
    features = np.random.default_rng(0).normal(size=(len(y), 512)).astype(np.float16)
    return timed(lambda: class_outliers(unit(features), y), 3)


def vog_of(count: int, gradient: str) -> Taken:
    """What the end of an epoch of co-teaching VOG takes for `count` samples."""
    method, task = CoTeachingVOG(gradient=gradient), Classification(CLASSES, features=512)
    run = Run(task, Ledger(count, 50, method.columns(task)), 50)
    for name in GRADIENTS:
        run.ledger.history(name).normal_()
    return timed(lambda: method.epoch_end([], run), 5)


def on_all(taken: dict[str, Taken], y: np.ndarray[Any, Any], timed_on: int) -> dict[str, Any]:
    """The ratios computed for all samples: epochs in proportion, the work at their ends as it was timed."""
    ends = {"pLOF": (outliers_of(y[:timed_on]), outliers_of(y))}
    for gradient in ("feature", "param"):
        ends[gradient] = (vog_of(timed_on, gradient), vog_of(len(y), gradient))
    return {
        "images": len(y),
        "seconds of the end": {name: whole.median("clock") for name, (_, whole) in ends.items()},
        "ratios": {kind: ratios_on_all(taken, ends, len(y) / timed_on, kind) for kind in KINDS},
    }


def ratios_on_all(taken: dict[str, Taken], ends: Ends, times: float, kind: str) -> dict[str, float]:
    """Of seconds of one kind; `times` as many images, `ends` on some and on all."""
    median = {name: one.median(kind) for name, one in taken.items()}
    part, whole = ({name: pair[i].median(kind) for name, pair in ends.items()} for i in (0, 1))
    weighing = times * (median["ousm-plof, re-weighting"] - part["pLOF"]) + whole["pLOF"]
    plain = times * median["ousm-plof, plain epoch"]
    found = {"ousm-plof, amortised": ((EVERY - 1) * plain + weighing) / EVERY / (times * median["ce"])}
    for gradient in ("feature", "param"):
        name = f"co-teaching-vog, {gradient}"
        seconds = times * (median[name] - part[gradient]) + whole[gradient]
        found[name] = seconds / (times * median["co-teaching"])
    return found


def amortised(taken: dict[str, Taken]) -> Taken:
    """Of each round, what an epoch of OUSM + pLOF takes on average."""
    plain, weighed = taken["ousm-plof, plain epoch"], taken["ousm-plof, re-weighting"]

    def mean(kind: str) -> list[float]:
        both = zip(getattr(plain, kind), getattr(weighed, kind), strict=True)
        return [((EVERY - 1) * one + other) / EVERY for one, other in both]

    return Taken(*(mean(kind) for kind in KINDS))


def measure(options: argparse.Namespace) -> tuple[torch.device, dict[str, Any]]:
    fabric = make_fabric(options.device)
    every, source = ham10000(options.data, 64, options.work)
    samples = first(every, options.images)
    started = time.perf_counter()
    taken = in_turns({n: epoch_of(m, samples, fabric) for n, m in methods().items()}, options.rounds)
    taken["ousm-plof, amortised"] = amortised(taken)
    result = {
        **frame(fabric.device, 0),
        "data": source,
        "images": len(samples),
        "precision": "bf16" if on_gpu(fabric.device) else "32",
        "rounds": options.rounds,
        "seconds": {name: {"median": one.median("clock"), **asdict(one)} for name, one in taken.items()},
        "ratios": {
            name: {"to": base, "goal": goal, **ratios(taken[name], taken[base])}
            for name, (base, goal) in BASE.items()
        },
        "on all images": on_all(taken, every.y, len(samples)),
        "measured in": time.perf_counter() - started,
    }
    return fabric.device, rounded(result)


def table(result: dict[str, Any]) -> str:
    """The ratios, to read."""
    every = result["on all images"]
    heads = ("epoch", "to", f"{result['images']} images", "of processors", f"all {every['images']}", "goal")
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, entry in result["ratios"].items():
        whole = every["ratios"]["clock"].get(name)
        cells = (entry["ratio"], entry["of processors"], whole, entry["goal"])
        shown = ["" if cell is None else f"{cell:.3f}" for cell in cells]
        lines.append("| " + " | ".join([name, entry["to"], *shown]) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "overread-bench")
    parser.add_argument("--images", type=int, default=0, help="time epochs on the first N images; 0: all")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device, result = measure(options)
    print(table(result))
    print(keep("cost", device, result))


if __name__ == "__main__":
    main()
