"""Bernhardt's score: labels that look wrong on images that look easy."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.cleaning.pool import Pool
from overread.cleaning.samplers.entropy import entropies
from overread.cleaning.samplers.order import highest

Array = np.ndarray[Any, np.dtype[Any]]
FLOOR = 1e-12  # a probability that rounding made 0 counts as this much: 27.6 nats


def relabelling_gain(probs: Array, given: Array) -> Array:
    r"""$\Phi_i = \mathrm{CE}(\hat\ell_i, p_i) - H(p_i) = -\log p_{i\ell_i} + \sum_c p_{ic} \log p_{ic}$, in nats.

    The first term is high where the label as it stands is probably wrong, the second low where the image is hard
    and several readers would be needed for a majority.

    Args:
        probs: [N, C] of the current network; from below they are cut at 1e-12 in the first term.
        given: [N] int, the label as it stands.

    Returns:
        [N] float64, -log C .. 27.6; higher is asked first.

    Source: Bernhardt, Castro, Tanno et al., "Active label cleaning for improved dataset quality under resource
    constraints", Nature Communications 2022. Their code subtracts only what the entropy exceeds 0.3 nats by.

    >>> relabelling_gain(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([0, 0])).round(4).tolist()
    [0.0, 0.0]
    """
    of_given = probs[np.arange(len(given)), given].astype(np.float64)
    return np.asarray(-np.log(np.maximum(of_given, FLOOR)) - entropies(probs) + 0.0)  # never -0.0


def bernhardt(pool: Pool, budget: int, rng: np.random.Generator) -> Array:
    """Highest cross-entropy of the label minus entropy of the prediction first."""
    score = relabelling_gain(pool.need("probs", "bernhardt"), pool.evidence.given)
    return highest(score, pool, budget, rng)
