"""pLOF (P1): how far a sample's feature lies outside the other samples of its given class."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.detect.needs import need, suggestion
from overread.detect.suspicion import Suspicion
from overread.engine.evidence import Evidence
from overread.functional.neighbours import nearest, unit
from overread.functional.outliers import loop_scores

Array = np.ndarray[Any, np.dtype[Any]]


def plof(evidence: Evidence, share: float = 0.5) -> Suspicion:
    """Score: LoOP (extent 3) within each given class, cut at one half.

    P1's score over the whole set is blind, because a wrong label sits in the dense heart of another class, so
    neighbours are sought within the given class. k is `share` of the class, at most 1,000: it must be at least
    the number of wrong labels in the class. Classes of fewer than 8 images score 0.

    Source: Xue, Dou, Shi, Chen, Heng, "Robust Learning at Noisy Labeled Medical Images", ISBI 2019 (P1).
    """
    features = unit(need(evidence, "features", "plof"))
    score = np.zeros(len(evidence))
    for label in range(len(evidence.classes)):
        rows = np.flatnonzero(evidence.given == label)
        if len(rows) >= 8:
            k = int(min(1000, max(4, share * len(rows))))
            score[rows] = loop_scores(*nearest(features[rows], k))
    return Suspicion(score, suggestion(evidence), score > 0.5)
