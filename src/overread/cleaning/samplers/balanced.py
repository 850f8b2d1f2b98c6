"""Balanced: any sampler, its budget spread over the classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Protocol

import numpy as np

from overread.cleaning.pool import Pool
from overread.cleaning.samplers.order import check_budget

Array = np.ndarray[Any, np.dtype[Any]]


class Sampler(Protocol):
    """What every sampler can do; a user's own needs nothing more."""

    def __call__(self, pool: Pool, budget: int, rng: np.random.Generator, /) -> Array:
        """Row numbers [<= budget], all askable, each once, in the order in which to ask. Equal `rng`, equal rows."""
        ...


def shares(sizes: Array, budget: int) -> Array:
    """[C] how much of the budget each class of `sizes` [C] gets: equal shares; what a small class cannot use goes to
    the others, and what cannot be shared out equally to the smaller ones.

    >>> shares(np.array([100, 1, 50]), 10).tolist()
    [4, 1, 5]
    """
    given = np.zeros(len(sizes), np.int64)
    left = budget
    for place, label in enumerate(np.argsort(sizes, kind="stable")):
        given[label] = min(int(sizes[label]), -(-left // (len(sizes) - place)))
        left -= given[label]
    return given


def seen_as(pool: Pool) -> Array:
    """[N] the class that the current network predicts; the label as it stands where there are no probabilities."""
    probs = pool.evidence.probs
    return pool.evidence.given if probs is None else np.asarray(probs.argmax(1))


@dataclass(frozen=True)
class Balanced:
    """The first choice of `sampler` in every class, rarest class first, then the second in every class, and so on.

    Classes are those that the network predicts: what truly belongs to a rare class stands mostly under the labels of
    common ones, and what stands under a rare label comes mostly from common ones once labels are wrong. Within a
    class the order is the sampler's own; coreset measures from what is trusted of all classes.
    """

    sampler: Sampler

    def __call__(self, pool: Pool, budget: int, rng: np.random.Generator) -> Array:
        check_budget(budget)
        seen = seen_as(pool)
        sizes = np.bincount(seen[pool.askable], minlength=len(pool.evidence.classes))
        share = shares(sizes, budget)
        orders = [
            self.sampler(replace(pool, askable=pool.askable & (seen == label)), int(share[label]), rng)
            for label in np.argsort(sizes, kind="stable")
            if share[label]
        ]
        laps = zip_longest(*(order.tolist() for order in orders))
        return np.array([row for lap in laps for row in lap if row is not None], np.int64)
