"""What the two benches of masks share: their data's structures, a cell's training, and its record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from overread.benches.desk import Desk
from overread.benches.plan import Cell, Record
from overread.benches.reading import curves, fits, overlap
from overread.data.options import DataOptions

LUNGS = {"lungs": ("left_lung", "right_lung")}
MERGE = {**LUNGS, "clavicles": ("left_clavicle", "right_clavicle")}
Settings = tuple[str, dict[str, str]]  # a method, and its --set; "loss" is the flag of that name


def trained(
    cell: Cell, desk: Desk, data: Path, method: Settings, options: DataOptions | None = None
) -> Record:
    """One network: Dice of the last epoch and of the best by the noisy validation part, curves, corrected masks."""
    name, settings = method
    fields: dict[str, Any] = {
        "settings": {k: v for k, v in settings.items() if k != "loss"},
        "seed": cell.seed,
    }
    if "loss" in settings:
        fields["loss"] = settings["loss"]
    result = desk.train(cell.name, data, options, method=name, val_share=0.06, curves=True, **fields)
    return {
        "figures": overlap(result.metrics),
        "early": overlap(result.metrics, "best"),
        "corrected": result.metrics["corrected"],
        "curves": curves(result.out, ("loss", "test_dice")),
        "weights": weights(result.out, data),
        **fits(result.out),
    }


def weights(run: Path, data: Path) -> dict[str, list[float]] | None:
    """P5's figure 4: mean and variance of the weights of images with right and with wrong masks, epoch by epoch."""
    import json

    with np.load(run / "evidence.npz", allow_pickle=False) as evidence:
        if "column.weight" not in evidence.files:
            return None
        weight, ids = evidence["column.weight"], evidence["ids"].astype(str)  # [N, E]
    changed = {Path(name).name for name in json.loads((data / "noise.json").read_text("utf-8"))["images"]}
    wrong = np.array([Path(name).name in changed for name in ids])
    if wrong.all() or not wrong.any():
        return None
    found: dict[str, list[float]] = {}
    for kind, rows in (("right", ~wrong), ("wrong", wrong)):
        found[f"{kind}_mean"] = rounded(weight[rows].mean(0))
        found[f"{kind}_variance"] = rounded(weight[rows].var(0))
    return {**found, "auroc": [auroc(wrong, -weight[:, epoch]) for epoch in range(weight.shape[1])]}


def auroc(wrong: np.ndarray[Any, Any], score: np.ndarray[Any, Any]) -> float:
    from sklearn.metrics import roc_auc_score

    return round(float(roc_auc_score(wrong, score)), 4)


def rounded(values: np.ndarray[Any, Any]) -> list[float]:
    return [round(float(value), 5) for value in values]


def corrected(record: Mapping[str, Any]) -> dict[str, float | None]:
    """Mean Dice with the truth, over wrongly drawn training images: of the given masks and of the networks'."""
    wrong = record["corrected"].get("wrong") or {}
    return {"given": wrong.get("given_dice"), "corrected": wrong.get("corrected_dice")}
