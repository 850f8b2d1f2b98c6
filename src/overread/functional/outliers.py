"""Local outlier probabilities."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from scipy.special import erf

from overread.functional.neighbours import nearest, nearest_among

Array = np.ndarray[Any, np.dtype[Any]]
SMALL_CLASS = 8  # samples; fewer say nothing about what is usual among them
MOST_NEIGHBOURS = 1000
MOST_COMPARED = 10_000  # members of a class that all others of it are compared with
CHUNK = 4096  # rows


def loop_scores(indices: Array, distances: Array, extent: float = 3.0) -> Array:
    r"""LoOP, the local outlier probability of each of N points, from its k nearest neighbours.

    $\sigma_i = \sqrt{\frac1k \sum_{j \in N(i)} d_{ij}^2}$, probabilistic distance $\lambda\sigma_i$;
    $\mathrm{PLOF}_i = \sigma_i / \frac1k\sum_{j \in N(i)} \sigma_j - 1$,
    $\mathrm{nPLOF} = \lambda \sqrt{\frac1N \sum_i \mathrm{PLOF}_i^2}$,
    $\mathrm{LoOP}_i = \max(0, \mathrm{erf}(\mathrm{PLOF}_i / (\mathrm{nPLOF}\sqrt2)))$.

    Args:
        indices: [N, k] int, neighbours of each point among the N.
        distances: [N, k] their Euclidean distances.
        extent: lambda, in standard deviations.

    Returns:
        [N] float64 in 0..1; higher is more outlying.

    Source: Kriegel, Kroeger, Schubert, Zimek, "LoOP: Local Outlier Probabilities", CIKM 2009.
    """
    sigma = _sigma(distances)  # [N]
    return _probability(_plof(sigma, sigma[indices].mean(1)), extent)


def _sigma(distances: Array) -> Array:
    return np.asarray(np.sqrt((distances.astype(np.float64) ** 2).mean(1)))


def _plof(sigma: Array, around: Array) -> Array:
    return np.asarray(np.divide(sigma, around, out=np.ones_like(sigma), where=around > 0) - 1.0)


def _probability(plof: Array, extent: float) -> Array:
    spread = extent * np.sqrt((plof**2).mean())
    if spread == 0:
        return np.zeros_like(plof)
    return np.asarray(np.maximum(0.0, erf(plof / (spread * np.sqrt(2.0)))))


class Rows(Protocol):
    """What gives features [n, D] for row numbers [n], as an array does."""

    def __getitem__(self, rows: Array, /) -> Array: ...


def class_outliers(features: Rows, labels: Array, share: float = 0.5) -> Array:
    """LoOP (extent 3) of each sample among those of its own label: [N] float64 in 0..1.

    P1's score over the whole set is blind, because a wrong label sits in the dense heart of another class. k is
    `share` of the class, at most `MOST_NEIGHBOURS`: it must be at least the number of wrong labels in the class.
    Classes of fewer than `SMALL_CLASS` samples score 0. In one of more than `MOST_COMPARED`, neighbours are sought
    among so many, drawn once for all and every time the same; then k is a share of these. So memory stays within
    some 300 MB and time grows with N, not its square.

    Args:
        features: [N, D], scaled as distances shall be taken; read class by class.
        labels: [N] int.
        share: of the class, 0..1.

    Source: Xue, Dou, Shi, Chen, Heng, "Robust Learning at Noisy Labeled Medical Images", ISBI 2019 (P1).
    """
    score = np.zeros(len(labels))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        if len(rows) >= SMALL_CLASS:
            score[rows] = _outliers(features, rows, share)
    return score


def _outliers(features: Rows, rows: Array, share: float) -> Array:
    """LoOP of each of `rows` [n] among them, or among `MOST_COMPARED` of them."""
    drawn = np.random.default_rng(0).permutation(len(rows))[:MOST_COMPARED]
    known = np.sort(drawn)  # places in `rows`
    k = int(min(MOST_NEIGHBOURS, max(SMALL_CLASS // 2, share * len(known))))
    x = features[rows[known]]
    indices, distances = nearest(x, k)
    sigma = _sigma(distances)
    plof = np.empty(len(rows))
    plof[known] = _plof(sigma, sigma[indices].mean(1))
    others = np.setdiff1d(np.arange(len(rows)), known)
    for part in (others[start : start + CHUNK] for start in range(0, len(others), CHUNK)):
        indices, distances = nearest_among(x, features[rows[part]], k)
        plof[part] = _plof(_sigma(distances), sigma[indices].mean(1))
    return _probability(plof, 3.0)
