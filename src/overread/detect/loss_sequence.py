"""P3: wrong labels from the sequence of a sample's losses over the epochs."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.detect.needs import need, suggestion
from overread.detect.suspicion import Suspicion
from overread.engine.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]


def sequence_features(losses: Array, p: int) -> Array:
    r"""The six features of each loss sequence $\ell_1 \dots \ell_N$: [S, N] to [S, 6].

    F1 mean; F2 mean of the first P; F3 = Q, the position (1 <= Q < N) of the largest drop between term Q and
    Q + 1, first on ties; F4 mean of the first Q; F5 mean of the last N - Q; F6 = F4 - F5.

    >>> sequence_features(np.array([[3.0, 2.0, 1.9, 0.1]]), p=2).round(2).tolist()
    [[1.75, 2.5, 3.0, 2.3, 0.1, 2.2]]

    Source: Zhang et al., "An Automated Method of Identifying Incorrectly Labelled Images Based on the
    Sequences of Loss Functions of Deep Learning Networks", IoTaaS 2020 (P3), section 2.
    """
    n = losses.shape[1]
    q = 1 + np.argmax(losses[:, :-1] - losses[:, 1:], axis=1)  # [S]
    sums = losses.cumsum(1, dtype=np.float64)  # [S, N]
    head = np.take_along_axis(sums, q[:, None] - 1, 1)[:, 0]
    f4 = head / q
    f5 = (sums[:, -1] - head) / (n - q)
    f1 = sums[:, -1] / n
    f2 = sums[:, p - 1] / p
    return np.stack([f1, f2, q.astype(np.float64), f4, f5, f4 - f5], axis=1)


def loss_sequence(evidence: Evidence, p: int | None = None, scale: bool = True) -> Suspicion:
    """Two clusters (k-means, 300 iterations, tolerance 1e-4) of the six features; the one of larger F1 is wrong.

    P3 leaves scaling open: `scale` z-scores the features (the default, the more sensitive in trials).
    The continuous score is the distance to the clean centre less the distance to the noisy one.
    `p` is P3's P, by default half of the epochs (4 of 8 in the paper). Where the "noisy" cluster holds the
    majority nothing is flagged: the sequences do not separate.
    """
    from sklearn.cluster import KMeans

    losses = need(evidence, "losses", "loss-sequence")
    if losses.shape[1] < 2:
        raise ValueError("loss-sequence needs the losses of at least two epochs.")
    x = sequence_features(losses, p or max(1, losses.shape[1] // 2))
    if scale:
        x = (x - x.mean(0)) / np.maximum(x.std(0), 1e-12)
    clusters = KMeans(2, n_init=10, max_iter=300, tol=1e-4, random_state=0).fit(x)
    centres = clusters.cluster_centers_
    noisy = int(np.argmax(centres[:, 0]))
    far_from_clean = np.linalg.norm(x - centres[1 - noisy], axis=1)
    far_from_noisy = np.linalg.norm(x - centres[noisy], axis=1)
    score = far_from_clean - far_from_noisy
    wrong = score > 0
    if wrong.mean() > 0.5:
        wrong = np.zeros_like(wrong)
    return Suspicion(score, suggestion(evidence), wrong)
