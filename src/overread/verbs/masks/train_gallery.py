"""Pictures for the report of a training on masks: validation images with the given and the predicted outlines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from overread.data.manifest import Ints, Manifest
from overread.data.mask_writing import enlarged, most_likely, own_size
from overread.data.masks import read_masks
from overread.data.parts import rows_of
from overread.drawing import GIVEN, PREDICTED, canvas, draw_outlines, stretched
from overread.files import write_json, write_whole
from overread.mask_quality import Fit
from overread.verbs.config import TrainConfig
from overread.verbs.masks.training import TrainedOnMasks

Array = np.ndarray[Any, np.dtype[Any]]
SHOWN, SIDE = 6, 360  # images, and pixels of their longer side


def write_gallery(
    out: Path, manifest: Manifest, config: TrainConfig, trained: TrainedOnMasks, fit: Fit
) -> None:
    """Writes gallery.json and gallery/*.jpg: some validation images, from the worst fit to the best."""
    val, probs = rows_of(manifest, "val"), trained.probs[f"{config.keep}.val"]
    entries = []
    for number in spread(fit, SHOWN):
        row, name = int(val[number]), f"gallery/{number:06d}.jpg"
        write_jpeg(out / name, drawn(manifest, row, probs[number]))
        values = zip(manifest.classes, fit.dice[number], strict=True)
        dices = {structure: round(float(value), 4) for structure, value in values}
        entries.append({"id": str(manifest.ids[row]), "thumb": name, "dice": dices})
    write_json(out / "gallery.json", entries)


def spread(fit: Fit, count: int) -> Ints:
    """At most `count` rows, evenly spread from the lowest mean Dice to the highest."""
    order = np.argsort(fit.dice.mean(1), kind="stable")
    places = np.unique(np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int))
    return np.asarray(order[places], np.int64)


def write_jpeg(path: Path, picture: Array) -> None:
    """A picture [h, w, 3] as JPEG."""
    write_whole(path, lambda part: Image.fromarray(picture).save(part, "JPEG", quality=88))


def drawn(manifest: Manifest, row: int, probs: Array) -> Array:
    """[h, w, 3] an image with the outlines of its given masks and of those with `probs` [K, S, S]."""
    assert manifest.masks is not None
    picture = canvas(manifest.path(row), own_size(manifest, row), SIDE)
    size = picture.shape[:2]
    given = np.stack([stretched(mask, size) for mask in read_masks(manifest.masks, manifest.root, row)])
    draw_outlines(picture, given, GIVEN)
    draw_outlines(picture, most_likely(enlarged(probs, size), manifest.masks.exclusive), PREDICTED)
    return picture
