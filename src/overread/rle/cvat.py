"""Run lengths as CVAT writes them: along the rows of the least rectangle that holds the mask, undrawn first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from overread.rle.runs import BadRuns, flat_of, runs_of

Array = np.ndarray[Any, np.dtype[Any]]
SIDES = ("left", "top", "width", "height")


def encode(mask: Array) -> dict[str, str]:
    """The attributes `rle`, `left`, `top`, `width`, `height` of a mask [H, W] that is not empty.

    >>> encode(np.array([[0, 0, 0], [0, 1, 1], [0, 0, 1]]))
    {'rle': '0, 2, 1, 1', 'left': '1', 'top': '1', 'width': '2', 'height': '2'}
    """
    drawn = np.asarray(mask, bool)
    rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
    top, left = int(rows[0]), int(columns[0])
    inside = drawn[top : rows[-1] + 1, left : columns[-1] + 1]
    sides = (left, top, inside.shape[1], inside.shape[0])
    runs = ", ".join(map(str, runs_of(inside.ravel())))
    return {"rle": runs, **{name: str(side) for name, side in zip(SIDES, sides, strict=True)}}


def decode(attributes: Mapping[str, str], size: tuple[int, int]) -> Array:
    """bool [H, W] of such attributes, for an image of this `size`. Raises `BadRuns`."""
    try:
        left, top, width, height = (int(float(attributes[name])) for name in SIDES)
        runs = [int(part) for part in attributes["rle"].split(",")]
    except (KeyError, ValueError, OverflowError) as error:
        raise BadRuns(f"has no whole numbers in rle, left, top, width, height ({error})") from None
    if min(left, top) < 0 or min(width, height) < 1 or top + height > size[0] or left + width > size[1]:
        raise BadRuns(
            f"covers {width} x {height} pixels at ({left}, {top}), but the image has {size[1]} x {size[0]}"
        )
    mask = np.zeros(size, bool)
    mask[top : top + height, left : left + width] = flat_of(runs, width * height).reshape(height, width)
    return mask
