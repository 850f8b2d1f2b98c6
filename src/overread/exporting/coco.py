"""`--to coco`: one JSON file; an annotation for each structure that is drawn, or for the label of an image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from overread import __version__
from overread.exporting.again import read_again
from overread.exporting.labels import Labels
from overread.exporting.mask_files import current_mask, stretched
from overread.exporting.pixels import Pictures
from overread.exporting.table import counts
from overread.files import write_json
from overread.rle import coco
from overread.run import now

Array = np.ndarray[Any, np.dtype[Any]]
FILE = "annotations.json"
Json = dict[str, Any]


def write(labels: Labels, folder: Path) -> Json:
    """Writes annotations.json, and images/ for those that COCO's readers would not show as we do."""
    rows = [row for row in range(len(labels.kept)) if not labels.out_of_use(row)]
    pictures = Pictures(labels)
    sizes = [pictures.size(row) for row in rows]
    images = [
        {
            "id": row + 1,
            "file_name": pictures.place(row, folder),
            "height": height,
            "width": width,
            "overread": {"id": str(labels.kept.ids[row]), **_split(labels, row)},
        }
        for row, (height, width) in zip(rows, sizes, strict=True)
    ]
    names = list(labels.kept.structures) or sorted({labels.label(row) for row in rows})
    found = of_masks(labels, rows, sizes) if labels.kept.structures else of_labels(labels, rows, sizes, names)
    annotations = [{"id": number, **one} for number, one in enumerate(found, 1)]
    whole = {
        "info": {"description": f"Overread {__version__}, of {labels.run.name}", "date_created": now()},
        "licenses": [],
        "categories": [{"id": k, "name": name, "supercategory": ""} for k, name in enumerate(names, 1)],
        "images": images,
        "annotations": annotations,
    }
    write_json(folder / FILE, whole)
    left = len(labels.kept) - len(rows)
    return {**counts(labels), "left_out": left, "annotations": len(annotations)}


def of_masks(labels: Labels, rows: Sequence[int], sizes: Sequence[tuple[int, int]]) -> Iterator[Json]:
    """An annotation for each structure that is drawn; its segmentation is the whole mask, holes and parts too."""
    manifest = read_again(labels.run, labels.kept)
    for row, size in zip(rows, sizes, strict=True):
        for k, mask in enumerate(current_mask(labels, manifest, row)):
            plane = mask if mask.shape == size else stretched(mask, size)
            if plane.any():
                yield {
                    **_about(labels, row, k + 1, labels.kept.structures[k]),
                    "segmentation": coco.encode(plane),
                    "bbox": box_of(plane),
                    "area": int(plane.sum()),
                }


def of_labels(
    labels: Labels, rows: Sequence[int], sizes: Sequence[tuple[int, int]], names: Sequence[str]
) -> Iterator[Json]:
    """An annotation for each image, that covers all of it."""
    places = {name: k for k, name in enumerate(names, 1)}
    for row, (height, width) in zip(rows, sizes, strict=True):
        about = _about(labels, row, places[labels.label(row)])
        yield {**about, "bbox": [0, 0, width, height], "area": width * height}


def box_of(mask: Array) -> list[int]:
    """[left, top, width, height] of what is drawn.

    >>> box_of(np.array([[0, 0, 0], [0, 1, 1]]))
    [1, 1, 2, 1]
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    left, top = int(columns[0]), int(rows[0])
    return [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1]


def _about(labels: Labels, row: int, category: int, structure: str | None = None) -> Json:
    """What every annotation has; what COCO has no word for stands under `overread`."""
    found = labels.standing(row, structure)
    own = {"status": found.status, "verified": found.verified, "readers": found.readers}
    return {"image_id": row + 1, "category_id": category, "iscrowd": 0, "overread": own}


def _split(labels: Labels, row: int) -> Json:
    """Group and split of an image, where they are known."""
    kept = labels.kept
    group = {"group": str(kept.groups[row])} if kept.groups[row] != kept.ids[row] else {}
    return {**group, **({"split": str(kept.splits[row])} if kept.splits[row] else {})}
