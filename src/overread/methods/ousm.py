"""OUSM: online uncertain sample mining (P1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor, nn

from overread.engine.ledger import Column
from overread.engine.method import Batch, Method, Run
from overread.engine.task import Task
from overread.functional.picking import Picking, kept, remember_kept
from overread.functional.records import record, recorded


@final
@dataclass(frozen=True)
class OUSM(Method):
    r"""Leaves the K samples of highest loss out of each batch: $L = \frac{1}{B-K} \sum_{i \in \text{kept}} \ell_i$.

    $K = \mathrm{round}(d_e B)$ with $d_e$ rising from 0 to `drop` over the first `ramp` epochs, while the network
    still tells nothing. The paper gives no K; ours is the noise rate, estimated where `drop` is not given. A tie
    keeps the earlier sample, and no batch is ever dropped whole.

    Args:
        drop: share of a batch to leave out, 0..1; None: the noise rate.
        ramp: epochs until all of it is; None: a fifth of the run (P4's 10 of 50).
        quota: leave out each given class's own share of wrong labels (estimated) instead of one share of
            all: rare classes, whose losses are high, are then not left out whole.

    Evidence: `kept` [N, epochs] 0 or 1.

    Source: Xue, Dou, Shi, Chen, Heng, "Robust Learning at Noisy Labeled Medical Images", ISBI 2019 (P1).
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)

    drop: float | None = None
    ramp: int | None = None
    quota: bool = False

    def __post_init__(self) -> None:
        Picking(self.drop, self.ramp, self.quota)  # checks them

    def columns(self, task: Task) -> dict[str, Column]:
        return {**recorded(task), **remember_kept()}

    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        z, _ = nets[0](batch.x)  # [B, C]
        record(run, batch, z)
        losses = run.task.losses(z, batch.y)  # [B]
        keep = Picking(self.drop, self.ramp, self.quota).of(losses, batch, run)  # [B - K]
        kept(run, batch, keep)
        return run.task.mean(losses[keep], batch.y[keep])
