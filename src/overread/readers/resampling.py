"""From sums of counts to one measure of agreement with its interval, or to words where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from overread.quality import LEVEL, resampled
from overread.readers.answers import Answers

Array = np.ndarray[Any, np.dtype[Any]]
Split = Callable[[Array], tuple[Array, Array]]  # sums [S, F] -> disagreement seen and by chance, [S] each
BLOCK = 100  # resamples summed at once
SKEWED = 0.9  # the share of one class from which on chance-corrected measures say little


@dataclass(frozen=True)
class Agreement:
    """One measure of agreement. Never NaN: what cannot be said is None, and the words say why."""

    name: str
    value: float | None  # 1: complete; 0: as by chance, where the measure corrects for it
    low: float | None  # the 95 % interval, by bootstrap over groups
    high: float | None
    items: int  # that two readers or more gave a class
    readers: int  # who gave one of these items a class
    words: str = ""  # what the number must be read with; empty where it stands by itself


@dataclass(frozen=True)
class Counted:
    """What a measure is computed of: sums over items, and which items and groups enter."""

    name: str
    sums: Any  # [G, F] by group, sparse
    split: Split
    heard: int  # groups with an item that enters


def judged(counted: Counted, answers: Answers, notes: str = "", nothing: str = "") -> Agreement:
    r"""$1 - D_o / D_e$: observed disagreement against that which chance would make, with its interval.

    All measures here have that form. The interval is of quantiles of the measure over 1000 draws of as many groups as
    there are, with replacement; draws in which it is undefined are left out. Where nobody ever disagreed, every draw
    says 1; then the lower end is $1 - d / D_e$ with $d = 1 - 0.025^{1/G}$, the largest share of G groups in which
    disagreement is still as likely as 2.5 % to go unseen (Clopper and Pearson; $D_o \le d$, as disagreements are
    scaled to at most 1).

    `notes` are told where there is a value, `nothing` where chance makes no disagreement either.
    """
    twice = answers.often >= 2
    size = {"items": int(twice.sum()), "readers": int((answers.codes[twice] >= 0).any(0).sum())}
    observed, chance = (float(one[0]) for one in counted.split(counted.sums.sum(0)[None]))
    if not chance > 0.0:
        return Agreement(counted.name, None, None, None, **size, words=nothing)
    value = 1.0 - observed / chance
    if counted.heard < 2:
        words = "All of it is of one group: there is no interval."
        return Agreement(counted.name, value, None, None, **size, words=joined(notes, words))
    if observed == 0.0:
        end, words = _never_disagreed(counted.heard, chance)
        return Agreement(counted.name, 1.0, end, 1.0, **size, words=joined(notes, words))
    low, high, words = _interval(counted)
    return Agreement(counted.name, value, low, high, **size, words=joined(notes, words))


def _interval(counted: Counted) -> tuple[float | None, float | None, str]:
    weights = resampled(counted.sums.shape[0], np.random.default_rng(0)).T  # [S, G]
    blocks = [
        weights[start : start + BLOCK].astype(float) @ counted.sums for start in range(0, len(weights), BLOCK)
    ]
    observed, chance = counted.split(np.concatenate(blocks))
    with np.errstate(invalid="ignore", divide="ignore"):
        values = 1.0 - observed / chance
    known = values[np.isfinite(values)]
    left_out = len(values) - len(known)
    if 2 * left_out > len(values):
        return None, None, "In most resamples it is undefined: there is no interval."
    tail = 50.0 * (1.0 - LEVEL)
    low, high = (float(end) for end in np.percentile(known, [tail, 100.0 - tail]))
    if low == high:
        return None, None, "Every resample gives the same value: there is too little for an interval."
    share = f"{100.0 * left_out / len(values):.1f} %"
    return (
        low,
        high,
        f"The interval leaves out {share} of the resamples, where it is undefined." * (left_out > 0),
    )


def _never_disagreed(groups: int, chance: float) -> tuple[float, str]:
    unseen = 1.0 - ((1.0 - LEVEL) / 2.0) ** (1.0 / groups)
    words = (
        f"Nobody ever disagreed; the lower end is what {groups} groups without disagreement leave possible."
    )
    return max(-1.0, 1.0 - unseen / chance), words


def skew(answers: Answers) -> str:
    """A sentence where nearly all answers are one class, else nothing."""
    total = answers.counts[answers.often >= 2].sum(0)
    most = int(total.argmax())
    share = total[most] / max(total.sum(), 1)
    if share < SKEWED:
        return ""
    return (
        f"{100 * share:.0f} % of the answers are {answers.classes[most]!r}: the measure is low for that reason too; "
        "read AC1 and the agreement on each class beside it."
    )


def joined(*sentences: str) -> str:
    """Those that are not empty, as one text."""
    return " ".join(sentence for sentence in sentences if sentence)
