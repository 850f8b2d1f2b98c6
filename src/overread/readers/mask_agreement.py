"""How well readers' masks of one structure agree, over images."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from overread.errors import InputError
from overread.mask_quality import dice, intervals_of_means
from overread.readers.resampling import Agreement, joined

Array = np.ndarray[Any, np.dtype[Any]]


def agreement_of_masks(masks: Sequence[Array], groups: Array | None = None) -> Agreement:
    """How well readers' masks agree: the mean over images of the mean Dice of each pair of readers.

    Args:
        masks: of each image [R, H, W] bool; images may differ in size and in how many readers there are.
        groups: [N] images of one group (patient) are resampled together; the images themselves if not given.

    Two empty masks agree (Dice 1); the words say of how many images nobody drew anything. 0 to 1; the interval is
    95 %, by bootstrap over groups.
    """
    groups = np.arange(len(masks)) if groups is None else np.asarray(groups)
    if len(groups) != len(masks):
        raise InputError(f"There are {len(masks)} images and {len(groups)} groups: give one group an image.")
    rows = [row for row, of in enumerate(masks) if len(of) >= 2]
    readers = max((len(masks[row]) for row in rows), default=0)
    if not rows:
        words = "No image has masks of two readers: let some be drawn twice."
        return Agreement("dice", None, None, None, 0, 0, words)
    values = np.array([_pairwise(np.asarray(masks[row], bool)) for row in rows])
    empty = sum(not np.any(masks[row]) for row in rows)
    words = f"In {empty} of {len(rows)} images nobody drew anything, which counts as 1." * (empty > 0)
    ends = intervals_of_means(values[:, None], groups[rows], 0)
    if ends is None or values.min() == values.max():
        why = "All of it is of one group" if ends is None else f"Every image has the same {values[0]:.3g}"
        return Agreement(
            "dice",
            float(values.mean()),
            None,
            None,
            len(rows),
            readers,
            joined(words, f"{why}: there is no interval."),
        )
    low, high = ends[0]
    return Agreement("dice", float(values.mean()), low, high, len(rows), readers, words)


def _pairwise(masks: Array) -> float:
    return float(np.mean([dice(a, b) for a, b in combinations(masks, 2)]))
