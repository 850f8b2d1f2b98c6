"""What cells take from run folders: figures, values of each test image, curves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

QUALITY = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")
Curves = dict[str, list[float]]


def quality(metrics: Mapping[str, Any], moment: str = "last") -> dict[str, float | None]:
    """The figures of a classifier on the test part, whose labels nobody made wrong."""
    test = metrics[moment]["test"]
    found = test.get("true", test["given"])
    return {name: found.get(name) for name in QUALITY}


def overlap(metrics: Mapping[str, Any], moment: str = "last") -> dict[str, float | None]:
    """Dice on the test part: each structure's, and their mean."""
    test = metrics[moment]["test"]
    found = test.get("true", test["given"])
    return {"average": found["dice"], **{name: one["dice"] for name, one in found["per_structure"].items()}}


def correct(run: Path) -> dict[str, Any]:
    """Of each test image, by the last epoch, whether the class is right, and its patient."""
    table, groups = tables(run)
    values = [float(one) for one in table["given"] == table["predicted"]]
    return {"units": values, "groups": [groups[name] for name in table["id"]]}


def named(run: Path) -> dict[str, Any]:
    """Of each test image, by the last epoch, its class and the predicted one, and its patient."""
    table, groups = tables(run)
    pairs = zip(table["given"], table["predicted"], strict=True)
    return {"named": [list(pair) for pair in pairs], "groups": [groups[name] for name in table["id"]]}


def fits(run: Path) -> dict[str, Any]:
    """Of each test image, by the last epoch, the mean Dice over structures, and its patient."""
    table, groups = tables(run)
    columns = [name for name in table.columns if name.startswith("dice_")]
    values = table[columns].astype(float).mean(axis=1).round(5)
    return {"units": [float(one) for one in values], "groups": [groups[name] for name in table["id"]]}


def tables(run: Path) -> tuple[Any, dict[str, str]]:
    """predictions.csv of the test part, and the group of each id."""
    import pandas as pd

    table = pd.read_csv(run / "predictions.csv", dtype={"id": str, "given": str, "predicted": str})
    manifest = pd.read_csv(run / "manifest.csv", dtype=str, keep_default_na=False)
    groups = dict(zip(manifest["id"], manifest["group"], strict=True))
    return table[table["split"] == "test"], groups


def curves(run: Path, names: Sequence[str]) -> Curves:
    """Of each epoch the last that log.jsonl says (an epoch that was repeated counts once), by name."""
    lines = (run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    by_epoch = {line["epoch"]: line for line in map(json.loads, lines) if line["stage"] == "train"}
    return {
        name: [round(float(by_epoch[epoch][name]), 5) for epoch in sorted(by_epoch)]
        for name in names
        if all(name in line for line in by_epoch.values())
    }


def count_of(data: Path, split: str) -> int:
    """How many rows of DATA are of a split."""
    import csv

    with (data / "labels.csv").open(newline="", encoding="utf-8") as file:
        return sum(line["split"] == split for line in csv.DictReader(file))


def selection(run: Path) -> dict[str, dict[str, Any]]:
    """Per class, what a method kept as clean in its last epoch.

    `recall`: the share of the truly clean samples of a class that is kept; `guess`: the share of what is kept under
    its label that truly is of it (P4's table 1).
    """
    import numpy as np
    import pandas as pd

    with np.load(run / "evidence.npz", allow_pickle=False) as evidence:
        kept = evidence["column.kept"][:, -1] >= 0.5
        ids = evidence["ids"].astype(str)
    manifest = pd.read_csv(run / "manifest.csv", dtype=str, keep_default_na=False).set_index("id").loc[ids]
    given, true = (manifest[name].to_numpy() for name in ("given", "true"))
    found = {}
    for name in sorted(set(true)):
        clean, taken = (true == name) & (given == name), kept & (given == name)
        found[str(name)] = {
            "clean": int(clean.sum()),
            "recall": float(kept[clean].mean()) if clean.any() else None,
            "guess": float((true == name)[taken].mean()) if taken.any() else 0.0,
        }
    return found
