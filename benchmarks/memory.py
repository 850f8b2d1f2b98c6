"""What is remembered of a million samples, planned and measured.

    python benchmarks/memory.py --work /tmp/bench [--samples 1000000] [--methods co-teaching-vog ousm-plof]

Planned: the bytes of every method's columns for a run of 50 epochs, 7 classes and features of 512 dimensions, in
memory and in mapped files. Measured: the ledgers of co-teaching VOG (three epochs) and of OUSM + pLOF (one, and its
re-weighting) with their large columns in files under --work (about 10 GB, removed afterwards); all samples are shown
in shuffled batches of 256, as features drawn at random that real heads look at; the method's own loss and epoch's
end, and a checkpoint of what lies in memory. A thread reads the resident memory every 20 ms from /proc/self/status;
the figures are peaks above what the process had before, in GiB. The result goes to benchmarks/results/memory.json.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from measuring import CLASSES, COUNTS, frame, keep, rounded
from overread.engine.ledger import WHOLE_RUN, Ledger, plan, size
from overread.engine.method import Batch, Method, Run
from overread.engine.networks.classifier import Classifier
from overread.engine.parallel import Exchange
from overread.engine.task import Classification
from overread.methods import METHODS
from overread.methods.co_teaching_vog import CoTeachingVOG
from overread.methods.ousm_plof import OUSMpLOF

EPOCHS, FEATURES, BATCH = 50, 512, 256
GOAL_MAPPED, GOAL_OTHER = 2.0, 1.0  # GiB
TASK = Classification(CLASSES, features=FEATURES)
GIB, MIB = 2**30, 2**20
MEASURED: dict[str, tuple[Method, int]] = {  # and how many epochs it goes through
    "co-teaching-vog": (CoTeachingVOG(drop=0.2, ramp=1, warmup=1), 3),
    "ousm-plof": (OUSMpLOF(drop=0.2, ramp=1, every=1), 1),
}


def planned(method: Method, samples: int) -> dict[str, Any]:
    """The bytes of a method's columns, by where they lie: {"file": {name: bytes}, "memory": {name: bytes}}."""
    places: dict[str, dict[str, int]] = {"file": {}, "memory": {}}
    for name, column in method.columns(TASK).items():
        shape = (samples, EPOCHS if column.window == WHOLE_RUN else column.window, *column.shape)
        places[plan(column, shape)][name] = size(column, shape)
    return places


def plans(samples: int) -> dict[str, dict[str, Any]]:
    """What every method plans, in GiB."""
    found = {}
    for name, entry in METHODS.items():
        places = planned(entry.load()(), samples)
        found[name] = {where: sum(columns.values()) / GIB for where, columns in places.items()}
        found[name]["columns in MiB"] = {
            n: b / MIB for columns in places.values() for n, b in columns.items()
        }
    return found


class Resident:
    """Peaks of the resident memory above what it was in the beginning, phase by phase, in GiB."""

    KINDS = ("VmRSS", "RssAnon", "RssFile", "RssShmem")

    def __init__(self) -> None:
        self.phases: dict[str, dict[str, float]] = {}
        self._before = resident()
        self._peak = dict.fromkeys(self.KINDS, 0.0)
        self._done = threading.Event()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Notes the peaks and the seconds of what is done within."""
        self._peak, self._done = dict.fromkeys(self.KINDS, 0.0), threading.Event()
        watcher = threading.Thread(target=self._watch)
        watcher.start()
        started = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - started
            self._done.set()
            watcher.join()
            self.phases[name] = {**self._peak, "seconds": seconds}
            print(name, rounded(self.phases[name], 2), flush=True)

    def peak(self, kind: str) -> float:
        return max(phase[kind] for phase in self.phases.values())

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            now = resident()
            self._peak = {k: max(v, (now[k] - self._before[k]) / GIB) for k, v in self._peak.items()}


def resident() -> dict[str, int]:
    """Bytes of this process that are in memory: all, anonymous, of files, shared."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    pairs = (line.split(":", 1) for line in lines)
    return {name: int(value.split()[0]) * 1024 for name, value in pairs if name in Resident.KINDS}


def batches(order: torch.Tensor, seed: int) -> Iterator[Batch]:
    """The samples in that order, as batches of random features and labels."""
    generator = torch.Generator().manual_seed(seed)
    shares = torch.tensor(COUNTS) / sum(COUNTS)
    for ids in order.split(BATCH):
        y = torch.multinomial(shares, len(ids), replacement=True, generator=generator)
        yield Batch(ids, torch.randn(len(ids), FEATURES, generator=generator), y)


def measured(method: Method, epochs: int, samples: int, folder: Path) -> Resident:
    """The method's memory of all samples, in use."""
    nets = method.networks(lambda: Classifier(nn.Identity(), FEATURES, len(CLASSES)), TASK)
    watched = Resident()
    with watched.phase("begin"):
        ledger = Ledger(samples, EPOCHS, method.columns(TASK), folder)
    run = Run(TASK, ledger, EPOCHS, sweep=lambda: batches(torch.arange(samples), 0))
    for epoch in range(epochs):
        run.epoch = ledger.epoch = epoch
        with watched.phase(f"epoch {epoch + 1}"):
            for batch in batches(torch.randperm(samples), epoch):
                method.loss(nets, batch, run)
        with watched.phase(f"end of epoch {epoch + 1}"), torch.no_grad():
            ledger.gather(Exchange())
            method.epoch_end(nets, run)
            ledger.gather(Exchange())
    with watched.phase("checkpoint"):
        torch.save(ledger.state(), folder / "state.pt")
    ledger.close()
    return watched


def in_use(name: str, samples: int, work: Path) -> dict[str, Any]:
    """What one method's memory takes."""
    print(name)
    method, epochs = MEASURED[name]
    needed = sum(planned(method, samples)["file"].values()) / GIB + 2
    folder = Path(tempfile.mkdtemp(prefix="memory-", dir=work))
    try:
        if (free := shutil.disk_usage(folder).free / GIB) < needed:
            raise SystemExit(f"{work} needs {needed:.0f} GiB free and has {free:.0f}. Give another --work.")
        watched = measured(method, epochs, samples, folder)
    finally:
        shutil.rmtree(folder)
    peaks = {"all": "VmRSS", "of mapped files": "RssFile", "everything else": "RssAnon"}
    return {"peak": {what: watched.peak(kind) for what, kind in peaks.items()}, "phases": watched.phases}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    return {
        **frame(torch.device("cpu"), 0),
        "samples": options.samples,
        "planned, GiB": plans(options.samples),
        "goals, GiB": {"of mapped files": GOAL_MAPPED, "everything else": GOAL_OTHER},
        "resident, GiB": {name: in_use(name, options.samples, options.work) for name in options.methods},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "overread-bench")
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--methods", nargs="+", choices=list(MEASURED), default=list(MEASURED))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    result = rounded(measure(options))
    for name, entry in result["planned, GiB"].items():
        print(f"{name}: {entry['file']:.2f} GiB in files, {entry['memory']:.2f} GiB in memory")
    for name, entry in result["resident, GiB"].items():
        print(name, entry["peak"])
    print(keep("memory", torch.device("cpu"), result))


if __name__ == "__main__":
    main()
