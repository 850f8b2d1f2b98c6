"""What training-pass probabilities add up to: one opinion per sample."""

from __future__ import annotations

import torch
from torch import Tensor

FLOOR = 0.01  # added to probabilities before the logarithm: one sure epoch cannot veto the others


def log_mean(probabilities: Tensor, skip: int = 1) -> Tensor:
    r"""The geometric mean over epochs of [N, E, C] probabilities, as [N, C] that sum to 1.

    $p_{ic} \propto \exp \frac{1}{E - s} \sum_{e > s} \log(p_{iec} + 0.01)$; the first `skip` epochs are left
    out while the head is still new, unless there are no others. Epochs that a sample did not see are NaN and
    do not count.
    """
    kept = probabilities[:, min(skip, probabilities.shape[1] - 1) :]  # [N, e, C]
    return torch.nanmean(torch.log(kept + FLOOR), dim=1).softmax(1)
