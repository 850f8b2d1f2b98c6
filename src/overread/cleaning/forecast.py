"""How many wrong labels are left, and how many the next hundred would find: by p_wrong and what was found so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from overread.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]
LEVEL = 0.95
SHARED, LOCAL, REACH = 0.75, 1.0, 2.0  # of what p_wrong is believed to be off, in logits (docs/stopping.md)
LEAST = 1e-3  # p_wrong is not taken for nearer to 0 or 1: a label is never held righter than 999 of 1000
BINS, DRAWS = 60, 2000
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
    words: str


@dataclass(frozen=True)
class Found:
    """The labels that were asked about and got an answer: unsure and unreadable ones are left out."""

    p_wrong: Array  # [n] before the label was asked, 0 to 1
    wrong: Array  # [n] bool: the reader changed it
    at_random: bool = False  # drawn at random from all that could be asked


def forecast(p_wrong: Array, found: Found, order: Array | None = None, seed: int = 0) -> Forecast:
    r"""Wrong labels among those not asked, and among the next hundred, each with a 95 % interval.

    $P(\text{wrong}_i) = \sigma(x_i + g(x_i))$ with $x = \operatorname{logit} p$: p_wrong as it is where g = 0. Before
    any answer g is a Gaussian process around 0, and the answers move it near the p_wrong that were asked
    (`recalibration`). Far from these p_wrong stands, and doubt with it. It is in terms of p_wrong because those who
    were asked were chosen by suspicion: their share of wrong labels is not that of the others. 2000 draws of g, and
    of the labels given it, make the intervals.

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
    drawn = rng.multivariate_normal(mode, spread, DRAWS, method="eigh")  # [S, bins]
    remaining = _count(drawn, logit(p), rng)
    if found.at_random and len(found.wrong):
        remaining = left_after_random(int(found.wrong.sum()), len(found.wrong), len(p))
    following = rows[:FOLLOWING]
    next_wrong = _count(drawn, logit(p[following]), rng)
    return Forecast(len(p), remaining, len(following), next_wrong, _words(p, found))


def speaks_for_the_rest(sampler: str, balanced: bool) -> bool:
    """Whether answers to what a sampler chose say how right p_wrong is of the labels that it did not choose.

    They do where p_wrong's own order or chance chose them. Entropy and coreset choose hard images, and a balanced
    budget goes by the network's opinion: among labels of equal p_wrong those chosen are then more often, or less
    often, wrong than the others (docs/stopping.md).
    """
    return sampler in ("random", "suspicion") and not balanced


def recalibration(found: Found) -> tuple[Array, Array]:
    r"""How far p_wrong is off after the answers: the mode [60] and the covariance [60, 60] of g in bins of the logit.

    Before any answer $\operatorname{cov}(g(x), g(x')) = 0.75^2 + 1^2 e^{-(x - x')^2 / (2 \cdot 2^2)}$: a part that
    all share, and one that reaches 2 logits. The mode of
    $\sum_i \log \operatorname{Bernoulli}(w_i; \sigma(x_i + g)) - \frac12 g^\top K^{-1} g$ by Newton's method, the
    covariance $(K^{-1} + W)^{-1}$ there (Laplace).

    Source: Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, algorithm 3.1.
    """
    x = logit(found.p_wrong)
    middle = (EDGES[1:] + EDGES[:-1]) / 2.0  # [bins]
    kernel = SHARED**2 + LOCAL**2 * np.exp(-(((middle[:, None] - middle) / REACH) ** 2) / 2.0)
    size, mean = binned(x)
    wrong = np.bincount(bin_of(x), np.asarray(found.wrong, float), BINS)
    g, one = np.zeros(BINS), np.eye(BINS)
    for _ in range(100):
        p = sigmoid(mean + g)
        curve = size * p * (1.0 - p)  # [bins] W
        step = np.linalg.solve(one + kernel * curve, kernel @ (curve * g + wrong - size * p)) - g
        g = g + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-9:
            break
    spread = np.linalg.solve(one + kernel * curve, kernel)
    return g, (spread + spread.T) / 2.0


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


FARTHEST = float(logit(np.ones(1))[0])
EDGES = np.linspace(-FARTHEST, FARTHEST, BINS + 1)  # of the bins of logits


def bin_of(x: Array) -> Array:
    """The bin of each logit."""
    return np.searchsorted(EDGES[1:-1], x, side="right")


def binned(x: Array) -> tuple[Array, Array]:
    """[bins] how many logits x lie in each bin, and their mean."""
    place = bin_of(x)
    size = np.bincount(place, minlength=BINS)
    return size, np.bincount(place, x, BINS) / np.maximum(size, 1)


def sigmoid(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -500.0, 500.0))))


def _count(drawn: Array, x: Array, rng: np.random.Generator) -> Count:
    """How many of the labels of logits x [M] are wrong, over draws [S, bins] of g; alike ones count together."""
    if not len(x):
        return Count(0.0, 0.0, 0.0)
    size, mean = binned(x)
    share = sigmoid(mean + drawn)  # [S, bins]
    wrong = rng.binomial(size, share).sum(1)
    tail = 50.0 * (1.0 - LEVEL)
    low, high = np.percentile(wrong, [tail, 100.0 - tail])
    return Count(float((share @ size).mean()), float(low), float(high))


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
