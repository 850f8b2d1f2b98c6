"""Least confidence: where the first choice is least probable."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.cleaning.pool import Pool
from overread.cleaning.samplers.order import highest

Array = np.ndarray[Any, np.dtype[Any]]


def doubts(probs: Array) -> Array:
    r"""$1 - \max_c p_c$ of each row of `probs` [N, C]: [N] float64, 0 .. 1 - 1/C.

    >>> doubts(np.array([[0.5, 0.25, 0.25], [0.75, 0.25, 0.0]])).tolist()
    [0.5, 0.25]
    """
    return np.asarray(1.0 - probs.astype(np.float64).max(1))


def least_confidence(pool: Pool, budget: int, rng: np.random.Generator) -> Array:
    """The least probable first choice of the current network first; does not look at the label.

    Source: Lewis and Gale, "A sequential algorithm for training text classifiers", SIGIR 1994.
    """
    return highest(doubts(pool.need("probs", "least-confidence")), pool, budget, rng)
