"""Entropy: where the prediction is spread over many classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.cleaning.pool import Pool
from overread.cleaning.samplers.order import highest

Array = np.ndarray[Any, np.dtype[Any]]


def entropies(probs: Array) -> Array:
    r"""$H(p) = -\sum_c p_c \log p_c$ of each row of `probs` [N, C]: [N] float64 in nats, 0 .. log C; 0 log 0 is 0.

    >>> entropies(np.array([[1.0, 0.0], [0.5, 0.5]])).round(4).tolist()
    [0.0, 0.6931]
    """
    p = probs.astype(np.float64)
    return np.asarray(-(p * np.log(np.where(p > 0, p, 1.0))).sum(1) + 0.0)  # never -0.0


def entropy(pool: Pool, budget: int, rng: np.random.Generator) -> Array:
    """Highest entropy of the current network's prediction first; does not look at the label.

    Source: Shannon 1948; one of P4's samplers.
    """
    return highest(entropies(pool.need("probs", "entropy")), pool, budget, rng)
