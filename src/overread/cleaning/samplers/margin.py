"""Margin: where the first two choices are nearly as probable."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.cleaning.pool import Pool
from overread.cleaning.samplers.order import highest

Array = np.ndarray[Any, np.dtype[Any]]


def closeness(probs: Array) -> Array:
    r"""$1 - (p_{(1)} - p_{(2)})$ of each row of `probs` [N, C >= 2], largest and second largest: [N] float64, 0 .. 1.

    >>> closeness(np.array([[0.5, 0.5, 0.0], [0.25, 0.75, 0.0]])).tolist()
    [1.0, 0.5]
    """
    top = np.partition(probs.astype(np.float64), -2, axis=1)[:, -2:]  # [N, 2] second, first
    return np.asarray(1.0 - (top[:, 1] - top[:, 0]))


def margin(pool: Pool, budget: int, rng: np.random.Generator) -> Array:
    """The smallest lead of the current network's first choice first; does not look at the label.

    Source: Scheffer, Decomain, Wrobel, "Active hidden Markov models for information extraction", IDA 2001.
    """
    return highest(closeness(pool.need("probs", "margin")), pool, budget, rng)
