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
    features: Array, k: int, groups: Array | None = None, queries: Array | None = None, chunk: int = 1024
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
        d2 = square[part, None] + square[None] - 2.0 * (x[part] @ x.T)  # [m, N]
        d2[blocks[part, None] == blocks[None]] = np.inf
        best = np.argpartition(d2, width - 1, axis=1)[:, :width]
        found = np.take_along_axis(d2, best, 1)
        order = np.lexsort((best, found), axis=1)  # by distance, ties by row number
        best, found = np.take_along_axis(best, order, 1), np.take_along_axis(found, order, 1)
        stop = start + len(part)
        indices[start:stop, :width] = np.where(np.isfinite(found), best, -1)
        distances[start:stop, :width] = np.sqrt(np.maximum(found, 0.0))
    return indices, distances


def nearest_among(known: Array, queries: Array, k: int) -> tuple[Array, Array]:
    """As `nearest`, of `queries` [m, D] among the rows of `known` [M, D]."""
    both = np.arange(len(known) + len(queries))
    groups = np.minimum(both, len(known))  # all queries are one group: they do not see each other
    return nearest(np.concatenate([known, queries]), k, groups, both[len(known) :])
