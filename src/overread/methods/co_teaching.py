"""Co-teaching: two networks, each trained on what the other finds easy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor, nn

from overread.engine.ledger import Column
from overread.engine.method import Batch, Method, Run
from overread.engine.task import Task
from overread.functional.picking import Picking, check_for_masks, kept, remember_kept
from overread.functional.records import record, recorded


@final
@dataclass(frozen=True)
class CoTeaching(Method):
    r"""Each network learns the other's picks:
    $L = \frac1R \sum_{i \in P_2} \ell^1_i + \frac1R \sum_{i \in P_1} \ell^2_i$.

    $P_k$ are the $R = \mathrm{round}((1 - \tau_e) B)$ samples of smallest loss under network k; the forget rate is
    $\tau_e = \tau \min(e / \text{ramp}, 1)$.

    Args:
        drop: $\tau$; None: the noise rate, estimated unless given.
        ramp: epochs until it is reached; None: a fifth of the run (the 10 of 50 of P4, whose warm-up it is).
        quota: each given class has its own forget rate, its estimated share of wrong labels.

    Evidence: `kept` [N, epochs], the mean over both networks.

    Source: Han et al., "Co-teaching: Robust Training of Deep Neural Networks with Extremely Noisy Labels",
    NeurIPS 2018; defaults of Khanal et al., MICCAI 2024 (P4).
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification", "segmentation")

    drop: float | None = None
    ramp: int | None = None
    quota: bool = False

    def __post_init__(self) -> None:
        Picking(self.drop, self.ramp, self.quota)  # checks them

    def networks(self, make: Callable[[], nn.Module], task: Task) -> list[nn.Module]:
        return [make(), make()]

    def columns(self, task: Task) -> dict[str, Column]:
        check_for_masks(task, quota=self.quota)
        return {**recorded(task), **remember_kept()}

    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        z1, z2 = (net(batch.x)[0] for net in nets)  # [B, C]
        record(run, batch, z1, z2)
        l1, l2 = run.task.balanced(z1, batch.y), run.task.balanced(z2, batch.y)  # [B]
        r1, r2 = (run.task.losses(z.detach(), batch.y) for z in (z1, z2))  # [B], to rank by
        picking = Picking(self.drop, self.ramp, self.quota)
        p1, p2 = picking.of(r1, batch, run), picking.of(r2, batch, run)  # [R]
        kept(run, batch, p1, p2)
        return run.task.mean(l1[p2], batch.y[p2]) + run.task.mean(l2[p1], batch.y[p1])
