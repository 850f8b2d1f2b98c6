"""How many wrong labels are left, and how many the next hundred would find: by p_wrong and what was found so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from overread.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]
LEVEL = 0.95
SHIFT, SLOPE = 1.0, 0.25  # standard deviations of what is believed of a and b before any answer
LEAST = 1e-3  # p_wrong is not taken for nearer to 0 or 1: a label is never held righter than 999 of 1000
BINS, DRAWS = 100, 2000
FOLLOWING = 100


@dataclass(frozen=True)
class Count:
    """An expected number of wrong labels and its 95 % interval."""

    expected: float
    low: float
    high: float


@dataclass(frozen=True)
class Forecast:
    """What is to be expected of the labels that nobody has verified."""

    unasked: int
    remaining: Count  # wrong labels among all of them
    following: int  # how many labels come next: 100, or what is left
    next_wrong: Count  # wrong labels among those
    shift: float  # a and b of the recalibration: 0 and 1 where p_wrong stands as it is
    slope: float
    words: str


@dataclass(frozen=True)
class Found:
    """The labels that were asked about and got an answer: unsure and unreadable ones are left out."""

    p_wrong: Array  # [n] before the label was asked, 0 to 1
    wrong: Array  # [n] bool: the reader changed it
    at_random: bool = False  # drawn at random from all that could be asked


def forecast(p_wrong: Array, found: Found, order: Array | None = None, seed: int = 0) -> Forecast:
    r"""Wrong labels among those not asked, and among the next hundred, each with a 95 % interval.

    $P(\text{wrong}_i) = \sigma(a + b \operatorname{logit} p_i)$: p_wrong as it is at a = 0, b = 1. Before any answer
    $a \sim N(0, 1)$ and $b \sim N(1, 0.25^2)$; the answers move both (`recalibration`). So where little was asked
    p_wrong stands and the interval is wide. It is in terms of p_wrong because those who were asked were chosen by
    suspicion: their share of wrong labels is not that of the others. 2000 draws of (a, b), and of the labels given
    these, make the intervals.

    Where the labels were asked at random, their share is an estimate that needs no p_wrong: `remaining` is then
    M k / n for k wrong of n asked and M left, with the interval of `left_after_random`. The next hundred go by
    p_wrong.

    Args:
        p_wrong: [M] of the labels that nobody has verified, 0 to 1.
        found: of all rounds so far.
        order: rows of p_wrong in the order in which they will be asked; by falling p_wrong if not given.
        seed: equal seeds, equal forecasts.
    """
    p = np.asarray(p_wrong, float)
    _check(p, found)
    rows = np.argsort(-p, kind="stable") if order is None else np.asarray(order, np.int64)
    mode, spread = recalibration(found)
    rng = np.random.default_rng(seed)
    drawn = rng.multivariate_normal(mode, spread, DRAWS)  # [S, 2]
    remaining = _count(drawn, logit(p), rng)
    if found.at_random and len(found.wrong):
        remaining = left_after_random(int(found.wrong.sum()), len(found.wrong), len(p))
    following = rows[:FOLLOWING]
    next_wrong = _count(drawn, logit(p[following]), rng)
    words = _words(p, found)
    return Forecast(len(p), remaining, len(following), next_wrong, float(mode[0]), float(mode[1]), words)


def recalibration(found: Found) -> tuple[Array, Array]:
    r"""The mode (a, b) and the covariance [2, 2] of what the answers say of them.

    The mode of $\sum_i \log \operatorname{Bernoulli}(w_i; \sigma(a + b x_i)) - \frac{a^2}{2} -
    \frac{(b - 1)^2}{2 \cdot 0.25^2}$, x the logit of p_wrong, by Newton's method; the covariance is the inverse of
    minus its second derivative (Laplace).

    Source: Platt, "Probabilistic outputs for support vector machines", 1999; MacKay, "The evidence framework applied
    to classification networks", 1992.
    """
    design = np.stack([np.ones(len(found.p_wrong)), logit(found.p_wrong)], 1)  # [n, 2]
    before, precision = np.array([0.0, 1.0]), np.diag([SHIFT**-2, SLOPE**-2])
    mode = before.copy()
    for _ in range(100):
        p = sigmoid(design @ mode)
        slope = design.T @ (np.asarray(found.wrong, float) - p) - precision @ (mode - before)
        curve = (design * (p * (1.0 - p))[:, None]).T @ design + precision
        step = np.linalg.solve(curve, slope)
        mode = mode + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-9:
            break
    return mode, np.linalg.inv(curve)


def left_after_random(wrong: int, asked: int, left: int) -> Count:
    r"""Wrong labels among `left`, after `asked` drawn at random from all `asked + left` had `wrong` wrong ones.

    The K wrong labels of all N that are not refuted at 2.5 % on either side by X = `wrong`, X hypergeometric:
    Clopper and Pearson's interval for a finite set. Expected: left · wrong / asked.

    >>> left_after_random(10, 10, 0), left_after_random(0, 59, 1000).high
    (Count(expected=0.0, low=0.0, high=0.0), 62.0)
    """
    from scipy.stats import hypergeom

    tail, everything = (1.0 - LEVEL) / 2.0, asked + left

    def refuted_below(total: int) -> bool:
        return bool(hypergeom.sf(wrong - 1, everything, total, asked) <= tail)

    def refuted_above(total: int) -> bool:
        return bool(hypergeom.cdf(wrong, everything, total, asked) <= tail)

    low, high = wrong, wrong + left
    below, above = low, high
    while below < above:  # the least total that is not refuted
        middle = (below + above) // 2
        below, above = (middle + 1, above) if refuted_below(middle) else (below, middle)
    least, below, above = below, below, high
    while below < above:  # the greatest
        middle = (below + above + 1) // 2
        below, above = (below, middle - 1) if refuted_above(middle) else (middle, above)
    return Count(left * wrong / asked, float(least - wrong), float(below - wrong))


def logit(p: Array) -> Array:
    """log(p / (1 - p)) of p held between LEAST and 1 - LEAST."""
    p = np.clip(p, LEAST, 1.0 - LEAST)
    return np.asarray(np.log(p) - np.log1p(-p))


def sigmoid(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -500.0, 500.0))))


def _count(drawn: Array, x: Array, rng: np.random.Generator) -> Count:
    """How many of the labels of logits x [M] are wrong, over draws of (a, b); alike ones are counted together."""
    if not len(x):
        return Count(0.0, 0.0, 0.0)
    edges = np.linspace(x.min(), x.max(), BINS + 1)[1:-1]
    place = np.searchsorted(edges, x, side="right")
    size = np.bincount(place, minlength=BINS)
    full = size > 0
    middle = np.bincount(place, x, BINS)[full] / size[full]
    share = sigmoid(drawn[:, :1] + drawn[:, 1:] * middle)  # [S, bins]
    wrong = rng.binomial(size[full], share).sum(1)
    tail = 50.0 * (1.0 - LEVEL)
    low, high = np.percentile(wrong, [tail, 100.0 - tail])
    return Count(float((share @ size[full]).mean()), float(low), float(high))


def _words(p: Array, found: Found) -> str:
    asked = len(found.wrong)
    if not asked:
        return "Nothing was answered yet: this rests on p_wrong alone."
    wrong, expected = int(np.sum(found.wrong)), float(np.sum(found.p_wrong))
    words = f"Of {asked} answered labels {wrong} were wrong, where p_wrong expected {expected:.0f}."
    if found.at_random:
        return f"{words} They were drawn at random: what remains follows their share alone."
    lowest = float(np.min(found.p_wrong))
    below = int((p < lowest).sum())
    if below:
        words += f" Of the {below} labels with p_wrong below {lowest:.2g} none was asked: of them it is carried over."
    return words


def _check(p: Array, found: Found) -> None:
    problems = []
    if len(found.p_wrong) != len(found.wrong):
        problems.append(
            f"{len(found.p_wrong)} p_wrong and {len(found.wrong)} answers: give one of each a label."
        )
    for name, values in (("of the labels left", p), ("of those asked", np.asarray(found.p_wrong, float))):
        outside = int((~((values >= 0.0) & (values <= 1.0))).sum())
        if outside:
            problems.append(f"{outside} p_wrong {name} are not between 0 and 1: give probabilities.")
    if problems:
        raise InputError("A forecast takes p_wrong and answers. " + " ".join(problems))
