"""What COCO writes for a mask: run lengths, plain or packed into text, and polygons.

Runs go down the columns, from the left one on, first of pixels that are not drawn. In text a run is cut into groups
of 5 bits, the lowest first, each as one sign from "0" (48) on, with 32 added where more follow; from the fourth run
on the difference to the run two before is written. A polygon is drawn by the rule of COCO's own tools: its edges on
a grid five times as fine, and a pixel belongs to it when an odd number of edges lies above its middle.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]
FINE = 5


class Unreadable(ValueError):
    """The shape is no mask; the message is for the user."""


def drawn(segmentation: Any, height: int, width: int) -> Bools:
    """[H, W] what an annotation's `segmentation` draws. Raises `Unreadable`.

    >>> drawn({"size": [2, 2], "counts": [1, 2, 1]}, 2, 2).tolist()
    [[False, True], [True, False]]
    """
    if isinstance(segmentation, dict):
        if [height, width] != list(segmentation.get("size") or []):
            raise Unreadable(f"its size is {segmentation.get('size')}, the image's [{height}, {width}]")
        counts = segmentation.get("counts")
        return from_runs(unpacked(counts) if isinstance(counts, str) else counts, height, width)
    if not isinstance(segmentation, list):
        raise Unreadable(f"it is {type(segmentation).__name__}; expected polygons or run lengths")
    whole = np.zeros((height, width), bool)
    for points in segmentation:
        whole |= polygon(points, height, width)
    return whole


def unpacked(text: str) -> list[int]:
    """The run lengths in COCO's text.

    >>> unpacked("112O1")
    [1, 1, 2, 0, 3]
    """
    runs: list[int] = []
    at = 0
    while at < len(text):
        value = shift = 0
        more = True
        while more:
            bits = ord(text[at]) - 48 if at < len(text) else -1
            if not 0 <= bits < 64 or shift > 40:
                raise Unreadable("its run lengths are damaged")
            value |= (bits & 31) << shift
            more, at, shift = bool(bits & 32), at + 1, shift + 5
        value -= (1 << shift) if bits & 16 else 0
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
    return runs


def from_runs(runs: Any, height: int, width: int) -> Bools:
    """[H, W] of run lengths."""
    try:
        lengths = np.array(runs, dtype=np.int64)
    except (TypeError, ValueError, OverflowError):
        raise Unreadable("its run lengths are no numbers") from None
    if lengths.ndim != 1 or (lengths < 0).any() or (lengths > height * width).any():
        raise Unreadable("its run lengths are damaged")
    if lengths.sum() != height * width:
        raise Unreadable(f"its run lengths make {lengths.sum()} pixels; the image has {height * width}")
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(width, height).T


def polygon(points: Any, height: int, width: int) -> Bools:
    """[H, W] inside the polygon x, y, x, y, ... in pixels."""
    try:
        places = np.array(points, dtype=np.float64)
    except (TypeError, ValueError):
        raise Unreadable("a polygon holds something that is no number") from None
    if places.ndim != 1 or len(places) < 6 or len(places) % 2 or not (np.abs(places) < 1e6).all():
        raise Unreadable("a polygon needs three points or more, each x and y")
    corners = (FINE * places.reshape(-1, 2) + 0.5).astype(np.int64)
    path = np.concatenate([edge(*pair) for pair in zip(corners, np.roll(corners, -1, axis=0), strict=True)])
    return np.asarray(np.cumsum(crossings(path, height, width)) % 2 == 1).reshape(width, height).T


def edge(start: Array, end: Array) -> Array:
    """[P, 2] the points of an edge on the fine grid, one for each step along its longer side."""
    step = end - start
    longer = int(np.argmax(np.abs(step) >= np.abs(step).max()))
    count = int(np.abs(step[longer]))
    first, last = (start, end) if step[longer] >= 0 else (end, start)
    along = np.arange(count + 1)
    slope = (last[1 - longer] - first[1 - longer]) / count if count else 0.0
    found = np.empty((count + 1, 2), np.int64)
    found[:, longer] = first[longer] + along
    found[:, 1 - longer] = np.trunc(first[1 - longer] + slope * along + 0.5)
    return found if step[longer] >= 0 else found[::-1]


def crossings(path: Array, height: int, width: int) -> Array:
    """[H * W] how often the path crosses each column's line of middles just above a pixel, columns one by one."""
    before, after = path[:-1], path[1:]
    moved = after[:, 0] != before[:, 0]
    x = np.where(after[:, 0] < before[:, 0], after[:, 0], after[:, 0] - 1)[moved]
    y = np.minimum(after[:, 1], before[:, 1])[moved]
    column = (x + 0.5) / FINE - 0.5
    row = np.ceil(np.clip((y + 0.5) / FINE - 0.5, 0, height)).astype(np.int64)
    on = (np.floor(column) == column) & (column >= 0) & (column <= width - 1)
    places = column[on].astype(np.int64) * height + row[on]
    return np.bincount(places, minlength=height * width + 1)[: height * width]
