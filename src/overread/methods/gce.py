"""GCE: between cross-entropy, which learns fast, and the absolute error, which forgives wrong labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from overread.engine.ledger import WHOLE_RUN, Column
from overread.engine.method import Batch, Method, Run
from overread.engine.task import Task
from overread.errors import InputError
from overread.functional.records import record, recorded


@final
@dataclass(frozen=True)
class GCE(Method):
    r"""Generalised cross-entropy: $L = \frac1B \sum_i (1 - p_{i,y_i}^q) / q$.

    $p_{i,y_i}$ is the probability of the given label, $0 \le q \le 1$. Towards $q = 0$ it is cross-entropy (and at
    0 that is computed), at $q = 1$ the mean absolute error (halved). Its gradient is cross-entropy's times
    $p_{i,y_i}^q$: a label that the network does not believe counts for less. That factor is the evidence `trust`
    [N, epochs], 0..1, as seen in training.

    Source: Zhang and Sabuncu 2018, "Generalized cross entropy loss for training deep neural networks with noisy
    labels". Default: q = 0.7, the paper's in all experiments (CIFAR-10, CIFAR-100, Fashion-MNIST). The
    truncated variant with its alternating pruning is left out.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    q: float = 0.7

    def __post_init__(self) -> None:
        if not 0.0 <= self.q <= 1.0:
            raise InputError(f"GCE: q is between 0 (cross-entropy) and 1 (absolute error), got {self.q}.")

    def columns(self, task: Task) -> dict[str, Column]:
        return recorded(task) | {"trust": Column(window=WHOLE_RUN)}

    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        z, _ = nets[0](batch.x)  # [B, C]
        record(run, batch, z)
        ce = run.task.losses(z, batch.y)  # [B] -log p_y, so that p_y^q = exp(-q ce)
        run.ledger.put("trust", batch.ids, torch.exp(-self.q * ce))
        losses = -torch.expm1(-self.q * ce) / self.q if self.q > 0 else ce
        return run.task.mean(losses, batch.y)
