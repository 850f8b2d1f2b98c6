"""Balanced: any sampler, its budget spread over the classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Protocol

import numpy as np

from overread.cleaning.pool import Pool
from overread.cleaning.samplers.order import check_budget, check_finite

Array = np.ndarray[Any, np.dtype[Any]]


class Sampler(Protocol):
    """What every sampler can do; a user's own needs nothing more."""

    def __call__(self, pool: Pool, budget: int, rng: np.random.Generator, /) -> Array:
        """Row numbers [<= budget], all askable, each once, in the order in which to ask. Equal `rng`, equal rows."""
        ...


def shares(sizes: Array, budget: int) -> Array:
    """[C] how much of the budget each class of ascending `sizes` [C] gets: equal shares; what a small class cannot
    use goes to the larger ones, and what cannot be shared out equally to the first ones.

    >>> shares(np.array([1, 50, 100]), 10).tolist()
    [1, 5, 4]
    """
    given = np.zeros(len(sizes), np.int64)
    for place, size in enumerate(sizes):
        left = budget - given.sum()
        given[place] = min(int(size), -(-left // (len(sizes) - place)))
    return given


def seen_as(probs: Array, given: Array) -> Array:
    r"""[N] the class for which a sample speaks most: $\arg\max_c p_{ic} / \bar p_c$, $\bar p$ the mean of the rows.

    A network that learned from few of a rare class, or from wrong labels, predicts it for next to nobody. Measured
    by how often it is expected, every class has its likeliest samples. Among equals the label as it stands counts,
    and so it does for all before anything is learned.

    Args:
        probs: [N, C] of the current network.
        given: [N] int, the label as it stands.

    Source: as logit adjustment, Menon et al., "Long-tail learning via logit adjustment", ICLR 2021.

    >>> seen_as(np.array([[0.9, 0.1], [0.7, 0.3], [0.8, 0.2]]), np.array([0, 0, 1])).tolist()
    [0, 1, 1]
    """
    expected = probs.mean(0, dtype=np.float64)  # [C]
    lift = probs / np.where(expected > 0, expected, 1.0)
    leads = lift[np.arange(len(given)), given] >= lift.max(1)
    return np.asarray(np.where(leads, given, lift.argmax(1)))


def classes_of(pool: Pool) -> Array:
    """[N] `seen_as` of the pool; the label as it stands where there are no probabilities."""
    probs, given = pool.evidence.probs, pool.evidence.given
    if probs is None:
        return given
    rows = np.arange(len(pool))
    check_finite(probs.sum(1), rows, pool, "prediction")
    return seen_as(probs, given)


@dataclass(frozen=True)
class Balanced:
    """The first choice of `sampler` in every class, rarest class first, then the second in every class, and so on.

    A sample belongs to the class for which the network speaks most (`seen_as`), not to its label: once labels are
    wrong, what stands under a rare label comes mostly from common classes, and much of what truly belongs to a rare
    class stands under the labels of common ones. Without probabilities the label counts. Within a class the order is
    the sampler's own; coreset measures from what is trusted of all classes. Source: Overread.
    """

    sampler: Sampler

    def __call__(self, pool: Pool, budget: int, rng: np.random.Generator) -> Array:
        check_budget(budget)
        seen = classes_of(pool)
        sizes = np.bincount(seen[pool.askable], minlength=len(pool.evidence.classes))
        labels = rng.permutation(len(sizes))  # of equally rare classes any may be first
        labels = labels[np.argsort(sizes[labels], kind="stable")]
        orders = [
            self.sampler(replace(pool, askable=pool.askable & (seen == label)), int(share), rng)
            for label, share in zip(labels, shares(sizes[labels], budget), strict=True)
            if share
        ]
        laps = zip_longest(*(order.tolist() for order in orders))
        return np.array([row for lap in laps for row in lap if row is not None], np.int64)
