"""What detectors ask of the evidence."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.engine.evidence import Evidence
from overread.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]


def need(evidence: Evidence, field: str, detector: str) -> Array:
    """`evidence.field`, or a sentence that says which detector misses it."""
    value: Array | None = getattr(evidence, field)
    if value is None:
        raise InputError(f"The detector '{detector}' needs {field}, which this run did not record.")
    return value


def suggestion(evidence: Evidence) -> Array:
    """[N] the most probable class other than the given one; the given one where no probabilities exist."""
    if evidence.probs is None:
        return evidence.given
    others = evidence.probs.copy()
    others[np.arange(len(evidence)), evidence.given] = -1.0
    return np.asarray(others.argmax(1))


def two_means(score: Array) -> Array:
    """[N] bool: the upper of two clusters of a score, by k-means in one dimension; nothing if it is a majority."""
    from sklearn.cluster import KMeans

    if np.ptp(score) == 0:
        return np.zeros(len(score), bool)
    clusters = KMeans(2, n_init=4, random_state=0).fit(score[:, None])
    upper = clusters.labels_ == int(np.argmax(clusters.cluster_centers_[:, 0]))
    return upper if upper.mean() <= 0.5 else np.zeros_like(upper)
