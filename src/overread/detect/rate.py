"""How many labels are wrong, and how probably each one is: from scores of made-up labels, without the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
TAILS = (0.7, 0.8, 0.9, 0.95)  # quantiles of the made-up scores beyond which tails are compared
LEVEL = 0.95
RESAMPLES, DRAWS = 200, 8


@dataclass(frozen=True)
class NoiseRate:
    """The share of wrong labels, with an interval at `LEVEL`, and how often each label is the wrong one."""

    estimate: float
    low: float
    high: float
    by_label: tuple[float, ...]  # [C] how often an image that is surely not of the class bears its label


def score_of(log_probs: Array, labels: Array) -> Array:
    """Minus the log-probability of `labels` [..., N] under [N, C]: the score that a sample has with them."""
    return np.asarray(-log_probs[np.arange(len(log_probs)), labels])


def label_rates(log_probs: Array, given: Array) -> Array:
    r"""[len(TAILS), C] upper bounds of how often an image of another class bears the label j.

    Among the images that look least like class j, as many as 1 - q of those not labelled j, the share that is:
    $\rho_j(q) = P(y = j \mid s_j > t_{jq})$. Right labels hardly stand so far out, so what does is wrong.
    """
    bears = given[:, None] == np.arange(log_probs.shape[1])  # [N, C]
    unlike = np.argsort(log_probs, axis=0, kind="stable")  # [N, C] least like the class first
    sorted_bears = np.take_along_axis(bears, unlike, 0).cumsum(0)
    others = (~bears).sum(0)  # [C]
    counts = np.maximum(1, np.round(others * (1.0 - np.array(TAILS)[:, None])).astype(int))  # [tails, C]
    return np.asarray(np.take_along_axis(sorted_bears, counts - 1, 0) / counts)


def total_rates(rates: Array, given: Array) -> Array:
    r"""[len(TAILS)] the noise rate $\sum_j \rho_j (1 - P(y = j))$ that each tail gives."""
    share = np.bincount(given, minlength=rates.shape[1]) / len(given)
    return np.asarray(rates @ (1.0 - share))


def noise_rate(log_probs: Array, given: Array, groups: Array, seed: int) -> NoiseRate:
    """The noise rate from out-of-sample log-probabilities [N, C], which no label has influenced itself.

    The estimate is the least of what the tails give. The interval resamples groups; its low end comes from the
    least tail, its high end from the largest, whose right labels it counts as wrong: it spans what sampling and
    the choice of tail leave open. It assumes that what happens to the labels of typical images happens to all:
    errors that befall only images on the border between two classes are not seen.

    Source: the anchor idea of Patrini et al. (CVPR 2017), and of Scott, "A rate of convergence for mixture
    proportion estimation" (AISTATS 2015).
    """
    rng = np.random.default_rng(seed)
    code = np.unique(groups, return_inverse=True)[1]
    size = int(code.max()) + 1
    low, high = [], []
    for _ in range(RESAMPLES):
        rows = np.repeat(np.arange(len(given)), rng.multinomial(size, np.full(size, 1.0 / size))[code])
        totals = total_rates(label_rates(log_probs[rows], given[rows]), given[rows])
        low.append(totals.min())
        high.append(totals.max())
    rates = label_rates(log_probs, given)
    totals = total_rates(rates, given)
    edge = (1.0 - LEVEL) / 2.0
    ends = float(np.quantile(low, edge)), float(np.quantile(high, 1.0 - edge))
    best = int(totals.argmin())
    estimate = float(totals[best])
    by_label = tuple(float(rate) for rate in rates[best])
    return NoiseRate(estimate, min(ends[0], estimate), min(1.0, max(ends[1], estimate)), by_label)


def made_up(given: Array, by_label: Array, rng: np.random.Generator) -> Array:
    """[DRAWS, N] labels that differ from the given ones, each as likely as it is the wrong one (`by_label` [C])."""
    weights = np.tile(np.maximum(by_label, 1e-9), (len(given), 1))  # [N, C]
    weights[np.arange(len(given)), given] = 0.0
    edges = weights.cumsum(1)
    draws = rng.random((DRAWS, len(given))) * edges[:, -1]
    return np.asarray((draws[:, :, None] >= edges[None]).sum(2))


def probability_wrong(log_probs: Array, given: Array, rate: NoiseRate, seed: int) -> Array:
    r"""[N] the probability that each given label is wrong, non-decreasing in its score.

    $p(s) = \pi f_1(s) / f(s)$: real scores give f, made-up labels give $f_1$, isotonic regression of "made up"
    on the score gives their ratio. Two corrections: a wrong label that was trained on has been learnt a little,
    so its score lies below the made-up ones by a factor, chosen such that their tails agree with the rate;
    and a made-up label that is probably the true one of a wrong label (by the pass before) counts less.
    """
    if rate.estimate <= 0:
        return np.zeros(len(given))
    labels = made_up(given, np.array(rate.by_label), np.random.default_rng(seed))  # [DRAWS, N]
    real = score_of(log_probs, given)
    base = real.min()
    real = real - base
    false = score_of(log_probs, labels) - base
    true = other_probabilities(log_probs, given)[np.arange(len(given)), labels]  # [DRAWS, N]
    p = np.zeros(len(given))
    for _ in range(3):
        weight = 1.0 - p * true
        shrunk = learnt(real, false, weight, rate.estimate) * false
        p = share_of_false(real, shrunk, weight, rate.estimate)
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


def learnt(real: Array, false: Array, weight: Array, rate: float) -> float:
    """The factor in 0.5..1 by which made-up scores shrink so that the median ratio of the tails of the real
    scores and of theirs is `rate`."""
    order = false.ravel().argsort()
    mass = weight.ravel()[order].cumsum() / weight.sum()
    cuts = false.ravel()[order][np.searchsorted(mass, TAILS)]  # weighted quantiles
    low, high = 0.5, 1.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        beyond = np.array([(real > middle * cut).mean() for cut in cuts]) / (1.0 - np.array(TAILS))
        low, high = (middle, high) if np.median(beyond) > rate else (low, middle)
    return 0.5 * (low + high)
