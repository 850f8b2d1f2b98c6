"""Final measurement of an audit of masks: how well wrong masks are ranked, and where they are wrong. Trains nothing.

Where an experiment knows the truth alone. A mask is wrong that is not the true one, at the networks' size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from overread.data.manifest import Manifest
from overread.data.masks import read_masks
from overread.detect.masks.suspicion import MaskSuspicion
from overread.drawing import stretched
from overread.quality import rounded

Array = np.ndarray[Any, np.dtype[Any]]
DOUBTED = 128  # of a doubt map's 256 steps: from here on more probably wrong than right
LEAST = 1e-4  # of an image; smaller areas count as this


def mask_detection(suspicion: MaskSuspicion, wrong: Array) -> dict[str, float | None]:
    """How well a detector ranks images in which some mask is wrong, and, as `..._masks`, the masks themselves.

    `wrong` is [N, K]. AUROC, average precision, and the two rates of the detector's cut. None where undefined.
    """
    cut, is_wrong = suspicion.wrong_images, np.asarray(wrong.any(1))
    images = ranked(suspicion.by_image, is_wrong)
    masks = ranked(suspicion.of(wrong.shape[1]).ravel(), wrong.ravel())
    return {
        **dict(zip(("auroc", "ap"), images, strict=True)),
        "sensitivity": rounded(cut[is_wrong].mean()) if is_wrong.any() else None,
        "specificity": rounded((~cut[~is_wrong]).mean()) if not is_wrong.all() else None,
        **dict(zip(("auroc_masks", "ap_masks"), masks, strict=True)),
    }


def ranked(score: Array, wrong: Array) -> tuple[float | None, float | None]:
    """AUROC and average precision; None where all or none are wrong."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    if wrong.all() or not wrong.any():
        return None, None
    return rounded(roc_auc_score(wrong, score)), rounded(average_precision_score(wrong, score))


def area(given_area: Array) -> MaskSuspicion:
    r"""The baseline that sees no image: how unusual the size of a mask is.

    $|\log a - \mathrm{median}|$ over the median of that, structure by structure; `given_area` [N, K] is the share of
    the image.
    """
    size = np.log(np.maximum(given_area.astype(np.float64), LEAST))
    far = np.abs(size - np.median(size, axis=0))
    return MaskSuspicion(far / np.maximum(np.median(far, axis=0), 1e-6), np.zeros(far.shape, bool))


def doubt_overlap(
    manifest: Manifest, rows: Array, doubt_of: Callable[[int], Array]
) -> dict[str, float | int | None]:
    """The mean IoU, over the images `rows`, of the pixels that are doubted and those that are wrong in some
    structure, at the image's own size. `doubt_of` gives the doubt map of a row."""
    assert manifest.masks is not None
    assert manifest.true_masks is not None
    found = []
    for row in map(int, rows):
        doubted = doubt_of(row) >= DOUBTED
        pairs = [read_masks(files, manifest.root, row) for files in (manifest.masks, manifest.true_masks)]
        given, true = ([stretched(mask, doubted.shape) for mask in masks] for masks in pairs)
        found.append(overlap(doubted, np.any(np.array(given) != np.array(true), axis=0)))
    return {"iou": rounded(np.mean(found)) if found else None, "images": len(found)}


def overlap(a: Array, b: Array) -> float:
    """Intersection over union of two masks; empty against empty is 1.

    >>> overlap(np.array([True, True, False]), np.array([False, True, True]))
    0.3333333333333333
    """
    union = int((a | b).sum())
    return float((a & b).sum() / union) if union else 1.0
