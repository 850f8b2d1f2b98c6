"""Coreset: what looks least like anything that is trusted."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.cleaning.pool import Pool
from overread.cleaning.samplers.order import check_budget, check_finite, shuffled

Array = np.ndarray[Any, np.dtype[Any]]
BLOCK = 2048  # rows: 16 MB of distances at a time


def to_nearest(x: Array, centres: Array, middle: Array) -> Array:
    r"""[n] float32: $\min_j \|x_i - (c_j - m)\|^2$, infinite where there is no centre; block by block.

    Args:
        x: [n, D] float32, already moved by `middle`.
        centres: [M, D] in any float type, not yet moved.
        middle: [D] float32; near the data, so that rounding stays small beside the distances.
    """
    closest = np.full(len(x), -np.inf, np.float32)  # max over centres of x.c - |c|^2 / 2
    for first in range(0, len(centres), BLOCK):
        c = centres[first : first + BLOCK].astype(np.float32) - middle
        half = 0.5 * np.einsum("md,md->m", c, c)
        for start in range(0, len(x), BLOCK):
            part = slice(start, start + BLOCK)
            products = x[part] @ c.T  # [<= BLOCK, <= BLOCK]
            products -= half
            closest[part] = np.maximum(closest[part], products.max(1))
    return np.asarray(np.maximum(np.einsum("nd,nd->n", x, x) - 2.0 * closest, 0.0))


def farthest_first(x: Array, nearest: Array, count: int) -> Array:
    r"""[count] positions in `x` [n, D]: ever again $u = \arg\max_i \min_j \|x_i - c_j\|$, which becomes a centre.

    `nearest` [n] are the squared distances to the centres there are; it is used up. The first of equals wins.
    The greatest distance that remains is at most twice that of the best choice of as many centres (Gonzalez 1985).

    >>> line = np.array([[0.0], [1.0], [4.0], [10.0]], np.float32)
    >>> farthest_first(line, line[:, 0] ** 2, 3).tolist()  # the centre there is lies at 0
    [3, 2, 1]
    """
    square = np.einsum("nd,nd->n", x, x)
    chosen = np.empty(count, np.int64)
    for step in range(count):
        at = int(nearest.argmax())
        chosen[step] = at
        d2 = square + square[at] - 2.0 * (x @ x[at])  # [n]
        np.minimum(nearest, np.maximum(d2, 0.0), out=nearest)
        nearest[at] = -np.inf  # and so it stays
    return chosen


def from_the_middle(x: Array) -> Array:
    """[n] float32 distances before there is a centre: the point of `x` [n, D] nearest to 0 comes first."""
    nearest = np.full(len(x), np.finfo(np.float32).max, np.float32)
    nearest[np.einsum("nd,nd->n", x, x).argmin()] = np.inf
    return nearest


def coreset(pool: Pool, budget: int, rng: np.random.Generator) -> Array:
    """Greedy k-centre on the current network's features: the centres are the trusted set and what was chosen so far.

    Exact Euclidean distances in float32; memory: one copy of the features and some 50 MB. Where nothing is
    trusted, the first is the sample nearest the mean of the askable ones. Does not look at labels.

    Source: Sener and Savarese, "Active learning for convolutional neural networks: a core-set approach", ICLR 2018;
    one of P4's samplers.
    """
    check_budget(budget)
    features = pool.need("features", "coreset")
    known = np.arange(len(pool))[pool.askable | pool.trusted]
    check_finite(features.sum(1)[known], known, pool, "feature")
    rows = shuffled(pool, rng)  # the first of equals is then any of them
    count = min(budget, len(rows))
    if count == 0:
        return rows[:0]
    x = features[rows].astype(np.float32, copy=False)
    middle = x.mean(0, dtype=np.float64).astype(np.float32)
    x -= middle
    nearest = to_nearest(x, features[pool.trusted], middle) if pool.trusted.any() else from_the_middle(x)
    return np.asarray(rows[farthest_first(x, nearest, count)])
