"""What lies beside an nnU-Net data set: folds that keep patients together, and how far each case is to be trusted."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from overread.cells import safe_cell
from overread.exporting.labels import Labels
from overread.exporting.nnunet_cases import Case
from overread.files import write_json

FOLDS = 5  # as many as nnU-Net trains
Fold = dict[str, list[str]]


def write_folds(labels: Labels, cases: Sequence[Case], folder: Path) -> None:
    """splits_final.json, for nnU-Net's folder of preprocessed data: none where there are too few patients."""
    groups: dict[str, list[str]] = {}
    splits: Fold = {"train": [], "val": []}
    for case in cases:
        first = next(iter(case.rows.values()))
        if not case.test:
            groups.setdefault(str(labels.kept.groups[first]), []).append(case.name)
            splits.setdefault(str(labels.kept.splits[first]), []).append(case.name)
    named = all(splits[name] for name in ("train", "val"))
    folds = [splits] if named else folds_of(list(groups.values()))
    if folds:
        write_json(
            folder / "splits_final.json", [{name: one[name] for name in ("train", "val")} for one in folds]
        )


def folds_of(groups: Sequence[Sequence[str]]) -> list[Fold]:
    """Folds of about equal size; a group lies in the `val` of just one. None where groups are fewer than folds.

    >>> [fold["val"] for fold in folds_of([["a", "b"], ["c"], ["d"], ["e"], ["f"], ["g"]])]
    [['a', 'b'], ['c', 'g'], ['d'], ['e'], ['f']]
    """
    if len(groups) < FOLDS:
        return []
    parts: list[list[str]] = [[] for _ in range(FOLDS)]
    for group in sorted(groups, key=len, reverse=True):  # the largest first, each where there is most room
        min(parts, key=len).extend(group)
    everything = [name for group in groups for name in group]
    return [{"train": [n for n in everything if n not in set(part)], "val": part} for part in parts]


def write_weights(labels: Labels, cases: Sequence[Case], folder: Path) -> None:
    """case_weights.csv: of each case 1 - p, p the mean over its slices of the greatest p_wrong of unverified masks.

    A run that asked no detector has no p_wrong, and writes no table.
    """
    doubted = _doubted(labels)
    if doubted is None:
        return
    rows = []
    for case in cases:
        p = [_p(labels, row, doubted) for row in case.rows.values()]
        each = [labels.standing(row, name) for row in case.rows.values() for name in labels.kept.structures]
        rows.append(
            {
                "case": safe_cell(case.name),
                "weight": round(1.0 - sum(p) / len(p), 6),
                "verified": sum(one.verified for one in each),
                "masks": len(each),
            }
        )
    pd.DataFrame(rows).to_csv(folder / "case_weights.csv", index=False)


def _p(labels: Labels, row: int, doubted: dict[tuple[str, str], float]) -> float:
    """The greatest p_wrong of the masks of a row that nobody has answered for."""
    name = str(labels.kept.ids[row])
    open_ones = [one for one in labels.kept.structures if not labels.standing(row, one).verified]
    return max((doubted.get((safe_cell(name), safe_cell(one)), 0.0) for one in open_ones), default=0.0)


def _doubted(labels: Labels) -> dict[tuple[str, str], float] | None:
    """p_wrong of each mask, as suspects.csv names it."""
    path = labels.run / "suspects.csv"
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8") as file:
        return {
            (line["id"], line["structure"]): float(line["p_wrong"] or 0.0) for line in csv.DictReader(file)
        }
