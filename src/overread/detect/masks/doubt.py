"""How probably each mask is wrong, and how many images have a wrong one: without the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from overread.detect.masks.consensus import pooled
from overread.detect.masks.evidence import MaskEvidence
from overread.detect.masks.hills import CUT, FEW, Hills, find_hills
from overread.detect.masks.suspicion import MaskSuspicion, drawn
from overread.detect.rate import LEVEL

Array = np.ndarray[Any, np.dtype[Any]]
RESAMPLES = 200
STEPS = 50
LEAST = 1e-9


@dataclass(frozen=True)
class Doubt:
    """What the consensus says of every mask."""

    score: Array  # [N, K] log-odds of being wrong, in nats
    p_wrong: Array  # [N, K]
    share: float  # of images with a wrong mask
    low: float  # ends of its interval at LEVEL
    high: float

    @property
    def image(self) -> Array:
        """[N] p_wrong of an image: the highest of its structures'."""
        return np.asarray(self.p_wrong.max(1))

    @property
    def suspicion(self) -> MaskSuspicion:
        """As a detector's opinion."""
        return MaskSuspicion(self.score, self.p_wrong > CUT)


def doubt(evidence: MaskEvidence, rate: float | None = None, seed: int = 0) -> Doubt:
    """The doubt about each mask. `rate` is the share of images with a wrong mask where the user knows it.

    The interval spans resampled groups, each with hills of its own.
    """
    score, rows = pooled(evidence), drawn(evidence)
    hills = [find_hills(score[here, k]) if here.any() else None for k, here in enumerate(rows.T)]
    known = any(one is not None and bool(one.two[0]) for one in hills)
    p = touched(ratios(score, rows, hills), np.ones(len(evidence)), known)
    if rate is not None:
        p = moved(p, rate)
        return Doubt(log_odds(p, score), p, rate, rate, rate)
    weights = resampled_groups(evidence.groups, seed)  # [R, N]
    again = [
        None if one is None else find_hills(score[here, k], weights[:, here], near=one)
        for k, (one, here) in enumerate(zip(hills, rows.T, strict=True))
    ]
    shares = []
    for sample, counts in enumerate(weights):
        ratio = ratios(score, rows, [one and one.of(sample) for one in again])
        shares.append(float(counts @ touched(ratio, counts, known).max(1) / counts.sum()))
    estimate, edge = float(p.max(1).mean()), 0.5 * (1.0 - LEVEL)
    low, high = np.quantile(shares, [edge, 1.0 - edge])
    return Doubt(log_odds(p, score), p, estimate, min(float(low), estimate), max(float(high), estimate))


def consensus(evidence: MaskEvidence) -> MaskSuspicion:
    """`doubt` as a detector's opinion, where nothing is known of how many masks are wrong."""
    return doubt(evidence).suspicion


def ratios(score: Array, rows: Array, hills: Sequence[Hills | None]) -> Array:
    """[N, K] how many times likelier each score [N, K] is of a wrong mask than of a right one, by the `hills`
    [K] of one sample. What is drawn on neither side (not in `rows` [N, K]) is right."""
    found = np.zeros(score.shape)
    for k, (one, here) in enumerate(zip(hills, rows.T, strict=True)):
        if one is not None:
            p = np.clip(one.p_wrong(score[here, k])[0], LEAST, 1.0 - LEAST)  # [M]
            found[here, k] = p / (1.0 - p) * float((1.0 - one.share[0]) / one.share[0])
    return found


def touched(ratio: Array, weights: Array, known: bool = True) -> Array:
    r"""[N, K] how probably each mask is wrong, given what the image's other masks look like.

    An image is touched with probability $\lambda$; in a touched one structure k is wrong with probability $\rho_k$.
    With $r_{ik}$ the likelihood ratio of wrong to right,
    $P(\text{touched} | i) = \lambda T_i / (\lambda T_i + 1 - \lambda)$, $T_i = \prod_k (1 - \rho_k + \rho_k r_{ik})$,
    and $P(\text{wrong}_{ik}) = P(\text{touched} | i)\, \rho_k r_{ik} / (1 - \rho_k + \rho_k r_{ik})$. $\lambda$ and
    $\rho$ are found by EM. So errors that befall all structures of an image vouch for each other, and errors that
    befall one are not hidden by the others.

    Args:
        ratio: [N, K] r.
        weights: [N] how often each image counts.
        known: whether the shares can be found; where no structure has a hill of wrong masks, they are 0.02 and 0.5.
    """
    count = max(float(weights.sum()), 1.0)
    lam, rho = 0.5 if known else FEW, np.full(ratio.shape[1], 0.5)
    wrong = np.zeros(ratio.shape)
    for _ in range(STEPS):
        either = 1.0 - rho + rho * ratio  # [N, K]
        log_t = np.log(lam / (1.0 - lam)) + np.log(np.maximum(either, 1e-300)).sum(1)
        is_touched = 1.0 / (1.0 + np.exp(-np.clip(log_t, -700.0, 700.0)))  # [N]
        wrong = is_touched[:, None] * rho * ratio / either
        if not known:
            break
        lam = float(np.clip(weights @ is_touched / count, 0.5 / count, 1.0 - 0.5 / count))
        rho = np.clip(weights @ wrong / max(float(weights @ is_touched), 1e-12), 0.01, 0.99)
    return wrong


def moved(p: Array, rate: float) -> Array:
    """[N, K] p with its log-odds moved by one number such that the mean over images of the highest is `rate`."""
    odds = np.log(np.clip(p, LEAST, 1.0)) - np.log(np.clip(1.0 - p, LEAST, 1.0))
    low, high = -60.0, 60.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        mean = (1.0 / (1.0 + np.exp(-(odds.max(1) + middle)))).mean()
        low, high = (middle, high) if mean < rate else (low, middle)
    return np.asarray(1.0 / (1.0 + np.exp(-(odds + 0.5 * (low + high)))))


def log_odds(p: Array, score: Array) -> Array:
    """[N, K] of p; a hundredth of the pooled score on top orders what is equally probable."""
    return np.asarray(np.log(np.clip(p, LEAST, 1.0)) - np.log(np.clip(1.0 - p, LEAST, 1.0)) + 0.01 * score)


def resampled_groups(groups: Array, seed: int) -> Array:
    """[R, N] how often each image counts when whole groups are drawn with replacement."""
    codes = np.unique(groups, return_inverse=True)[1]
    count = int(codes.max()) + 1
    rng = np.random.default_rng(seed)
    times = [np.bincount(rng.integers(0, count, count), minlength=count) for _ in range(RESAMPLES)]
    return np.stack([one[codes].astype(np.uint8) for one in times])
