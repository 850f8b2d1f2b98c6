"""CE: plain cross-entropy, the baseline that is always in the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor, nn

from overread.engine.ledger import Column
from overread.engine.method import Batch, Method, Run
from overread.engine.task import Task
from overread.functional.records import record, recorded


@final
@dataclass(frozen=True)
class CE(Method):
    r"""Cross-entropy on the given labels: $L = \frac1B \sum_i \ell_i$, $\ell_i = -\log p_{i, y_i}$.

    It remembers each sample's loss and probabilities as seen in the training pass, before that batch's update:
    the loss sequence that P3 (Zhang et al. 2020) clusters, at no further cost.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification", "segmentation")

    def columns(self, task: Task) -> dict[str, Column]:
        return recorded(task)

    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        z, _ = nets[0](batch.x)  # [B, C]
        record(run, batch, z)
        return run.task.mean(run.task.balanced(z, batch.y), batch.y)
