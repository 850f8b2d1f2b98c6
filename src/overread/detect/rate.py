"""How many labels are wrong, and how probably each one is: from scores of made-up labels, without the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
TAILS = (0.5, 0.6, 0.7, 0.8, 0.9)  # quantiles of the made-up scores beyond which tails are compared
LEVEL = 0.95
RESAMPLES = 200


@dataclass(frozen=True)
class NoiseRate:
    """The share of wrong labels, with an interval at `LEVEL`."""

    estimate: float
    low: float
    high: float


def made_up(labels: Array, classes: int, rng: np.random.Generator, draws: int = 8) -> Array:
    """[draws, N] labels that differ from the given ones, every other class equally likely."""
    return (labels[None] + rng.integers(1, classes, (draws, len(labels)))) % classes


def score_of(log_probs: Array, labels: Array) -> Array:
    """Minus the log-probability of `labels` [..., N] under [N, C]: the score a sample would have with them."""
    return -log_probs[np.arange(len(log_probs)), labels]


def tail_ratios(real: Array, false: Array, classes: int) -> Array:
    r"""[len(TAILS)] upper bounds of the noise rate $\pi$ from the tails of real and made-up scores.

    Real scores are a mixture $f = (1 - \pi) f_0 + \pi f_1$, so $\pi \le r(t) = \bar F(t) / \bar F_1(t)$ at every
    t, close where right labels hardly score so high. Made-up labels give $F_1$, but hit the true class of a
    wrong label by chance once in C - 1, hence $\pi = r / (1 + r / (C - 1))$.
    """
    cuts = np.quantile(false, TAILS)
    r = np.array([(real > cut).mean() for cut in cuts]) / (1.0 - np.array(TAILS))
    return np.asarray(r / (1.0 + r / (classes - 1)))


def noise_rate(log_probs: Array, given: Array, groups: Array, seed: int) -> NoiseRate:
    """The noise rate from out-of-sample log-probabilities [N, C], which no label has influenced itself.

    The estimate is the least of the tail ratios. The interval resamples groups; its low end comes from the least
    ratio, its high end from the widest tail, whose right labels it counts as wrong: it spans what sampling and
    the choice of tail leave open. It assumes wrong labels fall on every class alike; where they fall on the
    class that looks alike it is too low.

    Source: the anchor idea of Scott, "A rate of convergence for mixture proportion estimation" (AISTATS 2015).
    """
    rng = np.random.default_rng(seed)
    classes = log_probs.shape[1]
    real = score_of(log_probs, given)
    false = score_of(log_probs, made_up(given, classes, rng))  # [draws, N]
    code = np.unique(groups, return_inverse=True)[1]
    low, high = [], []
    for _ in range(RESAMPLES):
        weight = rng.multinomial(code.max() + 1, np.full(code.max() + 1, 1.0 / (code.max() + 1)))[code]
        rows = np.repeat(np.arange(len(given)), weight)
        ratios = tail_ratios(real[rows], false[:, rows], classes)
        low.append(ratios.min())
        high.append(ratios.max())
    estimate = float(tail_ratios(real, false, classes).min())
    edge = (1.0 - LEVEL) / 2.0
    ends = (float(np.quantile(low, edge)), float(np.quantile(high, 1.0 - edge)))
    return NoiseRate(estimate, min(ends[0], estimate), min(1.0, max(ends[1], estimate)))


def probability_wrong(log_probs: Array, given: Array, rate: float, seed: int) -> Array:
    r"""[N] the probability that each given label is wrong, non-decreasing in its score.

    $p(s) = \pi f_1(s) / f(s)$: real scores give f, made-up labels give $f_1$, isotonic regression of "made up"
    on the score gives their ratio. Two corrections: a wrong label that was trained on has been learnt a little,
    so its score lies below the made-up ones by a factor, chosen such that the tail ratios agree with `rate`;
    and a made-up label that is probably the true one of a wrong label (by the first pass) counts less.
    """
    if rate <= 0:
        return np.zeros(len(given))
    classes = log_probs.shape[1]
    labels = made_up(given, classes, np.random.default_rng(seed))  # [draws, N]
    real = score_of(log_probs, given)
    base = real.min()
    false = score_of(log_probs, labels) - base
    false *= learnt(real - base, false.ravel(), classes, rate)
    true = other_probabilities(log_probs, given)[np.arange(len(given)), labels]  # [draws, N]
    p = np.zeros(len(given))
    for _ in range(3):
        p = share_of_false(real - base, false, 1.0 - p * true, rate)
    return p


def other_probabilities(log_probs: Array, given: Array) -> Array:
    """[N, C] how probable each other class is if the given one is wrong; rows sum to 1, the given class has 0."""
    others = log_probs.copy()
    others[np.arange(len(given)), given] = -np.inf
    weights = np.exp(others - others.max(1, keepdims=True))
    return np.asarray(weights / weights.sum(1, keepdims=True))


def share_of_false(real: Array, false: Array, weight: Array, rate: float) -> Array:
    """[N] at each real score, the share of false ones by isotonic regression; false scores [draws, N] count
    `weight` [draws, N], in all `rate` times as much as the N real ones."""
    from sklearn.isotonic import IsotonicRegression

    scores = np.concatenate([real, false.ravel()])
    weights = np.concatenate([np.ones(len(real)), weight.ravel() * rate * len(real) / weight.sum()])
    is_false = np.concatenate([np.zeros(len(real)), np.ones(false.size)])
    curve = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(scores, is_false, weights)
    share = curve.predict(real)  # pi f1 / (pi f1 + f)
    return np.asarray(np.clip(share / np.maximum(1.0 - share, 1e-9), 0.0, 1.0))


def learnt(real: Array, false: Array, classes: int, rate: float) -> float:
    """The factor in 0.5..1 by which made-up scores shrink so that the median tail ratio is `rate`."""
    low, high = 0.5, 1.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        if np.median(tail_ratios(real, middle * false, classes)) > rate:  # too many real scores beyond: grow
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
