"""OUSM: online uncertain sample mining (P1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import torch
from torch import Tensor, nn

from overread.engine.ledger import Column
from overread.engine.method import Batch, Method, Run
from overread.engine.task import Task
from overread.errors import InputError
from overread.functional.picking import Picking, check_for_masks, kept, remember_kept
from overread.functional.records import record, recorded
from overread.functional.whole_set import class_weights, smallest_share


@final
@dataclass(frozen=True)
class OUSM(Method):
    r"""Leaves the K samples of highest loss out of each batch: $L = \frac{1}{B-K} \sum_{i \in \text{kept}} \ell_i$.

    $K = \mathrm{round}(d_e B)$ with $d_e$ rising from 0 to `drop` over the first `ramp` epochs, while the network
    still tells nothing. The paper gives no K; ours is the noise rate, estimated where `drop` is not given. A tie
    keeps the earlier sample, and no batch is ever dropped whole.

    `rank=run` is ours: between epochs the whole set is ranked by the mean of each sample's losses so far (P3's F1;
    the first epoch counts only until there is another), and the share $d_e$ with the largest is left out. One loss
    of one epoch tells wrong labels from right ones less well than their mean, and a batch may hold many wrong ones
    or none. What is kept then weighs $(\bar n / n_c)^r$, with r = `rebalance` and $n_c$ the samples kept of the
    given class: rare classes lose most of what they have to the noise, and again to the selection.

    Args:
        drop: share to leave out, 0..1; None: the noise rate.
        ramp: epochs until all of it is; None: a fifth of the run (P4's 10 of 50).
        quota: leave out each given class's own share of wrong labels (estimated) instead of one share of
            all: rare classes, whose losses are high, are then not left out whole.
        rank: `batch`, as the paper; or `run`.
        rebalance: r, from 0 (the paper) to 1 (every class weighs the same); needs `rank=run`.

    Evidence: `kept` [N, epochs] 0 or 1.

    Source: Xue, Dou, Shi, Chen, Heng, "Robust Learning at Noisy Labeled Medical Images", ISBI 2019 (P1).
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification", "segmentation")

    drop: float | None = None
    ramp: int | None = None
    quota: bool = False
    rank: Literal["batch", "run"] = "batch"
    rebalance: float = 0.0

    def __post_init__(self) -> None:
        self._picking()  # checks what it is given
        if not 0.0 <= self.rebalance <= 1.0 or (self.rebalance > 0.0 and self.rank == "batch"):
            raise InputError(
                f"rebalance is 0 to 1, and above 0 only with rank=run; got rebalance={self.rebalance}, "
                f"rank={self.rank}."
            )

    def columns(self, task: Task) -> dict[str, Column]:
        check_for_masks(task, quota=self.quota, rebalance=self.rebalance > 0.0)
        given = Column(dtype=torch.int64, fill=-1, evidence=False)
        whole = {"given": given, "share": Column(fill=1.0, evidence=False)} if self.rank == "run" else {}
        return {**recorded(task), **remember_kept(), **whole}

    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        z, _ = nets[0](batch.x)  # [B, C]
        record(run, batch, z)
        losses, y = run.task.balanced(z, batch.y), classes_of(batch)  # [B]
        if self.rank == "batch":
            keep = self._picking().of(run.task.losses(z.detach(), batch.y), batch, run)  # [B - K]
            kept(run, batch, keep)
            return run.task.mean(losses[keep], y[keep])
        run.ledger.put("given", batch.ids, y)
        share = run.ledger.get("share", batch.ids)  # [B] 0 where left out, else the weight
        kept(run, batch, share > 0)
        return run.task.mean(share * losses, y) / run.task.mean(share, y).clamp(min=1e-6)

    def epoch_end(self, nets: Sequence[nn.Module], run: Run) -> None:
        if self.rank == "batch":
            return
        losses = run.ledger.history("loss")[:, min(1, run.epoch) : run.epoch + 1]  # [N, epochs so far]
        given = run.ledger.history("given")[:, 0]  # [N]
        scores = losses.nanmean(1)  # [N]
        if run.prior is not None and run.prior.verified is not None:
            scores = scores.masked_fill(run.prior.verified, -torch.inf)
        keep = smallest_share(scores, given, self._picking().shares(run, run.epoch + 1))
        weights = class_weights(keep, given, run.task.outputs, self.rebalance)  # [C]
        run.ledger.put_all("share", keep * weights[given.clamp(min=0)])

    def _picking(self) -> Picking:
        return Picking(self.drop, self.ramp, self.quota)


def classes_of(batch: Batch) -> Tensor:
    """[B] the given class of each sample; images with masks are all of one."""
    return batch.y if batch.y.ndim == 1 else torch.zeros_like(batch.ids)
