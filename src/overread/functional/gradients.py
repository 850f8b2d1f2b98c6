r"""Per-sample gradients of the cross-entropy in closed form, and their variance over the epochs (VOG).

With logits $z = W f + b$, $p = \mathrm{softmax}(z)$ and $\ell = -\log p_y$ the gradient at the logits is
$\partial\ell/\partial z = p - e_y$; the gradients next to the last layer follow from it without a backward pass.
"""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def feature_gradient(p: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    r"""Gradient of each sample's cross-entropy at its feature, $\partial\ell/\partial f = W^T (p - e_y)$.

    Args:
        p: [B, C] probabilities.
        y: [B] int64 given labels.
        weight: [C, D] of the last layer.

    Returns:
        [B, D] float32, cut off from the graph. Per sample: never divided by the batch size.
    """
    at_logits = p.float().clone()  # [B, C]
    at_logits[torch.arange(len(y), device=y.device), y] -= 1.0
    return at_logits @ weight.float()


@torch.no_grad()
def param_gradient(p: Tensor, y: Tensor, f: Tensor) -> Tensor:
    r"""Gradient at the last layer's row for the given label, $\partial\ell/\partial(b_y, W_y) = (p_y - 1)[1, f]$.

    Args:
        p: [B, C] probabilities.
        y: [B] int64 given labels.
        f: [B, D] the features that the last layer saw.

    Returns:
        [B, 1 + D] float32, bias first, cut off from the graph. Per sample: never divided by the batch size.
    """
    at_logit = p.float().gather(1, y[:, None]) - 1.0  # [B, 1]
    return at_logit * torch.cat([torch.ones_like(at_logit), f.float()], 1)


def vog(history: Tensor, chunk: int = 256) -> Tensor:
    r"""Variance of gradients: how much a sample's gradient wanders over the epochs.

    $\mathrm{VOG}_i = \frac1D \sum_d \sqrt{\frac1{T_i} \sum_e (S_{ied} - \mu_{id})^2}$, with
    $\mu_{id} = \frac1{T_i} \sum_e S_{ied}$ over the $T_i$ epochs that were recorded.

    The deviation is the population's (divided by $T_i$, not $T_i - 1$): the window is described as it is, not
    taken for a sample of more epochs, and both sources divide by the number of epochs. Where all samples have
    the same number the choice is a common factor and changes no ranking.

    Args:
        history: [N, T, D] gradients of each sample at T epochs, any float type, in memory or memory-mapped;
            an epoch with a NaN in it was not recorded and does not count.
        chunk: rows at a time, so that only these are ever held in float32; few stay in the processor's cache.

    Returns:
        [N] float32, from 0; higher wanders more. NaN where fewer than two epochs were recorded.

    Source: Khanal et al., "Active Label Refinement for Robust Training of Imbalanced Medical Image
    Classification Tasks in the Presence of High Label Noise", MICCAI 2024 (P4), section 2.3, after Agarwal,
    D'souza, Hooker, "Estimating Example Difficulty Using Variance of Gradients", CVPR 2022.

    >>> vog(torch.tensor([[[1.0, 0.0], [3.0, 0.0]]])).tolist()
    [0.5]
    """
    return torch.cat([_vog(part.float()) for part in torch.split(history, chunk)])


def _vog(s: Tensor) -> Tensor:
    epochs = s.shape[1]
    mean = s.sum(1, keepdim=True) / epochs  # [n, 1, D]
    deviation = (s - mean).square_().sum(1).div_(epochs).sqrt_()  # [n, D]
    value = deviation.mean(1)  # NaN where an epoch was not recorded
    missing = value.isnan() if epochs > 1 else torch.ones_like(value, dtype=torch.bool)
    value[missing] = _vog_of_recorded(s[missing])
    return value


def _vog_of_recorded(s: Tensor) -> Tensor:
    recorded = ~s.isnan().any(2, keepdim=True)  # [n, T, 1]
    epochs = recorded.sum(1)  # [n, 1]
    mean = torch.where(recorded, s, 0.0).sum(1) / epochs  # [n, D]
    apart = torch.where(recorded, s - mean[:, None], 0.0)  # [n, T, D]
    deviation = (apart.square().sum(1) / epochs).sqrt()  # [n, D]
    return torch.where(epochs[:, 0] >= 2, deviation.mean(1), torch.nan)
