"""Exact nearest neighbours in chunks, with members of the same group left out where asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def unit(features: Array) -> Array:
    """Rows centred on their mean and scaled to length 1: Euclidean order becomes cosine order. [N, D]."""
    return _scaled(features, features.mean(0, dtype=np.float32))


def _scaled(features: Array, centre: Array) -> Array:
    centred = features.astype(np.float32) - centre
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12))


@dataclass(frozen=True)
class Units:
    """`unit` of features that are too many to hold: each row is read and scaled when it is asked for.

    >>> features = np.eye(3)
    >>> bool(np.allclose(Units.of(features.__getitem__, 3)[np.array([2])], unit(features)[2:]))
    True
    """

    read: Callable[[Array], Array]  # row numbers [n] to features [n, D]
    centre: Array  # [D]

    @staticmethod
    def of(read: Callable[[Array], Array], count: int, chunk: int = 8192) -> Units:
        """Of `count` rows, which are read once for their mean."""
        parts = (np.arange(start, min(start + chunk, count)) for start in range(0, count, chunk))
        centre = sum(read(part).sum(0, dtype=np.float64) for part in parts) / count
        return Units(read, np.asarray(centre, np.float32))

    def __getitem__(self, rows: Array) -> Array:
        return _scaled(self.read(rows), self.centre)


def nearest(
    features: Array, k: int, groups: Array | None = None, queries: Array | None = None, chunk: int = 512
) -> tuple[Array, Array]:
    """The k nearest rows of each query row, nearest first; never itself, never one of its own group.

    Args:
        features: [N, D] float.
        k: how many; rows for which fewer exist are filled with -1 and an infinite distance.
        groups: [N] integers; rows of one group never see each other. None: only the row itself is left out.
        queries: [M] row numbers; None: all rows.

    Returns:
        indices [M, k] int64 and Euclidean distances [M, k] float32.
    """
    total = len(features)
    x = features.astype(np.float32)
    square = (x * x).sum(1)  # [N]
    blocks = np.arange(total) if groups is None else groups
    rows = np.arange(total) if queries is None else queries
    width = min(k, total)
    indices = np.full((len(rows), k), -1, np.int64)
    distances = np.full((len(rows), k), np.inf, np.float32)
    for start in range(0, len(rows), chunk):
        part = rows[start : start + chunk]
        d2 = _squares(x[part], square[part], x, square)  # [m, N]
        d2[blocks[part, None] == blocks[None]] = np.inf
        stop = start + len(part)
        indices[start:stop, :width], distances[start:stop, :width] = _smallest(d2, width)
    return indices, distances


def nearest_among(known: Array, queries: Array, k: int, chunk: int = 512) -> tuple[Array, Array]:
    """The k <= M nearest rows of `known` [M, D] to each of `queries` [m, D], nearest first.

    Returns:
        indices [m, k] int64 and Euclidean distances [m, k] float32.
    """
    x = known.astype(np.float32)
    square = (x * x).sum(1)  # [M]
    found = []
    for start in range(0, len(queries), chunk):
        part = queries[start : start + chunk].astype(np.float32)
        found.append(_smallest(_squares(part, (part * part).sum(1), x, square), k))
    indices, distances = zip(*found, strict=True)
    return np.concatenate(indices), np.concatenate(distances)


def _squares(one: Array, its_square: Array, other: Array, others_square: Array) -> Array:
    """[m, n] squared distances of the rows of two sets; next to 0 they may fall below it."""
    return np.asarray(its_square[:, None] + others_square[None] - 2.0 * (one @ other.T))


def _smallest(d2: Array, count: int) -> tuple[Array, Array]:
    """The columns of the smallest `count` of each row of `d2` [m, n] and their roots, smallest first, ties in order
    of the columns; column -1 where the distance is infinite.

    Floats from 0 are in the order of their bits: with the column in the lower half of an integer, one sort of
    integers orders both, in half the time of a sort by two keys.
    """
    key = np.maximum(d2, 0.0, dtype=np.float32).view(np.int32).astype(np.int64)
    key <<= 32
    key |= np.arange(d2.shape[1])
    key.partition(count - 1, axis=1)
    key = np.sort(key[:, :count], axis=1)
    found = (key >> 32).astype(np.int32).view(np.float32)
    return np.where(np.isfinite(found), key & 0xFFFFFFFF, -1), np.sqrt(found)
