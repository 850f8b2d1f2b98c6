"""From scores to an order: what every sampler that scores samples one by one does with its scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.cleaning.pool import Pool
from overread.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]


def shuffled(pool: Pool, rng: np.random.Generator) -> Array:
    """The askable rows in an order that owes nothing to the order of the data, which may be sorted by class."""
    rows = rng.permutation(len(pool))
    return np.asarray(rows[pool.askable[rows]])


def highest(score: Array, pool: Pool, budget: int, rng: np.random.Generator) -> Array:
    """[<= budget] askable rows by falling score [N]; ties in a random order."""
    check_budget(budget)
    rows = shuffled(pool, rng)
    values = np.asarray(score, np.float64)[rows]
    check_finite(values, rows, pool, "score")
    return np.asarray(rows[np.argsort(-values, kind="stable")[:budget]])


def check_budget(budget: int) -> None:
    """Refuses a budget below 0."""
    if budget < 0:
        raise InputError(f"The budget is a number of labels, 0 or more, got {budget}.")


def check_finite(values: Array, rows: Array, pool: Pool, what: str) -> None:
    """Refuses NaN and infinity among `values` [n] or [n, D] of `rows` [n]; names the first sample."""
    whole = np.isfinite(values)
    bad = np.flatnonzero(~(whole if values.ndim == 1 else whole.all(1)))
    if len(bad):
        raise InputError(
            f"The {what} of {len(bad)} samples is not a finite number, first that of "
            f"{str(pool.evidence.ids[rows[bad].min()])!r}. The network may have diverged: "
            "lower --lr, or choose --sampler random without --balanced, which reads nothing."
        )
