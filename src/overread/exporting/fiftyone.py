"""`--to fiftyone`: a folder that FiftyOne reads, and a script that opens it there with all that Overread knows.

Labels: data/ and labels.json (FiftyOneImageClassificationDataset). Masks: data/, and labels/STRUCTURE/, each an
ImageSegmentationDirectory with it. samples.json holds the rest, a field a thing.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from overread.cells import safe_cell
from overread.exporting.asked import Shown
from overread.exporting.labels import Labels
from overread.exporting.pixels import Pictures, save_png
from overread.exporting.table import counts
from overread.file_names import safe_names
from overread.files import write_json

Json = dict[str, Any]
DATA, LABELS = "data", "labels"
SCRIPT = '''"""Opens this folder in FiftyOne: `pip install fiftyone`, then `python open_in_fiftyone.py`."""

import json
import pathlib

import fiftyone as fo

here = pathlib.Path(__file__).resolve().parent
about = json.loads((here / "samples.json").read_text(encoding="utf-8"))
dataset = fo.Dataset(about["name"], overwrite=True)
for one in about["samples"]:
    sample = fo.Sample(filepath=str(here / one["image"]), tags=one["tags"], **one["fields"])
    for name, label in one["labels"].items():
        sample[name] = fo.Classification(label=label)
    for name, path in one["masks"].items():
        sample[name] = fo.Segmentation(mask_path=str(here / path))
    dataset.add_sample(sample)

if __name__ == "__main__":
    fo.launch_app(dataset).wait()
'''


def write(labels: Labels, folder: Path) -> Json:
    """Writes data/, labels.json or labels/STRUCTURE/, samples.json and open_in_fiftyone.py."""
    pictures, doubted = Pictures(labels), suspects_of(labels.run)
    rows = [row for row in range(len(labels.kept)) if not labels.out_of_use(row)]
    (folder / DATA).mkdir()
    for row in rows:
        save_png(pictures[row], folder / DATA / pictures.files[row])
    masks = write_masks(labels, rows, pictures, folder)
    samples = [
        sample(labels, row, pictures.files[row], doubted, own) for row, own in zip(rows, masks, strict=True)
    ]
    if not labels.kept.structures:
        classes = sorted({labels.label(row) for row in rows})
        named = {Path(pictures.files[row]).stem: classes.index(labels.label(row)) for row in rows}
        write_json(folder / "labels.json", {"classes": classes, "labels": named})
    write_json(folder / "samples.json", {"name": f"overread {labels.run.name}", "samples": samples})
    (folder / "open_in_fiftyone.py").write_text(SCRIPT, encoding="utf-8")
    return {**counts(labels), "left_out": len(labels.kept) - len(rows)}


def write_masks(
    labels: Labels, rows: Sequence[int], pictures: Pictures, folder: Path
) -> list[dict[str, str]]:
    """labels/STRUCTURE/NAME.png, 0 and 255; returns for each row the paths by field."""
    if not labels.kept.structures:
        return [{} for _ in rows]
    shown, names = Shown(labels), safe_names(labels.kept.structures)
    found: list[dict[str, str]] = []
    for row in rows:
        masks = shown.now(row, pictures.size(row))
        paths = {
            one: f"{LABELS}/{name}/{pictures.files[row]}" for one, name in zip(masks, names, strict=True)
        }
        for one, path in paths.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            save_png(masks[one].astype(np.uint8) * np.uint8(255), folder / path)
        found.append({f"mask_{name}": paths[one] for one, name in zip(masks, names, strict=True)})
    return found


def sample(labels: Labels, row: int, file: str, doubted: dict[str, Json], masks: dict[str, str]) -> Json:
    """What FiftyOne is told of an image. Names of fields are our own: FiftyOne has reserved some."""
    kept = labels.kept
    name = str(kept.ids[row])
    each = [labels.standing(row, structure) for structure in (kept.structures or (None,))]
    known = doubted.get(safe_cell(name), Json())
    fields: Json = {
        "overread_id": name,
        "group_name": str(kept.groups[row]),
        "status": ", ".join(sorted({one.status for one in each})),
        "verified": all(one.verified for one in each),
        **{key: known[key] for key in ("p_wrong", "suspect_rank") if key in known},
    }
    named: dict[str, str] = (
        {} if kept.structures else {"given": str(kept.given[row]), "current": labels.label(row)}
    )
    if not kept.structures and known.get("suggested"):
        named["suggested"] = known["suggested"]
    tags = [str(kept.splits[row])] if kept.splits[row] else []
    return {"image": f"{DATA}/{file}", "tags": tags, "fields": fields, "labels": named, "masks": masks}


def suspects_of(run: Path) -> dict[str, Json]:
    """The most suspicious row of each image in suspects.csv, by its id there."""
    found: dict[str, Json] = {}
    if not (run / "suspects.csv").is_file():
        return found
    with (run / "suspects.csv").open(newline="", encoding="utf-8") as file:
        for number, line in enumerate(csv.DictReader(file), 1):
            p = {"p_wrong": float(line["p_wrong"])} if line.get("p_wrong") else {}
            about = {**p, "suspect_rank": number, "suggested": line.get("suggested") or ""}
            found.setdefault(line["id"], about)
    return found
