"""The consensus: what contours and probabilities say together of each mask."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.detect.masks.evidence import MaskEvidence
from overread.detect.masks.fit import contour_of, reach_of, surprise_of
from overread.detect.masks.suspicion import HIGHEST, LOWEST, drawn

Array = np.ndarray[Any, np.dtype[Any]]


def pooled(evidence: MaskEvidence) -> Array:
    """[N, K] the mean of the raw scores of `contour`, `reach` and `surprise`, each less its lower quartile and over
    how far its median lies above its lowest tenth: what right masks scatter, unless nearly all are wrong."""
    raws = (contour_of(evidence), reach_of(evidence), surprise_of(evidence))
    there = drawn(evidence)
    return np.asarray(np.mean([spread_out(raw, there) for raw in raws], axis=0))


def spread_out(raw: Array, there: Array) -> Array:
    """[N, K] scores by the quantiles of those that are `there` [N, K], structure by structure; held in -5..50."""
    found = np.full(raw.shape, LOWEST)
    for k, rows in enumerate(there.T):
        if rows.any():
            tenth, quarter, half = np.quantile(raw[rows, k], (0.1, 0.25, 0.5))
            found[rows, k] = (raw[rows, k] - quarter) / max(half - tenth, 1e-6)
    return np.asarray(np.clip(found, LOWEST, HIGHEST))
