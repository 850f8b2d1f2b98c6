"""pLOF (P1): how far a sample's feature lies outside the other samples of its given class."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.detect.needs import need, suggestion
from overread.detect.suspicion import Suspicion
from overread.engine.evidence import Evidence
from overread.functional.neighbours import unit
from overread.functional.outliers import class_outliers

Array = np.ndarray[Any, np.dtype[Any]]


def plof(evidence: Evidence, share: float = 0.5) -> Suspicion:
    """Score: LoOP (extent 3) within each given class, on features of unit length; cut at one half.

    Source: Xue, Dou, Shi, Chen, Heng, "Robust Learning at Noisy Labeled Medical Images", ISBI 2019 (P1).
    """
    score = class_outliers(unit(need(evidence, "features", "plof")), evidence.given, share)
    return Suspicion(score, suggestion(evidence), score > 0.5)
