"""`--to csv`: given and current labels, and where each comes from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from overread.cells import safe_cell
from overread.data.relative import relative_paths
from overread.exporting.labels import Labels
from overread.store.standing import Standing

Columns = dict[str, Any]  # name -> [N] cells
LEFT_OUT = "left-out.csv"  # what there is no label to learn from


def write(labels: Labels, folder: Path) -> dict[str, Any]:
    """Writes labels.csv, which is DATA, and left-out.csv where samples have no label; of masks masks.csv."""
    if labels.kept.structures:
        _write(masks_table(labels), folder / "masks.csv")
        return counts(labels)
    images = relative_paths((Path(str(name)) for name in labels.kept.images), labels.out)
    table = labels_table(labels, images)
    away = [labels.out_of_use(row) for row in range(len(labels.kept))]
    write_two(table, away, folder)
    alone = [
        name for name, count in table["label"][[not one for one in away]].value_counts().items() if count == 1
    ]
    return {**counts(labels), "left_out": sum(away), "alone": sorted(map(str, alone))}


def labels_table(labels: Labels, images: Sequence[str]) -> pd.DataFrame:
    """A row a sample. What DATA is read from is exact; all else cannot become a formula in a spreadsheet."""
    rows = range(len(labels.kept))
    standings = [labels.standing(row) for row in rows]
    known = set(labels.kept.given)  # a label that only people named is their text
    now = [label if label in known else safe_cell(label) for label in map(labels.label, rows)]
    columns = {
        "image": images,
        "label": now,
        **shared_columns(labels),
        "verified": [int(one.verified) for one in standings],
        "given_label": [safe_cell(label) for label in labels.kept.given],
        **told_columns(labels, standings),
        **labels.kept.truth,
        "id": labels.kept.ids,
    }
    return pd.DataFrame(columns)


def masks_table(labels: Labels, files: Sequence[Sequence[str]] | None = None) -> pd.DataFrame:
    """A row for each structure of each image; `files` are those that hold the current masks, if any do."""
    kept = labels.kept
    both = [(row, k) for row in range(len(kept)) for k in range(len(kept.structures))]
    standings = [labels.standing(row, kept.structures[k]) for row, k in both]
    hashes = [(one.value or "") if one.is_voted else "" for one in standings]
    columns = {
        "id": [safe_cell(str(kept.ids[row])) for row, _ in both],
        "structure": [safe_cell(kept.structures[k]) for _, k in both],
        **({} if files is None else {"mask": [files[row][k] for row, k in both]}),
        "given_mask": [safe_cell(str(kept.masks[kept.structures[k]][row])) for row, k in both],
        "drawn": hashes,  # sha256 of the expert's PNG; empty: the given mask stands
        "verified": [int(one.verified) for one in standings],
        **told_columns(labels, standings),
    }
    return pd.DataFrame(columns)


def shared_columns(labels: Labels) -> Columns:
    """`group` and `split`, as DATA reads them."""
    kept = labels.kept
    lonely = bool((kept.groups == kept.ids).all())  # nobody named groups: nothing to write down
    return {"group": [""] * len(kept) if lonely else kept.groups, "split": kept.splits}


def told_columns(labels: Labels, standings: Sequence[Standing]) -> Columns:
    """Status, number of readers, and who said so, when and why."""
    deciding = [labels.deciding(one) for one in standings]
    return {
        "status": [one.status for one in standings],
        "readers": [one.readers for one in standings],
        "who": [safe_cell(", ".join(entry.reader for entry in some)) for some in deciding],
        "when": [some[-1].at if some else "" for some in deciding],
        "why": [safe_cell("; ".join(entry.reason for entry in some if entry.reason)) for some in deciding],
    }


def counts(labels: Labels) -> dict[str, Any]:
    """How many labels, or masks, stand how."""
    kept = labels.kept
    found = [labels.standing(row, name) for row in range(len(kept)) for name in (kept.structures or (None,))]
    changed = (
        sum(one.is_voted and one.value is not None for one in found)
        if kept.structures
        else sum(labels.label(row) != kept.given[row] for row in range(len(kept)))
    )
    return {
        "samples": len(kept),
        "status": dict(sorted(Counter(one.status for one in found).items())),
        "verified": sum(one.verified for one in found),
        "changed": changed,
    }


def write_two(table: pd.DataFrame, away: Sequence[bool], folder: Path) -> None:
    """labels.csv, and what is to be left `away` in a table of its own."""
    apart = pd.Series(list(away), dtype=bool)
    _write(table[~apart], folder / "labels.csv")
    if apart.any():
        _write(table[apart], folder / LEFT_OUT)


def _write(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False)
