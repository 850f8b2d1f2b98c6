"""What each bought label brings: samplers and first phases of `overread clean`, cell by cell, resumable.

    python benchmarks/clean.py --data ../shared/data --work /tmp/bench [--cells TEXT ...] [--minutes M] [--list]

HAM10000, lesions as groups, with its own 57 : 1 tail. 40 % of the labels of training and validation part are wrong:
`symmetric`, or `class`, one class taken for those that look like it (benchmarks/lookalike40.csv); drawn with seed
200 + SEED, all else with seed SEED. 8 rounds of 150 labels, answered by the true labels, each charged. The test part
is clean, and nothing is chosen on it: settings are those of `overread clean`, each round's last epoch is measured.
A cell is TABLE-NOISE-START-SAMPLER-SEED; each finished one is a JSON file in benchmarks/results/clean/ and is not run
again; one that was interrupted goes on where it was. Several processes may work side by side. The tables and curves
come from benchmarks/clean_table.py.

Table f: heads on frozen features; table e: EfficientNet-Lite0 end to end at 64x64. First phases:
    none        nothing: active learning, P4's rival
    nothing     the same with balanced rounds, as `overread clean --start none` has them
    ce          cross-entropy on all noisy labels; no given label is trusted: P4's rival
    vog         co-teaching VOG and what it selects (P4)
    bernhardt   co-teaching, and in every round again on all labels, verified ones fixed (Bernhardt et al. 2022)
    overread    the default: cross-entropy stopped early, and what the consensus of the detectors does not doubt; each
                round shows each class of what is trusted equally often; the papers' rounds show samples as they come
    plain       the default but for that: samples as they come (`--balance none`)
`ceiling` learns from the true labels of the whole training part.
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

from overread import clean, corrupt, train
from overread.data.options import DataOptions
from overread.noise.choose import make
from overread.verbs.cleaning.config import CleanConfig
from overread.verbs.config import TrainConfig

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "clean"
BUDGET, ROUNDS = 1200, 8
STARTS: dict[str, dict[str, Any]] = {
    "none": {"start": "none", "balance": "none"},
    "nothing": {"start": "none"},
    "ce": {"start": "ce", "trust": "none", "balance": "none"},
    "vog": {"start": "co-teaching-vog", "trust": "method", "balance": "none"},
    "bernhardt": {"start": "co-teaching", "trust": "none", "update": "all", "balance": "none"},
    "plain": {"start": "ce", "trust": "consensus", "balance": "none"},
    "overread": {"start": "ce", "trust": "consensus"},
}
SAMPLERS: dict[str, dict[str, Any]] = {
    **{name: {"sampler": name} for name in ("random", "entropy", "coreset", "bernhardt", "suspicion")},
    "suspicion+balanced": {"sampler": "suspicion", "balanced": True},
    "entropy+balanced": {"sampler": "entropy", "balanced": True},
}
WIDE = ("random", "entropy", "suspicion+balanced")  # end to end: the best two on frozen features, and random
NOISES = ("symmetric", "class")


@dataclass(frozen=True)
class Cell:
    """One course of cleaning: how its networks are made, a noise, a first phase, a sampler, a seed."""

    table: str
    noise: str
    start: str
    sampler: str
    seed: int

    @property
    def data(self) -> str:
        return f"ham10000-{'symmetric-00' if self.start == 'ceiling' else f'{self.noise}-40'}-{self.seed}"

    @property
    def name(self) -> str:
        return f"{self.table}-{self.noise}-{self.start}-{self.sampler}-{self.seed}"


def cells() -> list[Cell]:
    """All cells, the most wanted first."""
    found = []
    for seed in (1, 2, 3):
        found += [Cell("f", "symmetric", "ceiling", "all", seed)]
        found += [Cell("f", noise, start, s, seed) for noise in NOISES for start in STARTS for s in SAMPLERS]
    return [*found, *(Cell("e", n, "overread", s, seed) for seed in (1, 2, 3) for n in NOISES for s in WIDE)]


def noisy(cell: Cell, data: Path, work: Path) -> Path:
    """The data of a cell, made once."""
    out = work / "train-data" / cell.data
    if not out.exists():
        options = DataOptions(task="classification", label_col="diagnosis", group_col="lesion_id")
        if cell.start == "ceiling":
            noise = make("symmetric", 0.0)
        elif cell.noise == "class":
            noise = make("class", None, {"matrix": str(HERE / "lookalike40.csv")})
        else:
            noise = make("symmetric", 0.4)
        source = data / "ham10000" / "labels.csv"
        corrupt(source, out, noise, options, seed=200 + cell.seed, only=("train", "val"), quiet=True)
    return out


def run(cell: Cell, options: argparse.Namespace) -> None:
    """Cleans, and keeps every round."""
    source, out = noisy(cell, options.data, options.work), options.work / "clean-runs" / cell.name
    shared: dict[str, Any] = {
        "effort": "fast" if cell.table == "f" else "full",
        "seed": cell.seed,
        "cache": str(options.work / "cache"),
    }
    whole, started = not out.exists(), time.perf_counter()  # a resumed run's time says nothing
    more = {"resume": True, "quiet": options.quiet, "command": ["python", *sys.argv]}
    if cell.start == "ceiling":
        result = train(source, out, config=TrainConfig(method="ce", **shared), **more)
        found = {"metrics": result.metrics["test"]}
    else:
        plan = {**STARTS[cell.start], **SAMPLERS[cell.sampler], "budget": BUDGET, "rounds": ROUNDS}
        bought = clean(source, out, config=CleanConfig(expert="oracle", **plan, **shared), **more)
        kept = ("noise_rate", "trusted", "labels", "forecast", "stop", "guard")
        rounds = json.loads(bought.rounds.to_json(orient="records"))
        found = {"rounds": rounds, **{name: bought.summary[name] for name in kept}}
    info = json.loads((out / "run.json").read_text())
    record = {
        "cell": cell.name,
        "command": ["python", *sys.argv],
        "versions": info["versions"],
        "machine": info["machine"],
        "seed": cell.seed,
        "seconds": round(time.perf_counter() - started, 1) if whole else None,
        "peak_memory_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        **found,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{cell.name}.json").write_text(json.dumps(record, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path("/tmp/overread-bench"))
    parser.add_argument(
        "--cells", nargs="+", default=[""], help="only cells whose names hold these texts, in their order"
    )
    parser.add_argument("--minutes", type=float, default=600, help="start no further cell after this time")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()
    started = time.monotonic()
    for cell in dict.fromkeys(cell for text in options.cells for cell in cells() if text in cell.name):
        done = (RESULTS / f"{cell.name}.json").exists()
        if options.list or done:
            print(f"{cell.name}{'  done' if done else ''}")
        elif time.monotonic() - started < 60 * options.minutes:
            print(cell.name, flush=True)
            run(cell, options)


if __name__ == "__main__":
    main()
