"""Confident learning: cleanlab's normalised margin, and its cut by the confident joint."""

from __future__ import annotations

import numpy as np

from overread.detect.needs import need, suggestion
from overread.detect.suspicion import Suspicion
from overread.engine.evidence import Evidence


def confident_learning(evidence: Evidence) -> Suspicion:
    r"""Score $1 - \frac12(\hat p_{y} - \max_{k \ne y} \hat p_k + 1)$; the cut prunes by noise rate.

    Both come from cleanlab: `get_label_quality_scores(method="normalized_margin")` and
    `find_label_issues(filter_by="prune_by_noise_rate")`.

    Source: Northcutt, Jiang, Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 2021.
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    probs = need(evidence, "probs", "confident-learning")
    quality = get_label_quality_scores(evidence.given, probs, method="normalized_margin")
    issues = find_label_issues(evidence.given, probs, filter_by="prune_by_noise_rate", n_jobs=1)
    return Suspicion(1.0 - np.asarray(quality, np.float64), suggestion(evidence), np.asarray(issues, bool))
