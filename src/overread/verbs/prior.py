"""What is known of the labels before training: the noise rate and who is taken for whom, estimated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overread.detect.consensus import FLOOR
from overread.detect.rate import NoiseRate, noise_rate

if TYPE_CHECKING:
    from overread.engine.method import Prior

Array = np.ndarray[Any, np.dtype[Any]]
MOST = 0.95  # no class is believed to be wrong more often


def prior_of(probs: Array, given: Array, groups: Array, rate: float | None, seed: int) -> Prior:
    r"""The prior from out-of-fold probabilities [N, C]; `rate` is the noise rate where the user knows it.

    Let $\rho_j$ be how often an image that is not of class j bears its label (detect/rate.py), $s_j$ the share
    of the label j. Then $T_{ij} = \rho_j$ for $i \ne j$, the true share of a class is
    $\pi_j = (s_j - \rho_j) / (1 - \sum_i \rho_i)$, and among the labels j a part $\rho_j (1 - \pi_j) / s_j$ is wrong.
    """
    import torch

    from overread.engine.method import Prior

    found = noise_rate(np.log(probs + FLOOR), given, groups, seed)
    share = np.bincount(given, minlength=probs.shape[1]) / len(given)
    rho = label_rates(found, share, rate)
    if rate is not None:
        found = NoiseRate(rate, rate, rate, tuple(rho))
    return Prior(
        noise_rate=found.estimate,
        low=found.low,
        high=found.high,
        by_class=torch.from_numpy(wrong_by_class(rho, share)).float(),
        transition=torch.from_numpy(transition(rho)).float(),
        probs=torch.from_numpy(np.asarray(probs, np.float32)),
    )


def label_rates(found: NoiseRate, share: Array, rate: float | None) -> Array:
    """[C] rho, scaled to a known noise rate; all equal where nothing was seen to be wrong."""
    rho = np.array(found.by_label)
    if rate is None:
        return rho
    total = float(rho @ (1.0 - share))
    return np.asarray(rho * rate / total if total > 0 else np.full(len(rho), rate / max(1, len(rho) - 1)))


def transition(rho: Array) -> Array:
    """[C, C] T_ij = P(given j | true i): rho_j off the diagonal, and the rest on it.

    >>> transition(np.array([0.1, 0.2])).round(1).tolist()
    [[0.8, 0.2], [0.1, 0.9]]
    """
    matrix = np.tile(rho, (len(rho), 1))
    np.fill_diagonal(matrix, 0.0)
    matrix /= np.maximum(1.0, matrix.sum(1, keepdims=True) / MOST)
    return np.asarray(matrix + np.diag(1.0 - matrix.sum(1)))


def wrong_by_class(rho: Array, share: Array) -> Array:
    """[C] the share of wrong labels among those of each class.

    >>> wrong_by_class(np.array([0.1, 0.1]), np.array([0.3, 0.7])).round(3).tolist()
    [0.25, 0.036]
    """
    left = max(1.0 - float(rho.sum()), 1.0 - MOST)
    true = np.clip((share - rho) / left, 0.0, 1.0)  # [C]
    return np.asarray(np.clip(rho * (1.0 - true) / np.maximum(share, 1e-12), 0.0, MOST))
