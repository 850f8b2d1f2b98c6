"""Local outlier probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import erf

from overread.functional.neighbours import nearest

Array = np.ndarray[Any, np.dtype[Any]]
SMALL_CLASS = 8  # samples; fewer say nothing about what is usual among them
MOST_NEIGHBOURS = 1000


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
    sigma = np.sqrt((distances.astype(np.float64) ** 2).mean(1))  # [N]
    around = sigma[indices].mean(1)  # [N]
    plof = np.divide(sigma, around, out=np.ones_like(sigma), where=around > 0) - 1.0
    spread = extent * np.sqrt((plof**2).mean())
    if spread == 0:
        return np.zeros_like(sigma)
    return np.asarray(np.maximum(0.0, erf(plof / (spread * np.sqrt(2.0)))))


def class_outliers(features: Array, labels: Array, share: float = 0.5) -> Array:
    """LoOP (extent 3) of each sample among those of its own label: [N] float64 in 0..1.

    P1's score over the whole set is blind, because a wrong label sits in the dense heart of another class. k is
    `share` of the class, at most `MOST_NEIGHBOURS`: it must be at least the number of wrong labels in the class.
    Classes of fewer than `SMALL_CLASS` samples score 0.

    Args:
        features: [N, D], scaled as distances shall be taken.
        labels: [N] int.
        share: of the class, 0..1.

    Source: Xue, Dou, Shi, Chen, Heng, "Robust Learning at Noisy Labeled Medical Images", ISBI 2019 (P1).
    """
    score = np.zeros(len(features))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        if len(rows) >= SMALL_CLASS:
            k = int(min(MOST_NEIGHBOURS, max(SMALL_CLASS // 2, share * len(rows))))
            score[rows] = loop_scores(*nearest(features[rows], k))
    return score
