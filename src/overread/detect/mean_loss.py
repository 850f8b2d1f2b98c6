"""Mean loss: the mean of a sample's losses over the epochs, P3's first feature alone."""

from __future__ import annotations

import numpy as np

from overread.detect.needs import need, suggestion, two_means
from overread.detect.suspicion import Suspicion
from overread.engine.evidence import Evidence


def mean_loss(evidence: Evidence) -> Suspicion:
    r"""Score $\frac1E\sum_e \ell_{i,e}$ in nats; the cut is the upper of two clusters."""
    score = need(evidence, "losses", "mean-loss").mean(1, dtype=np.float64)
    return Suspicion(score, suggestion(evidence), two_means(score))
