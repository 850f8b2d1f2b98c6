"""Neighbours: how many of the most similar images bear another label. One group never votes for itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.detect.needs import need
from overread.detect.suspicion import Suspicion
from overread.engine.evidence import Evidence
from overread.functional.neighbours import nearest, unit

Array = np.ndarray[Any, np.dtype[Any]]


def votes(evidence: Evidence, k: int) -> Array:
    r"""[N, C] how the k nearest images of other groups vote, weighted by closeness; rows sum to 1.

    Weights are $\exp(-(d_{ij}/\bar d_i)^2)$ on unit-length features, $\bar d_i$ the mean distance of i's k.
    """
    indices, distances = nearest(unit(need(evidence, "features", "neighbours")), k, evidence.groups)
    known = indices >= 0
    finite = np.where(known, distances, 0.0).astype(np.float64)
    scale = finite.sum(1, keepdims=True) / np.maximum(known.sum(1, keepdims=True), 1)
    weights = np.where(known, np.exp(-((finite / np.maximum(scale, 1e-12)) ** 2)), 0.0)
    table = np.zeros((len(evidence), len(evidence.classes)))
    rows = np.repeat(np.arange(len(evidence))[:, None], k, 1)
    np.add.at(table, (rows, evidence.given[indices]), weights)  # index -1 has weight 0
    return np.asarray(table / np.maximum(table.sum(1, keepdims=True), 1e-12))


def neighbours(evidence: Evidence, k: int = 50) -> Suspicion:
    """Score: the share of the k nearest images' votes that go to other labels than the given; cut at one half."""
    table = votes(evidence, min(k, len(evidence) - 1))
    rows = np.arange(len(evidence))
    score = 1.0 - table[rows, evidence.given]
    table[rows, evidence.given] = -1.0
    return Suspicion(score, table.argmax(1), score > 0.5)
