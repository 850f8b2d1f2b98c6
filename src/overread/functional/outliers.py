"""Local outlier probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import erf

Array = np.ndarray[Any, np.dtype[Any]]


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
