"""Which samples of a batch a method keeps: the smallest of something, ties to the earlier sample."""

from __future__ import annotations

import torch
from torch import Tensor


def keep_count(batch: int, drop: float) -> int:
    """How many of `batch` samples stay when the share `drop` goes: B - round(drop B), at least 1.

    >>> keep_count(64, 0.2), keep_count(3, 1.0)
    (51, 1)
    """
    return max(1, batch - round(drop * batch))


def smallest(values: Tensor, count: int) -> Tensor:
    """Indices of the `count` smallest of `values` [B], smallest first; `count` is held in 1..B.

    Ties keep the earlier sample; NaN counts as larger than everything.

    >>> smallest(torch.tensor([0.3, 0.1, 0.3, 0.2]), 3).tolist()
    [1, 3, 0]
    """
    return values.argsort(stable=True)[: max(1, count)]


def smallest_per_class(values: Tensor, labels: Tensor, shares: Tensor) -> Tensor:
    r"""Indices of each class's smallest `values`: a quota for every given class.

    Of the $n_c$ samples with label $c$ it keeps $q_c = \lfloor s_c n_c + \frac12 \rfloor$, and at least one
    where $s_c > 0$: no class of the batch vanishes because its samples are the hard ones.

    Args:
        values: [B], the smaller the better, such as losses.
        labels: [B] int64 in 0..C-1.
        shares: [C] in 0..1, the share of each class to keep.

    Returns:
        indices, smallest value first; where every quota is 0, the one smallest of the batch.

    >>> losses, labels = torch.tensor([0.1, 0.2, 0.3, 0.4, 2.0, 3.0]), torch.tensor([0, 0, 0, 0, 1, 1])
    >>> smallest_per_class(losses, labels, torch.tensor([0.5, 0.5])).tolist()
    [0, 1, 4]
    """
    order = values.argsort(stable=True)  # [B]
    members = torch.bincount(labels, minlength=len(shares))  # [C]
    grouped = order[labels[order].argsort(stable=True)]  # [B] class after class, within each by value
    first = members.cumsum(0) - members  # [C] where each class starts
    rank = torch.arange(len(labels), device=labels.device) - first[labels[grouped]]  # [B] within the class
    # 1e-4 on top: a share in float32 may lie a hair below the decimal that was meant
    quota = (shares.double() * members + 0.5001).floor().clamp(min=1.0) * (shares > 0)  # [C]
    kept = torch.zeros_like(labels, dtype=torch.bool)
    kept[grouped] = rank < quota[labels[grouped]]
    chosen = order[kept[order]]
    return chosen if len(chosen) else order[:1]
