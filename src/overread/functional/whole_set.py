"""Selection over the whole set, between epochs, where what is kept of a batch would depend on its company."""

from __future__ import annotations

import torch
from torch import Tensor


def smallest_share(scores: Tensor, labels: Tensor, drop: Tensor) -> Tensor:
    """[N] bool: of each given class all but the share `drop` with the largest scores.

    Args:
        scores: [N], the smaller the better; NaN: unknown, and kept.
        labels: [N] int64 given classes; -1: not in question, and kept.
        drop: [C] share of each class to drop; or one value [1], of all classes together.

    >>> scores, labels = torch.tensor([0.1, 0.9, 0.2, 0.3]), torch.tensor([0, 0, 1, 1])
    >>> smallest_share(scores, labels, torch.tensor([0.5])).tolist()
    [True, False, True, False]
    >>> smallest_share(scores, labels, torch.tensor([0.5, 0.0])).tolist()
    [True, False, True, True]
    """
    known = (labels >= 0) & ~scores.isnan()
    part = labels if len(drop) > 1 else torch.zeros_like(labels)
    kept = torch.ones(len(scores), dtype=torch.bool)
    for which, share in enumerate(drop.tolist()):
        rows = torch.nonzero(known & (part == which))[:, 0]
        worst = scores[rows].argsort(stable=True)[len(rows) - round(share * len(rows)) :]
        kept[rows[worst]] = False
    return kept


def class_weights(kept: Tensor, labels: Tensor, classes: int, power: float) -> Tensor:
    r"""[C] weights $(\bar n / n_c)^\text{power}$ of classes of which $n_c$ samples are kept, mean count $\bar n$.

    Power 0 is no weights, 1 makes every class that is kept at all count the same. A class of which nothing is kept
    counts as one sample.

    >>> class_weights(torch.ones(5, dtype=torch.bool), torch.tensor([0, 0, 0, 0, 1]), 2, 0.5).tolist()
    [0.7905694246292114, 1.5811388492584229]
    """
    counts = torch.bincount(labels[kept & (labels >= 0)], minlength=classes).clamp(min=1).float()
    return (counts.mean() / counts) ** power
