"""P3's second experiment: audit, review of what was flagged, training again.

    python benchmarks/review.py --data ../shared/data --work /tmp/bench
        [--noise NAME] [--rates 6 20 40] [--seeds 1 2 3]

HAM10000, a share of the labels of training and validation part wrong (drawn with seed 200 + SEED). The training part
is audited on frozen features; the simulated expert answers for every flagged label, each answer charged; then heads
on frozen features learn, by plain cross-entropy, from the labels before, from those after the review, and from
labels that were never made wrong. Measured on the clean test part. Writes benchmarks/results/review.json and .md.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import pandas as pd

from overread import audit, corrupt, train
from overread.cleaning.experts import Oracle
from overread.data.load import load
from overread.data.manifest import Manifest
from overread.data.options import DataOptions
from overread.measure import repairs
from overread.noise.choose import make
from overread.run import machine, now, versions
from overread.store import LabelStore
from overread.verbs.config import AuditConfig, TrainConfig

RESULTS = Path(__file__).parent / "results"
FIGURES = ("accuracy", "balanced_accuracy", "macro_f1")
MOMENTS = ("before", "after", "clean")
COUNTS = ("answers", "repaired", "spoiled", "still_wrong")


def noisy(rate: int, seed: int, options: argparse.Namespace) -> Path:
    """HAM10000 with some of its labels wrong, made once."""
    out: Path = options.work / "train-data" / f"ham10000-{options.noise}-{rate:02d}-{seed}"
    if not out.exists():
        columns = DataOptions(task="classification", label_col="diagnosis", group_col="lesion_id")
        source = options.data / "ham10000" / "labels.csv"
        noise = make(options.noise, rate / 100)
        corrupt(source, out, noise, columns, seed=200 + seed, only=("train", "val"), quiet=True)
    return out


def reviewed(manifest: Manifest, flagged: pd.Series, folder: Path) -> tuple[np.ndarray[Any, Any], int]:
    """[N] the labels after the expert has answered for what was flagged, and how many answers that took."""
    store = LabelStore.open(folder / "labels.sqlite")
    names = np.array(manifest.classes, dtype=object)
    store.register([str(name) for name in manifest.ids], list(names[manifest.given]))
    asked = set(flagged)
    rows = np.array([row for row, name in enumerate(manifest.ids) if name in asked], np.int64)
    expert = Oracle(manifest)
    store.append(expert.ask(rows, manifest.given, 1))
    code = {name: index for index, name in enumerate(manifest.classes)}
    return np.array([code[str(name)] for name in store.current().label], np.int64), expert.spent


def quality(source: Path, run: Path, seed: int, options: argparse.Namespace) -> dict[str, float]:
    """The test figures of a plain head."""
    config = TrainConfig(method="ce", effort="fast", seed=seed, cache=str(options.work / "cache"))
    result = train(source, run, config=config, resume=True, quiet=True)
    return {name: result.metrics["test"]["true"][name] for name in FIGURES}


def course(rate: int, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """One draw of noise: what was flagged and repaired, and the three trainings."""
    source = noisy(rate, seed, options)
    work: Path = options.work / "review-runs" / source.name
    config = AuditConfig(effort="fast", seed=seed, cache=str(options.work / "cache"))
    found = audit(source, work / "audit", DataOptions(split="train"), config, resume=True, quiet=True)
    manifest = load(source, DataOptions(split="train"), 128, options.work / "cache", quiet=True)[0].manifest
    (work / "labels.sqlite").unlink(missing_ok=True)
    after, answers = reviewed(manifest, found.suspects["id"][found.suspects["flagged"] == 1], work)
    table = pd.read_csv(source / "labels.csv", dtype=str, keep_default_na=False)
    place = {str(name): row for row, name in enumerate(table["image"])}
    rows = [place[str(name)] for name in manifest.images]
    table.loc[rows, "label"] = [manifest.classes[label] for label in after]
    table["image"] = [str((source / name).resolve()) for name in table["image"]]
    (work / "after").mkdir(exist_ok=True)
    table.to_csv(work / "after" / "labels.csv", index=False)
    clean = table.assign(label=table["true_label"])
    (work / "clean").mkdir(exist_ok=True)
    clean.to_csv(work / "clean" / "labels.csv", index=False)
    sources = {"before": source, "after": work / "after", "clean": work / "clean"}
    return {
        "rate": rate,
        "seed": seed,
        "answers": answers,
        **repairs(manifest, after),
        **{
            moment: quality(data, work / f"train-{moment}", seed, options) for moment, data in sources.items()
        },
    }


def table_of(courses: list[dict[str, Any]]) -> list[str]:
    """A row a rate: means over seeds."""
    lines = [
        "| wrong | seeds | answers | repaired | spoiled | still wrong "
        "| figure | before | after | all right | won back |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for rate in sorted({one["rate"] for one in courses}):
        these = [one for one in courses if one["rate"] == rate]
        counts = " | ".join(
            f"{mean(one[n] for one in these):.0f}" for n in ("answers", "repaired", "spoiled", "still_wrong")
        )
        for place, name in enumerate(FIGURES):
            values = {moment: [one[moment][name] for one in these] for moment in MOMENTS}
            shown = " | ".join(
                f"{mean(v):.3f}" + (f" ± {stdev(v):.3f}" if len(v) > 1 else "") for v in values.values()
            )
            before, after, clean = (mean(v) for v in values.values())
            front = f"{rate} % | {len(these)} | {counts}" if place == 0 else " | | | | | "
            won = f"{100 * (after - before) / (clean - before):.0f} %" if clean > before else ""
            lines.append(f"| {front} | {name.replace('_', ' ')} | {shown} | {won} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path("/tmp/overread-bench"))
    parser.add_argument("--noise", default="symmetric")
    parser.add_argument("--rates", type=int, nargs="+", default=[6, 20, 40])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args()
    courses = []
    for rate in options.rates:
        for seed in options.seeds:
            courses.append(course(rate, seed, options))
            print(json.dumps(courses[-1]), flush=True)
    assert __doc__ is not None
    record = {
        "command": ["python", *sys.argv],
        "finished": now(),
        "machine": machine(),
        "versions": versions(),
        "noise": options.noise,
        "courses": courses,
    }
    (RESULTS / "review.json").write_text(json.dumps(record, indent=1) + "\n")
    text = [
        "# Audit, review, training again (P3's second experiment)",
        "",
        "Written by `python benchmarks/review.py`. HAM10000, 6,989 training images, the given share of labels wrong",
        f"({options.noise}); heads on frozen features. Every label that the audit flagged was put to the simulated",
        "expert. Test figures by the true labels, mean over seeds.",
        "",
        *table_of(courses),
        "",
    ]
    (RESULTS / "review.md").write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
