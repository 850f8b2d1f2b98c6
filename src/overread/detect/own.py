"""What a training method's own columns say of the labels: each column that a method may leave is a detector."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.detect.needs import suggestion, two_means
from overread.detect.suspicion import Suspicion
from overread.engine.evidence import Evidence
from overread.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]
OWN = ("kept", "trust", "weight", "vog")  # names of the columns, and of the detectors that read them


def kept(evidence: Evidence) -> Suspicion:
    """Score: the share of epochs in which the method left the sample out, of those in which it left any out; equal
    shares by mean loss. Cut: left out more often than not. Methods: those of small loss."""
    column = whole_run(evidence, "kept")  # [N, E] 0..1, NaN where not seen
    picks = np.nanmean(column, axis=0) < 1.0  # epochs that left samples out
    if not picks.any():
        return Suspicion(by_loss(evidence), suggestion(evidence), np.zeros(len(evidence), bool))
    out = 1.0 - mean_over_epochs(column[:, picks])
    return Suspicion(out + by_loss(evidence) / (2.0 * column.shape[1]), suggestion(evidence), out > 0.5)


def trust(evidence: Evidence) -> Suspicion:
    """Score: 1 less the method's own trust in the given label, in the mean over the epochs after the first. Cut:
    the upper of two clusters."""
    column = whole_run(evidence, "trust")
    score = 1.0 - mean_over_epochs(column[:, min(1, column.shape[1] - 1) :])
    return Suspicion(score, suggestion(evidence), two_means(score))


def weight(evidence: Evidence) -> Suspicion:
    """Score: 1 less the last weight that the method gave the sample. Cut: weighed less than one half."""
    score = 1.0 - whole_run(evidence, "weight")[:, -1].astype(np.float64)
    return Suspicion(score, suggestion(evidence), score > 0.5)


def vog(evidence: Evidence) -> Suspicion:
    """Score: the variance of gradients (P4). Cut: the upper of two clusters."""
    score = np.nan_to_num(whole_run(evidence, "vog")[:, -1].astype(np.float64))
    return Suspicion(score, suggestion(evidence), two_means(score))


def whole_run(evidence: Evidence, name: str) -> Array:
    """[N, E] the method's column of that name."""
    if name not in evidence.columns:
        raise InputError(f"The detector {name!r} needs a method that leaves {name!r}; this run's did not.")
    column = evidence.columns[name].astype(np.float64)
    return column if column.ndim == 2 else column[:, None]


def mean_over_epochs(column: Array) -> Array:
    """[N] means of [N, E]; a sample that no epoch drew gets the mean of all."""
    seen = ~np.isnan(column)
    total, count = np.where(seen, column, 0.0).sum(1), seen.sum(1)
    overall = total.sum() / max(1, count.sum())
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), overall))


def by_loss(evidence: Evidence) -> Array:
    """[N] ranks of the mean losses, 0..1; all 0 where no losses were recorded."""
    if evidence.losses is None:
        return np.zeros(len(evidence))
    order = evidence.losses.mean(1).argsort(kind="stable").argsort(kind="stable")
    return np.asarray(order / len(evidence))
