"""CE: plain cross-entropy, the baseline that is always in the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from overread.engine.ledger import Column
from overread.engine.method import Batch, Method, Run
from overread.engine.task import Task
from overread.errors import InputError
from overread.functional.records import record, recorded


@final
@dataclass(frozen=True)
class CE(Method):
    r"""Cross-entropy on the given labels: $L = \frac1B \sum_i \ell_i$, $\ell_i = -\log p_{i, y_i}$.

    It remembers each sample's loss and probabilities as seen in the training pass, before that batch's update:
    the loss sequence that P3 (Zhang et al. 2020) clusters, at no further cost.

    With `smoothing` s each label is believed but for a share s, which all C classes share alike:
    $L = \frac1B \sum_i (1 - s) \ell_i + \frac{s}{C} \sum_c -\log p_{ic}$ (label smoothing, Szegedy et al. 2016). Of
    masks the same holds for each pixel, which can be of one of K + 1 classes, or of each structure or not.

    Args:
        smoothing: s, 0 (plain cross-entropy) to below 1; often 0.1.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification", "segmentation")
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.smoothing < 1.0:
            raise InputError(f"smoothing is a share from 0 to below 1, got {self.smoothing}.")

    def columns(self, task: Task) -> dict[str, Column]:
        return recorded(task)

    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        z, _ = nets[0](batch.x)  # [B, C]
        record(run, batch, z)
        losses = smoothed(z, batch.y, run.task, self.smoothing)  # [B]
        return run.task.mean(losses, batch.y)


def smoothed(z: Tensor, y: Tensor, task: Task, share: float) -> Tensor:
    """[B] the loss of each sample, a share of whose label is spread over all that it could be."""
    if share == 0.0:
        return task.balanced(z, y)
    if y.ndim > 1:  # masks [B, K, *S]
        kinds = task.outputs if task.outputs > len(task.classes) else 2
        return task.balanced(z, (1.0 - share) * y + share / kinds)
    each = [task.losses(z, torch.full_like(y, code)) for code in range(task.outputs)]
    return (1.0 - share) * task.losses(z, y) + share * torch.stack(each).mean(0)
