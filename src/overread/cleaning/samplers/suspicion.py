"""Suspicion: the labels that our consensus doubts most."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.cleaning.pool import Pool
from overread.cleaning.samplers.order import highest
from overread.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]


def suspicion(pool: Pool, budget: int, rng: np.random.Generator) -> Array:
    """Highest score of `pool.suspicion` first: as an audit ranks `suspects.csv`, on the labels as they stand."""
    if pool.suspicion is None:
        raise InputError(
            "The sampler 'suspicion' needs the consensus of the detectors, which this run did not compute. "
            "Choose another one by --sampler NAME, or --start with something that trains."
        )
    return highest(pool.suspicion.score, pool, budget, rng)
