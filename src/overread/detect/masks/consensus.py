"""The consensus: what overlap, contours and probabilities say together of each mask."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.detect.masks.evidence import MaskEvidence
from overread.detect.masks.fit import contour_of, disagreement_of, surprise_of
from overread.detect.masks.suspicion import of_structures

Array = np.ndarray[Any, np.dtype[Any]]


def pooled(evidence: MaskEvidence) -> Array:
    r"""[N, K] the mean of three scores, each in spreads of the right masks above their centre."""
    raws = (disagreement_of(evidence), contour_of(evidence), surprise_of(evidence))
    return np.asarray(np.mean([of_structures(evidence, raw).score for raw in raws], axis=0))
