"""How good the models of `overread train` are in spite of wrong labels: cell by cell, resumable.

    python benchmarks/train.py --data ../shared/data --work /tmp/bench [--cells TEXT] [--minutes M] [--list]

Table a: a small head on frozen features (`--effort fast`), every method, three seeds. Table b: EfficientNet-Lite0
end to end at 64x64, 20 epochs, mirrored (`--augment flip`). HAM10000; noise on the labels of train and validation
(drawn with seed 200 + SEED, training with seed SEED), the test part as it is. A cell is
TABLE-NOISE-RATE-METHOD-SEED; each finished one is a JSON file in benchmarks/results/train/ and is not run again; one
that was interrupted goes on where it was. The tables go to benchmarks/results/train.md.

The models of the last epoch are measured (no epoch is chosen on anything); the noise rate is estimated. The recipes
are those of `overread train`, chosen on the clean validation part with other draws. A method's share of the gap is
(method - CE) / (CE on clean labels - CE) at the same noise and seed, its interval a bootstrap over lesions of
the test part, the same lesions for all three.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overread import corrupt, train
from overread.data.options import DataOptions
from overread.noise.choose import make
from overread.verbs.config import TrainConfig

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "train"
METHODS: dict[str, tuple[str, dict[str, str]]] = {  # name in the table -> method, --set
    "ce": ("ce", {}),
    "ousm": ("ousm", {}),
    "ousm-plof": ("ousm-plof", {}),
    "forward": ("forward", {}),
    "noise-adaptation": ("noise-adaptation", {}),
    "co-teaching": ("co-teaching", {}),
    "co-teaching-vog": ("co-teaching-vog", {}),
    "joint": ("joint", {}),
    "elr": ("elr", {}),
    "sce": ("sce", {}),
    "gce": ("gce", {}),
    "ousm+run": ("ousm", {"rank": "run"}),
    "ousm+run+rebalance": ("ousm", {"rank": "run", "rebalance": "0.35"}),
    "ousm+quota": ("ousm", {"quota": "yes"}),
    "co-teaching+quota": ("co-teaching", {"quota": "yes"}),
}
END_TO_END = ("ce", "ousm", "ousm+run+rebalance", "co-teaching", "forward", "ousm-plof", "co-teaching-vog")
NOISES = (("symmetric", 0.4), ("loss-ranked", 0.2), ("symmetric", 0.2), ("symmetric", 0.0))
SIZES = {"a": (1, 2, 3), "b": (1,)}  # seeds of each table


@dataclass(frozen=True)
class Cell:
    """One model: a table, a noise, a method, a seed."""

    table: str
    noise: str
    rate: float
    method: str
    seed: int

    @property
    def data(self) -> str:
        return f"ham10000-{self.noise}-{round(100 * self.rate):02d}-{self.seed}"

    @property
    def name(self) -> str:
        return f"{self.table}-{self.noise}-{round(100 * self.rate):02d}-{self.method}-{self.seed}"


def cells(gpu: bool = False) -> list[Cell]:
    """All cells, the most wanted first. On a GPU table b has three seeds."""
    seeds = SIZES["a"]
    a = [Cell("a", "symmetric", 0.0, "ce", s) for s in seeds]
    a += [Cell("a", n, r, m, s) for n, r in NOISES for s in seeds for m in METHODS]
    a = list(dict.fromkeys(a))
    seeds = (1, 2, 3) if gpu else SIZES["b"]
    first = [("symmetric", 0.0, "ce")] + [("symmetric", 0.4, m) for m in END_TO_END]
    rest = [("symmetric", 0.0, m) for m in END_TO_END[1:]]
    b = [Cell("b", n, r, m, s) for s in seeds for n, r, m in (*first, *rest)]
    return [*b, *a]


def noisy(cell: Cell, data: Path, work: Path) -> Path:
    """The data of a cell, made once."""
    out = work / "train-data" / cell.data
    if not out.exists():
        columns = {"label_col": "diagnosis", "group_col": "lesion_id"}
        options = DataOptions(task="classification", **columns)
        source = data / "ham10000" / "labels.csv"
        noise = make(cell.noise, cell.rate)
        corrupt(source, out, noise, options, seed=200 + cell.seed, only=("train", "val"), quiet=True)
    return out


def config_of(cell: Cell, work: Path, size: int) -> TrainConfig:
    method, settings = METHODS[cell.method]
    shared: dict[str, Any] = {
        "method": method,
        "settings": settings,
        "seed": cell.seed,
        "cache": str(work / "cache"),
    }
    if cell.table == "a":
        return TrainConfig(effort="fast", **shared)
    return TrainConfig(effort="full", size=size, epochs=20, augment="flip", **shared)


def run(cell: Cell, options: argparse.Namespace) -> None:
    """Trains, and keeps the figures."""
    source = noisy(cell, options.data, options.work)
    out = options.work / "train-runs" / cell.name
    whole = not out.exists()  # a resumed run's time says nothing
    started = time.perf_counter()
    config = config_of(cell, options.work, options.size)
    result = train(
        source, out, config=config, resume=True, quiet=options.quiet, command=["python", *sys.argv]
    )
    info = json.loads((out / "run.json").read_text())
    record = {
        "cell": cell.name,
        "command": ["python", *sys.argv],
        "versions": info["versions"],
        "machine": info["machine"],
        "seed": cell.seed,
        "seconds": round(time.perf_counter() - started, 1) if whole else None,
        "peak_memory_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "noise_rate": result.summary["noise_rate"],
        "metrics": {moment: result.metrics[moment] for moment in ("last", "best")},
        "selection": selection(source, out),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{cell.name}.json").write_text(json.dumps(record, indent=1) + "\n")


def selection(source: Path, out: Path) -> dict[str, Any] | None:
    """Per class, what a selecting method kept as clean in its last epoch: recall and guess % (P4's Table 1)."""
    import pandas as pd

    with np.load(out / "evidence.npz", allow_pickle=False) as evidence:
        if "column.kept" not in evidence.files:
            return None
        kept = evidence["column.kept"][:, -1] >= 0.5
        ids = evidence["ids"].astype(str)
    manifest = pd.read_csv(out / "manifest.csv", dtype=str, keep_default_na=False).set_index("id").loc[ids]
    clean = (manifest["given"] == manifest["true"]).to_numpy()
    table = {}
    for name in sorted(set(manifest["true"])):
        of_class, given = (manifest[column].to_numpy() == name for column in ("true", "given"))
        truly, taken = of_class & clean, kept & given
        table[name] = {
            "clean": int(truly.sum()),
            "recall": round(float(kept[truly].mean()), 4) if truly.any() else None,
            "guess": round(float(of_class[taken].mean()), 4) if taken.any() else None,
        }
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path("/tmp/overread-bench"))
    parser.add_argument("--cells", default="", help="only cells whose name holds this text")
    parser.add_argument("--minutes", type=float, default=600, help="start no further cell after this time")
    parser.add_argument("--size", type=int, default=64, help="pixels in table b; 128 on a GPU")
    parser.add_argument("--gpu", action="store_true", help="three seeds in table b")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()
    started = time.monotonic()
    for cell in (cell for cell in cells(options.gpu) if options.cells in cell.name):
        done = (RESULTS / f"{cell.name}.json").exists()
        if options.list:
            print(cell.name, "done" if done else "")
        elif not done and claimed(cell, options.work) and time.monotonic() - started < 60 * options.minutes:
            print(cell.name, flush=True)
            run(cell, options)


def claimed(cell: Cell, work: Path) -> bool:
    """Takes the cell for this process; several may work side by side. A claim ends with its process."""
    import fcntl

    (work / "claims").mkdir(parents=True, exist_ok=True)
    file = (work / "claims" / cell.name).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    CLAIMS.append(file)  # held open
    return not (RESULTS / f"{cell.name}.json").exists()


CLAIMS: list[Any] = []


if __name__ == "__main__":
    main()
