"""What a model of masks says of images: OUT/masks, a row an image, and the measures where masks are given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from overread.data.manifest import Manifest
from overread.data.mask_writing import MaskFolder, Packed, enlarged, most_likely, own_size
from overread.data.opened import Images
from overread.data.problems import quoted
from overread.mask_model import MaskModel
from overread.measure_masks import against_masks, fits
from overread.verbs.predictions import Computing, Predictions

Array = np.ndarray[Any, np.dtype[Any]]
MASKS = "masks"
MOST = 16  # images a step
DIGITS = 4


def predicted(
    model: MaskModel, manifest: Manifest, images: Images, computing: Computing, quiet: bool, folder: Path
) -> Predictions:
    """Writes FOLDER/masks/STRUCTURE/ID.png, 0 and 255 at each image's own size; an image at a time is in memory."""
    masks, small = (
        MaskFolder(folder / MASKS, model.classes, manifest.ids),
        Packed(len(model.classes), model.size),
    )
    rows: list[dict[str, Any]] = []
    batch = min(computing.batch_size, MOST)
    for row, probs in enumerate(model.each(images, batch, computing.device, quiet)):
        large = enlarged(probs, own_size(manifest, row))
        drawn = most_likely(large, model.exclusive)
        masks.write(row, drawn)
        small.add(most_likely(probs, model.exclusive))
        rows.append(about_masks(model.classes, large, drawn, [masks.path(k, row) for k in range(len(drawn))]))
    table = pd.concat([pd.DataFrame(about(manifest)), pd.DataFrame(rows)], axis=1)
    cache = Path(computing.cache) if computing.cache else None
    metrics = against_masks(manifest, fits(manifest, small, model.classes, cache), model.classes)
    counts = {name: int((table[f"area_{name}"] > 0).sum()) for name in model.classes}
    return Predictions(table, metrics, counts, notes(manifest, model))


def about(manifest: Manifest) -> dict[str, Any]:
    """The first columns of predictions.csv."""
    images = [str(manifest.path(row)) for row in range(len(manifest))]
    split = {"split": manifest.split} if (manifest.split != "").any() else {}
    return {"id": manifest.ids, "image": images, **split}


def about_masks(structures: tuple[str, ...], probs: Array, drawn: Array, paths: list[str]) -> dict[str, Any]:
    """Of each structure of an image: its file, its area in pixels of the image, and the mean probability of these;
    "" where nothing is drawn."""
    found: dict[str, Any] = {}
    for name, p, mask, path in zip(structures, probs, drawn, paths, strict=True):
        area = int(mask.sum())
        certainty = round(float(p[mask].mean()), DIGITS) if area else ""
        found |= {f"mask_{name}": path, f"area_{name}": area, f"certainty_{name}": certainty}
    return found


def notes(manifest: Manifest, model: MaskModel) -> list[str]:
    """What the user should know of the given masks."""
    if manifest.masks is None:
        labelled = bool((manifest.given >= 0).any())
        return ["The data have labels, and this model draws masks: it is not measured."] if labelled else []
    ours, theirs = set(model.classes), set(manifest.classes)
    cure = "To join or rename structures: --merge NEW=A+B."
    if not ours & theirs:
        return [
            f"The structures of the data are {quoted(manifest.classes)}, those of the model {quoted(model.classes)}: "
            f"none is the same, so that it is not measured. {cure}"
        ]
    told = []
    if unknown := [name for name in manifest.classes if name not in ours]:
        told.append(
            f"The model does not know {quoted(unknown)}; its structures are {quoted(model.classes)}. {cure}"
        )
    if missing := [name for name in model.classes if name not in theirs]:
        told.append(f"The data have no masks of {quoted(missing)}: drawn, and not measured.")
    return told
