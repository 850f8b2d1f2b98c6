"""How well `overread audit` finds labels that were made wrong: cell by cell, resumable.

    python benchmarks/audit.py --data ../shared/data --work /tmp/bench [--cells TEXT] [--list]

A cell is DATA/NOISE-RATE/EFFORT/SEED. Each finished cell is one JSON file in benchmarks/results/audit/; a cell
that has one is not run again. The table over the seeds goes to benchmarks/results/audit.md. Noise is drawn with
seed 100 + SEED, the audit trains with seed SEED: the recipe and the pool's weights were chosen on other draws; the
noise rate's tails were chosen with these in view (docs/decisions/0005).
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overread import audit, corrupt
from overread.data.options import DataOptions, parse_map_labels
from overread.noise.choose import make
from overread.verbs.config import AuditConfig

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "audit"
TWO = "PNEUMONIA_BACTERIAL+PNEUMONIA_VIRAL=PNEUMONIA"
MEASURES = ("ap", "auroc", "auroc_within_class", "ap_within_class", "sensitivity_at_9515")


@dataclass(frozen=True)
class Cell:
    """One audit of one draw of noise."""

    data: str
    noise: str
    rate: float
    effort: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.data}-{self.noise}-{round(100 * self.rate):02d}-{self.effort}-{self.seed}"


def cells() -> list[Cell]:
    """All cells, the most wanted first."""
    ham = [
        Cell("ham10000", "symmetric", r, e, s)
        for s in (1, 2, 3)
        for r in (0.06, 0.2, 0.4)
        for e in ("full", "fast")
    ]
    clean = [Cell("ham10000", "symmetric", 0.0, e, 1) for e in ("full", "fast")]
    other = [
        Cell("ham10000", noise, 0.2, e, s)
        for s in (1, 2, 3)
        for noise in ("class", "loss-ranked", "balanced")
        for e in ("full", "fast")
    ]
    chest = [
        Cell(data, "symmetric", r, e, s)
        for s in (1, 2, 3)
        for data in ("chest3", "chest2")
        for r in (0.06, 0.2, 0.4)
        for e in ("full", "fast")
    ]
    return [*clean, *ham, *other, *chest]


def source(cell: Cell, data: Path) -> tuple[Path, DataOptions]:
    if cell.data == "ham10000":
        columns = {"label_col": "diagnosis", "group_col": "lesion_id"}
        return data / "ham10000" / "labels.csv", DataOptions(task="classification", split="train", **columns)
    chest = data / "chest_xray"
    mapping = parse_map_labels(TWO) if cell.data == "chest2" else None
    return chest, DataOptions(groups=chest / "patients.csv", split="train", map_labels=mapping)


def noise(cell: Cell) -> Any:
    if cell.noise == "class":
        return make("class", settings={"matrix": str(HERE / "lookalike.csv")})
    return make(cell.noise, cell.rate)


def run(cell: Cell, data: Path, work: Path, command: list[str]) -> None:
    """Corrupts, audits, and keeps the figures."""
    noisy = work / f"{cell.data}-{cell.noise}-{round(100 * cell.rate):02d}-{cell.seed}"
    out = work / "runs" / cell.name
    if not noisy.exists():
        corrupt(
            *(source(cell, data)[:1]),
            noisy,
            noise(cell),
            source(cell, data)[1],
            seed=100 + cell.seed,
            quiet=True,
        )
    whole = not out.exists()  # a resumed run's time says nothing
    started = time.perf_counter()
    config = AuditConfig(effort=cell.effort, seed=cell.seed, cache=str(work / "cache"))
    result = audit(noisy, out, DataOptions(), config, resume=True, quiet=True, command=command)
    seconds = time.perf_counter() - started
    summary, info = result.summary, json.loads((out / "run.json").read_text())
    record = {
        "cell": cell.name,
        "command": command,
        "versions": info["versions"],
        "machine": info["machine"],
        "seed": cell.seed,
        "seconds": round(seconds, 1) if whole else None,
        "peak_memory_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        **{
            key: summary[key]
            for key in ("samples", "flagged", "noise_rate", "calibration", "detection", "detectors")
        },
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{cell.name}.json").write_text(json.dumps(record, indent=1) + "\n")
    shutil.rmtree(out / "gallery", ignore_errors=True)


def table() -> str:
    """The mean over the seeds of every finished group of cells, detector by detector."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(RESULTS.glob("*.json")):
        record = json.loads(path.read_text())
        groups.setdefault(record["cell"].rsplit("-", 1)[0], []).append(record)
    lines = ["# What `overread audit` finds", "", __doc__ or "", *summary_lines(groups)]
    for name, records in groups.items():
        lines += ["", f"## {name} ({len(records)} seeds)", "", "| detector | " + " | ".join(MEASURES) + " |"]
        lines += ["|---" * (len(MEASURES) + 1) + "|"]
        for detector in records[0]["detection"]:
            row = [mean([r["detection"][detector][m] for r in records]) for m in MEASURES]
            lines.append(f"| {detector} | " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def summary_lines(groups: dict[str, list[dict[str, Any]]]) -> list[str]:
    heads = ("cell", "wrong", "estimate", "interval", "covers", "flagged", "ECE", "seconds")
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, records in groups.items():
        rates = [r["noise_rate"] for r in records]
        covers = sum(
            q["low"] <= r["calibration"]["rate"] <= q["high"] for q, r in zip(rates, records, strict=True)
        )
        cells = (
            name,
            mean([r["calibration"]["rate"] for r in records]),
            mean([q["estimate"] for q in rates]),
            f"{mean([q['low'] for q in rates])} to {mean([q['high'] for q in rates])}",
            f"{covers} of {len(records)}",
            mean([r["flagged"] / r["samples"] for r in records]),
            mean([r["calibration"]["ece"] for r in records]),
            mean([r["seconds"] for r in records], 0),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def mean(values: list[float | None], digits: int = 3) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.mean(known):.{digits}f}" if known else "-"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path("/tmp/overread-bench"))
    parser.add_argument("--cells", default="", help="only cells whose name holds this text")
    parser.add_argument("--minutes", type=float, default=600, help="start no further cell after this time")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    started = time.monotonic()
    for cell in (cell for cell in cells() if options.cells in cell.name):
        done = (RESULTS / f"{cell.name}.json").exists()
        if options.list:
            print(cell.name, "done" if done else "")
        elif not done and time.monotonic() - started < 60 * options.minutes:
            print(cell.name, flush=True)
            run(cell, options.data, options.work, ["python", *sys.argv])
            (RESULTS.parent / "audit.md").write_text(table())


if __name__ == "__main__":
    main()
