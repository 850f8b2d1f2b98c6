"""Picking: which labels of the pool a round puts to the experts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from overread.cleaning.pool import Pool
from overread.cleaning.samplers.choose import choose, make
from overread.engine.evidence import Evidence
from overread.verbs.cleaning.desk import Array, Desk, Labels
from overread.verbs.cleaning.first import First
from overread.verbs.cleaning.measuring import Look


def trusted_now(first: First, labels: Labels) -> Array:
    """[P] bool: what is learned from: trusted unseen and not asked since, or verified."""
    return np.asarray((first.trusted & ~labels.asked) | labels.verified) & ~labels.closed


def picked(desk: Desk, first: First, look: Look, count: int, number: int) -> Array:
    """[<= count] rows of the pool to ask about in round `number`, in order.

    What is not trusted is asked first; where it does not fill the round, what is trusted unseen follows.
    """
    labels = look.labels
    sampler = make(desk.config.sampler, desk.config.balanced)
    rng = np.random.default_rng([desk.config.seed, number])
    trusted = trusted_now(first, labels)
    open_ = ~labels.asked & ~labels.verified & ~labels.closed
    chosen = np.empty(0, np.int64)
    for askable in (open_ & ~trusted, open_ & trusted):
        left = count - len(chosen)
        if left and askable.any():
            pool = Pool(seen(desk, first, look), askable, trusted & ~askable, look.found.suspicion)
            chosen = np.concatenate([chosen, choose(sampler, pool, left, rng)])
    return chosen


def seen(desk: Desk, first: First, look: Look) -> Evidence:
    """The evidence that samplers look at: labels as they stand, and the newest networks' eyes.

    Before anything is learned all classes are equally likely, and features are those of the frozen network.
    """
    classes, labels, model = len(desk.manifest.classes), look.labels, look.model
    evidence = first.read.evidence
    if model is None:
        even = np.full((len(labels.given), classes), 1.0 / classes, np.float32)
        return replace(evidence, given=labels.given, probs=even, features=desk.frozen)
    return replace(evidence, given=labels.given, probs=model.probs, features=model.features)
