"""What the measuring scripts share: the images, epochs taken in turns, and the frame of a result file."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from overread.data.load import load
from overread.data.options import DataOptions
from overread.engine.samples import Samples
from overread.files import write_json
from overread.run import machine, now, versions

RESULTS = Path(__file__).parent / "results"
KINDS = ("clock", "processors")
CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
COUNTS = (214, 337, 772, 82, 780, 4699, 105)  # of the training split of HAM10000
TRAIN = DataOptions(task="classification", label_col="diagnosis", group_col="lesion_id", split="train")


def ham10000(data: Path, size: int, work: Path) -> tuple[Samples, str]:
    """The 6,989 training images of HAM10000, in memory and in random order, and where they came from.

    Where the data is not there: as many images of noise, under as many labels of each class. A network takes the
    same time for them.
    """
    rng = np.random.default_rng(0)
    order = rng.permutation(sum(COUNTS))
    table = data / "ham10000" / "labels.csv"
    if table.exists():
        reading, images = load(table, TRAIN, size, work / "cache", quiet=True)
        return Samples(np.asarray(images)[order], reading.manifest.given[order]), "HAM10000, training split"
    y = np.repeat(np.arange(len(COUNTS)), COUNTS)[order]
    x = rng.integers(0, 256, (len(y), size, size, 3), dtype=np.uint8)
    return Samples(x, y), f"generated noise, because {table} is not there"


def first(samples: Samples, count: int) -> Samples:
    """The first `count` samples; 0: all."""
    return Samples(samples.x[:count], samples.y[:count]) if count else samples


@dataclass(frozen=True)
class Taken:
    """What one run took in each round: seconds by the clock, and of all processors together."""

    clock: list[float] = field(default_factory=list)
    processors: list[float] = field(default_factory=list)

    def add(self, work: Callable[[], object]) -> None:
        """Does the work and notes what it took."""
        clock, processors = time.perf_counter(), time.process_time()
        work()
        self.clock.append(time.perf_counter() - clock)
        self.processors.append(time.process_time() - processors)

    def median(self, kind: str) -> float:
        """The median over the rounds, of `clock` or `processors`."""
        return statistics.median(getattr(self, kind))


def timed(work: Callable[[], object], times: int) -> Taken:
    """What a piece of work takes, some times."""
    taken = Taken()
    for _ in range(times):
        taken.add(work)
    return taken


def in_turns(
    runs: Mapping[str, Callable[[], object]], rounds: int, say: Callable[[str], None] = print
) -> dict[str, Taken]:
    """What each run took in each of the rounds, after one more that does not count.

    The runs take turns, every other round backwards, so that a machine that slows down slows all alike.
    """
    taken = {name: Taken() for name in runs}
    for number in range(rounds + 1):
        for name in list(runs) if number % 2 else reversed(runs):
            (taken[name] if number else Taken()).add(runs[name])
        last = ", ".join(f"{name} {one.clock[-1]:.2f} s" for name, one in taken.items() if one.clock)
        say(f"round {number} of {rounds}: {last or 'warming up'}")
    return taken


def ratio(seconds: list[float], base: list[float]) -> float:
    """The median over the rounds of one run's seconds over another's in the same round.

    >>> ratio([1.0, 4.0, 3.0], [1.0, 2.0, 2.0])
    1.5
    """
    return statistics.median(one / other for one, other in zip(seconds, base, strict=True))


def ratios(one: Taken, base: Taken) -> dict[str, float]:
    """`ratio` by the clock, and by the processors' seconds, which other work on the machine disturbs less."""
    return {"ratio": ratio(one.clock, base.clock), "of processors": ratio(one.processors, base.processors)}


def on_gpu(device: torch.device) -> bool:
    return device.type == "cuda"


def precision(device: torch.device) -> AbstractContextManager[Any]:
    """What `make_fabric` chooses: bfloat16 on a GPU, float32 on a CPU."""
    return torch.autocast(device.type, torch.bfloat16, enabled=on_gpu(device))


def wait_for(device: torch.device) -> None:
    """Returns when a GPU is done with all that it was given."""
    if on_gpu(device):
        torch.cuda.synchronize(device)


def frame(device: torch.device, seed: int) -> dict[str, Any]:
    """What every result says of how it came about."""
    where = machine() | {"threads": torch.get_num_threads()}
    if on_gpu(device):
        where["gpu"] = torch.cuda.get_device_name(device)
    return {
        "command": ["python", *sys.argv],
        "date": now(),
        "versions": versions(),
        "machine": where,
        "seed": seed,
    }


def keep(name: str, device: torch.device, result: Mapping[str, Any]) -> Path:
    """Writes benchmarks/results/NAME.json, or NAME-cuda.json."""
    path = RESULTS / f"{name}-cuda.json" if on_gpu(device) else RESULTS / f"{name}.json"
    write_json(path, result)
    return path


def rounded(values: Any, digits: int = 4) -> Any:
    """All floats within dicts and lists, rounded."""
    if isinstance(values, dict):
        return {key: rounded(value, digits) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [rounded(value, digits) for value in values]
    return round(values, digits) if isinstance(values, float) else values
