"""Random: any sample."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.cleaning.pool import Pool
from overread.cleaning.samplers.order import check_budget, shuffled

Array = np.ndarray[Any, np.dtype[Any]]


def random(pool: Pool, budget: int, rng: np.random.Generator) -> Array:
    """Askable rows in a random order, all orders equally likely; reads no evidence."""
    check_budget(budget)
    return shuffled(pool, rng)[:budget]
