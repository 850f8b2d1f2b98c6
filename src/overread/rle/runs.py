"""Runs of equal values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class BadRuns(ValueError):
    """Run lengths that do not fit their mask; the message goes on after "its mask"."""


def runs_of(flat: Array) -> list[int]:
    """Lengths of the runs of a flat mask; the first is of what is not drawn, 0 where the mask begins drawn.

    >>> runs_of(np.array([1, 1, 0, 1], bool)), runs_of(np.zeros(3, bool))
    ([0, 2, 1, 1], [3])
    """
    edges = np.flatnonzero(np.diff(flat.astype(np.int8))) + 1
    lengths = np.diff(np.concatenate([[0], edges, [len(flat)]])).tolist()
    return [0, *lengths] if len(flat) and flat[0] else lengths


def flat_of(lengths: Sequence[int], size: int) -> Array:
    """bool [size] of the lengths of runs, the first of what is not drawn. Raises `BadRuns`."""
    counts = np.asarray(lengths, dtype=np.int64)
    if counts.size and (counts.min() < 0 or counts.max() > size):
        raise BadRuns("has a run that is longer than the mask, or negative")
    if counts.sum() != size:
        raise BadRuns(f"has runs of {int(counts.sum()):,} pixels; {size:,} are expected")
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts)
