"""Predictions passed through the noise: from what an image shows to the label it was given."""

from __future__ import annotations

import torch
from torch import Tensor

TINY = torch.finfo(torch.float32).tiny  # in place of 0 before a logarithm


def symmetric(classes: int, rate: float) -> Tensor:
    """[C, C] T_ij = P(given j | true i): 1 - rate on the diagonal, rate / (C - 1) off it.

    >>> symmetric(3, 0.5).tolist()
    [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.25, 0.25, 0.5]]
    """
    off = rate / max(1, classes - 1)
    return torch.full((classes, classes), off) + torch.eye(classes) * (1.0 - rate - off)


def log_noise(transition: Tensor) -> Tensor:
    """log T of [C, C], finite: a 0 counts as 1e-38."""
    return transition.float().clamp(min=TINY).log()


def through(z: Tensor, log_t: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    r"""Cross-entropy behind the noise, and how far the given label is believed.

    Args:
        z: [B, C] logits of the true class.
        log_t: [B, C] $\log T_{c, y_i}$: of each class, how likely it is to be labelled as this sample is.
        y: [B] int64 given labels.

    Returns:
        losses [B], $-\log \sum_c p_{ic} T_{c, y_i}$ in nats, and trust [B], the posterior probability 0..1 that
        the given label is the true one, $p_{i, y_i} T_{y_i, y_i} / \sum_c p_{ic} T_{c, y_i}$. Both float32.

    >>> half = torch.zeros(1, 2)  # p = (1/2, 1/2); T = (0.8, 0.2), (0.4, 0.6)
    >>> losses, trust = through(half, torch.tensor([[0.8, 0.4]]).log(), torch.tensor([0]))
    >>> round(losses.neg().exp().item(), 4), round(trust.item(), 4)  # 0.5 * 0.8 + 0.5 * 0.4, and 0.4 / 0.6
    (0.6, 0.6667)
    """
    joint = z.float().log_softmax(1) + log_t  # [B, C] log P(true c, given y)
    given = joint.logsumexp(1)  # [B]
    return -given, (joint.gather(1, y[:, None])[:, 0] - given).exp()
