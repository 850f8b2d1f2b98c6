"""Final measurement of masks: how well they fit the given and, where an experiment knows them, the true ones.

All of it at the size that the networks see; distances are told in pixels of the image as it lies on disk, and in mm
where the spacing of all images is known.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from overread.data.manifest import Manifest
from overread.data.mask_files import MaskFiles
from overread.data.mask_writing import own_sizes
from overread.data.masks import Masks, open_masks
from overread.mask_quality import Fit, Rows, dice, fit_of, quality_of_masks
from overread.quality import rounded

Array = np.ndarray[Any, np.dtype[Any]]


def fits(
    manifest: Manifest, predicted: Rows, structures: tuple[str, ...], cache: Path | None
) -> dict[str, Fit]:
    """How masks [N, K, S, S] of the model's `structures` fit the given and the true ones, on the structures that
    the manifest has too (in the model's order); empty where it has none of them."""
    common = [name for name in structures if name in manifest.classes]
    files = {"given": manifest.masks, "true": manifest.true_masks}
    if not common or manifest.masks is None:
        return {}
    ours = [structures.index(name) for name in common]
    sizes, size = own_sizes(manifest), predicted.shape[-1]
    found = {}
    for name, masks in files.items():
        if masks is not None:
            theirs = open_masks(only(masks, manifest.classes, common), manifest.root, size, cache)
            found[name] = fit_of(predicted, theirs, sizes, ours, manifest.spacing)
    return found


def only(masks: MaskFiles, structures: tuple[str, ...], wanted: list[str]) -> MaskFiles:
    """The mask files of some structures, in the order wanted."""
    return replace(masks, parts=tuple(masks.parts[structures.index(name)] for name in wanted))


def against_masks(manifest: Manifest, found: dict[str, Fit], structures: tuple[str, ...]) -> dict[str, Any]:
    """What metrics.json says of `fits`, by the given masks and by the true ones where they are known."""
    common = [name for name in structures if name in manifest.classes]
    return {name: quality_of_masks(fit, common, manifest.group_codes) for name, fit in found.items()}


def true_masks(manifest: Manifest, size: int, cache: Path | None) -> Masks | None:
    """[N, K, size, size] the true masks; None where they are not known."""
    if manifest.true_masks is None:
        return None
    return open_masks(manifest.true_masks, manifest.root, size, cache)


def wrong_masks(given: Masks, true: Masks | None) -> Array | None:
    """[N, K] bool: where the given mask is not the true one, at the networks' size; None where that is unknown."""
    if true is None:
        return None
    return np.array([(given[row] != true[row]).any((1, 2)) for row in range(len(given))])


def corrected_quality(
    corrected: Rows, given: Masks, true: Masks | None, structures: tuple[str, ...]
) -> dict[str, Any]:
    """The corrected masks [N, K, S, S] of the training part against the given ones, and against the true ones.

    `agreement` is the mean Dice of corrected and given masks. Where the truth is known, the mean Dice of the given
    and of the corrected masks with it, over the images of which a mask was wrong (`wrong`) and over the others
    (`right`), and by structure over the images in which that structure was wrong.
    """
    rows = range(len(given))
    agreement = np.stack([dice(corrected[row], given[row]) for row in rows])  # [N, K]
    found = {"samples": len(given), "agreement": rounded(agreement.mean())}
    wrong = wrong_masks(given, true)
    if wrong is None or true is None:
        return found
    before = np.stack([dice(given[row], true[row]) for row in rows])
    after = np.stack([dice(corrected[row], true[row]) for row in rows])
    whole = np.asarray(wrong.any(1))
    return {
        **found,
        "wrong": both(before, after, whole),
        "right": both(before, after, ~whole),
        "per_structure": {
            name: both(before[:, k], after[:, k], wrong[:, k]) for k, name in enumerate(structures)
        },
    }


def both(before: Array, after: Array, rows: Array) -> dict[str, Any]:
    """Mean Dice with the truth of given and corrected masks, over some rows."""
    count = int(rows.sum())
    values = {"given_dice": before, "corrected_dice": after}
    return {"images": count, **{k: rounded(v[rows].mean()) if count else None for k, v in values.items()}}
