"""Self-confidence: how little out-of-sample probability the given label has (cleanlab)."""

from __future__ import annotations

import numpy as np

from overread.detect.needs import need, suggestion
from overread.detect.suspicion import Suspicion
from overread.engine.evidence import Evidence


def self_confidence(evidence: Evidence) -> Suspicion:
    r"""Score $1 - \hat p_{i, y_i}$, by `cleanlab.rank.get_label_quality_scores`; cut at one half.

    Source: Northcutt, Jiang, Chuang, "Confident Learning", JAIR 2021.
    """
    from cleanlab.rank import get_label_quality_scores

    probs = need(evidence, "probs", "self-confidence")
    quality = get_label_quality_scores(evidence.given, probs, method="self_confidence")
    score = 1.0 - np.asarray(quality, np.float64)
    return Suspicion(score, suggestion(evidence), score > 0.5)
