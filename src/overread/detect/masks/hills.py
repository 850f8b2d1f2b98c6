"""Right and wrong masks told apart by one score, without the truth: one hill, or two."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
CUT = 0.5  # a mask is flagged where it is more probably wrong than right
BINS, STEPS = 256, 60
STARTS = (0.3, 0.6, 0.8, 0.92, 0.97)  # quantiles beyond which the search for a second hill begins
TAILS = 4.0  # degrees of freedom of right masks: some images are harder than most
FEW = 0.02  # share of wrong masks that is believed in where there is one hill
APART = 2.5  # how many spreads the hills lie apart at least
NARROW = 0.02  # least spread, as a share of the range of all scores


@dataclass(frozen=True)
class Hills:
    r"""How the scores s of masks lie: $(1 - \pi)\, t_4(s; m_0, s_0) + \pi f_1(s)$, right masks and wrong ones.

    $f_1$ is the normal distribution $N(m_1, s_1)$ where a second hill shows. Where none does it is uniform between
    $m_0$ and the largest score and $\pi$ = 0.02, so that only what lies far outside is probably wrong. Each number
    is an array [R], of R samples of the same scores.
    """

    centre: Array  # m_0
    spread: Array  # s_0
    wrong: Array  # m_1
    wrong_spread: Array  # s_1
    share: Array  # pi
    two: Array  # bool: whether there are two
    top: float  # the largest score

    def of(self, sample: int) -> Hills:
        """The hills of one sample."""
        one = slice(sample, sample + 1)
        numbers = {f.name: getattr(self, f.name)[one] for f in fields(self) if f.name != "top"}
        return Hills(**numbers, top=self.top)

    @property
    def valley(self) -> float:
        """The score at which a mask of the first sample is as probably wrong as right."""
        grid = np.linspace(self.centre[0], self.wrong[0], BINS)
        return float(grid[np.argmin(np.abs(self.p_wrong(grid)[0] - CUT))])

    def p_wrong(self, score: Array) -> Array:
        """[R, M] how probably masks of these scores [M] are wrong; never less for a higher score."""
        grid = np.linspace(score.min(), self.top, 8 * BINS)
        right = (1.0 - self.share)[:, None] * student(grid, self.centre, self.spread)
        hill = normal(grid, self.wrong, self.wrong_spread)
        wrong = self.share[:, None] * np.where(self.two[:, None], hill, flat(grid, self.centre, self.top))
        p = np.maximum.accumulate(wrong / (right + wrong + 1e-300), 1)
        return np.stack([np.interp(score, grid, one) for one in p])


def find_hills(score: Array, weights: Array | None = None, near: Hills | None = None) -> Hills:
    """The hills of scores [M], or of R samples of them that count each score `weights` [R, M] times.

    Two are believed in where they explain the scores better than one, by the Bayesian information criterion, and lie
    at least 2.5 (root mean square) spreads apart. The search begins in several places. With `near`, found on all of
    the scores, the samples have as many hills, and the search begins at its valley.

    Source: Dempster, Laird and Rubin 1977 (EM); Peel and McLachlan 2000 (t distributions); Schwarz 1978 (BIC);
    Ashman, Bird and Zepf 1994 (how far apart).
    """
    weights = np.ones((1, len(score))) if weights is None else weights
    edges = np.linspace(score.min(), max(score.max(), score.min() + 1e-6), BINS + 1)
    s, bins = 0.5 * (edges[1:] + edges[:-1]), np.clip(np.digitize(score, edges) - 1, 0, BINS - 1)
    counts = np.stack([np.bincount(bins, one, BINS) for one in weights])  # [R, BINS] float64
    cuts = [float(np.quantile(score, start)) for start in STARTS] if near is None else [near.valley]
    one, one_likely = one_hill(s, counts)
    found, likely = two_hills(s, counts, cuts[0])
    for cut in cuts[1:]:
        other, other_likely = two_hills(s, counts, cut)
        found = {name: np.where(other_likely > likely, other[name], found[name]) for name in found}
        likely = np.maximum(likely, other_likely)
    gain = likely - one_likely - 1.5 * np.log(counts.sum(1))
    spread = np.sqrt(0.5 * (found["spread"] ** 2 + found["wrong_spread"] ** 2))
    two = (gain > 0) & (found["wrong"] - found["centre"] > APART * spread)
    two = two if near is None else np.repeat(near.two, len(counts))
    ours = {name: np.where(two, v, one.get(name, v)) for name, v in found.items()}
    return Hills(**ours, two=two, top=float(s[-1]))


def one_hill(s: Array, counts: Array) -> tuple[dict[str, Array], Array]:
    """Right masks and few others: m_0, s_0 and pi, each [R], and the logarithm of the likelihood."""
    centre = median(s, counts)
    spread = np.maximum(1.5 * median(np.abs(s - centre[:, None]), counts), NARROW * np.ptp(s))
    share = np.full(len(counts), FEW)
    for _ in range(STEPS):
        right, wrong = (1.0 - FEW) * student(s, centre, spread), FEW * flat(s, centre, s[-1])
        centre, spread = of_right(s, counts * right / (right + wrong), centre, spread)
    total = (1.0 - FEW) * student(s, centre, spread) + FEW * flat(s, centre, s[-1])
    return {"centre": centre, "spread": spread, "share": share}, likelihood(total, counts)


def two_hills(s: Array, counts: Array, cut: float) -> tuple[dict[str, Array], Array]:
    """Right and wrong masks, by EM from a cut between them: as `one_hill`, with m_1 and s_1."""
    is_wrong = np.broadcast_to(np.where(s > cut, 1.0, 0.0), counts.shape)  # [R, BINS]
    centre, spread = median(s, counts * (1.0 - is_wrong)), np.full(len(counts), 0.1 * np.ptp(s))
    for _ in range(STEPS):
        share = np.clip((counts * is_wrong).sum(1) / counts.sum(1), 1e-4, 1.0 - 1e-4)
        centre, spread = of_right(s, counts * (1.0 - is_wrong), centre, spread)
        wrong, wrong_spread = of_wrong(s, counts * is_wrong)
        ours = (1.0 - share)[:, None] * student(s, centre, spread)
        theirs = share[:, None] * normal(s, wrong, wrong_spread)
        is_wrong = theirs / (ours + theirs + 1e-300)
    found = {"centre": centre, "spread": spread, "wrong": wrong, "wrong_spread": wrong_spread, "share": share}
    return found, likelihood(ours + theirs, counts)


def of_right(s: Array, weights: Array, centre: Array, spread: Array) -> tuple[Array, Array]:
    """One step of EM for a t distribution."""
    z = (s - centre[:, None]) / spread[:, None]
    near = weights * (TAILS + 1.0) / (TAILS + z**2)
    centre = (near * s).sum(1) / np.maximum(near.sum(1), 1e-12)
    variance = (near * (s - centre[:, None]) ** 2).sum(1) / np.maximum(weights.sum(1), 1e-12)
    return centre, np.maximum(np.sqrt(variance), NARROW * np.ptp(s))


def of_wrong(s: Array, weights: Array) -> tuple[Array, Array]:
    """Mean and standard deviation [R]."""
    total = np.maximum(weights.sum(1), 1e-12)
    mean = (weights * s).sum(1) / total
    variance = (weights * (s - mean[:, None]) ** 2).sum(1) / total
    return mean, np.maximum(np.sqrt(variance), NARROW * np.ptp(s))


def median(s: Array, weights: Array) -> Array:
    """[R] weighted medians of s [B] or [R, B]."""
    s = np.broadcast_to(s, weights.shape)
    order = s.argsort(1, kind="stable")
    mass = np.take_along_axis(weights, order, 1).cumsum(1)
    place = (mass < 0.5 * mass[:, -1:]).sum(1, keepdims=True)
    return np.take_along_axis(np.take_along_axis(s, order, 1), np.minimum(place, s.shape[1] - 1), 1)[:, 0]


def student(s: Array, centre: Array, spread: Array) -> Array:
    """[R, M] density of the t distribution with 4 degrees of freedom."""
    z = (s - centre[:, None]) / spread[:, None]
    return np.asarray(0.375 / spread[:, None] * (1.0 + z**2 / TAILS) ** (-0.5 * (TAILS + 1.0)))


def normal(s: Array, centre: Array, spread: Array) -> Array:
    """[R, M] density of the normal distribution."""
    z = (s - centre[:, None]) / spread[:, None]
    return np.asarray(np.exp(-0.5 * z**2) / (np.sqrt(2.0 * np.pi) * spread[:, None]))


def flat(s: Array, low: Array, high: float) -> Array:
    """[R, M] density of the uniform distribution."""
    return (s > low[:, None]) / np.maximum(high - low[:, None], 1e-9)


def likelihood(density: Array, counts: Array) -> Array:
    """[R] its logarithm."""
    return np.asarray((counts * np.log(np.maximum(density, 1e-300))).sum(1))
