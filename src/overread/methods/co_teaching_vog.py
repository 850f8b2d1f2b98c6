"""Co-teaching VOG: co-teaching that also picks samples whose gradient has come to rest (P4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import torch
from torch import Tensor, nn

from overread.engine.ledger import Column
from overread.engine.method import Batch, Method, Run
from overread.engine.task import Task
from overread.errors import InputError
from overread.functional.gradients import feature_gradient, param_gradient, vog
from overread.functional.picking import Picking, kept, remember_kept
from overread.functional.records import record, recorded

GRADIENTS = ("gradient-1", "gradient-2")  # columns, one a network


@final
@dataclass(frozen=True)
class CoTeachingVOG(Method):
    r"""As `co-teaching`, but of its R picks a network takes $R(1 - m)$ by smallest loss and $R m$ of the rest by VOG.

    VOG, the variance of gradients, is the mean over dimensions of the standard deviation over the last `window`
    epochs of a per-sample gradient. It is small for samples that are learnt for good, and large for those that
    the labels around them contradict. Both gradients are closed forms of what the training forward pass already
    has, see functional/gradients.py: no further pass, no backward.

    Args:
        drop, ramp, quota: as of `co-teaching`; with a quota, loss and VOG each fill their part class by class.
        mix: the paper's m, the share of picks by VOG; 0.2 and 0 on ISIC-2019, 1 on NCT-CRC-HE.
        window: the paper's t, epochs that the deviation is taken over.
        gradient: `feature`, at the pre-softmax feature, or `param`, at the last layer's row for the given label
            (the authors' code). `feature` tells wrong labels better (methods.md P4).
        warmup: epochs of plain co-teaching; None: a fifth of the run (the paper's 10 of 50). Until each sample has
            two gradients on record nothing is picked by VOG.

    Evidence: `kept` [N, epochs]; `vog` [N], the mean over both networks at the end.

    Source: Khanal, Bhattarai, Khanal, Linte, "Active Label Refinement for Robust Training of Imbalanced Medical
    Image Classification Tasks in the Presence of High Label Noise", MICCAI 2024 (P4).
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)

    drop: float | None = None
    ramp: int | None = None
    mix: float = 0.2
    window: int = 5
    gradient: Literal["feature", "param"] = "feature"
    warmup: int | None = None
    quota: bool = False

    def __post_init__(self) -> None:
        Picking(self.drop, self.ramp, self.quota)  # checks them
        if not 0.0 <= self.mix <= 1.0 or self.window < 2:
            raise InputError(
                f"mix is a share from 0 to 1, window 2 epochs or more; got mix={self.mix}, window={self.window}."
            )

    def networks(self, make: Callable[[], nn.Module], task: Task) -> list[nn.Module]:
        return [make(), make()]

    def columns(self, task: Task) -> dict[str, Column]:
        size = task.features + (self.gradient == "param")
        gradient = Column((size,), torch.float16, window=self.window, evidence=False)
        gradients = dict.fromkeys(GRADIENTS, gradient)
        return {
            **recorded(task),
            **remember_kept(),
            "vog": Column(),
            "vog-each": Column((2,), evidence=False),
            **gradients,
        }

    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        outs = [net(batch.x) for net in nets]
        record(run, batch, *(z for z, _ in outs))
        for name, net, (z, f) in zip(GRADIENTS, nets, outs, strict=True):
            run.ledger.put(name, batch.ids, self._gradient(net, z, f, batch.y, run))
        l1, l2 = (run.task.losses(z, batch.y) for z, _ in outs)  # [B]
        vogs = run.ledger.get("vog-each", batch.ids)  # [B, 2] as of the last epoch's end
        p1, p2 = (self.pick(one, v, batch, run) for one, v in zip((l1, l2), vogs.T, strict=True))  # [R]
        kept(run, batch, p1, p2)
        return run.task.mean(l1[p2], batch.y[p2]) + run.task.mean(l2[p1], batch.y[p1])

    def pick(self, losses: Tensor, vogs: Tensor, batch: Batch, run: Run) -> Tensor:
        """Indices of one network's picks: by `losses` [B] and, after the warm-up, by `vogs` [B]."""
        picking = Picking(self.drop, self.ramp, self.quota)
        warmup = max(1, round(run.epochs / 5)) if self.warmup is None else self.warmup
        if run.epoch < warmup or self.mix == 0 or bool(vogs.isnan().any()):
            return picking.of(losses, batch, run)
        easy = picking.of(losses, batch, run, 1.0 - self.mix)  # [R (1 - m)]
        order = vogs.clone()
        order[easy] = -1.0  # below any VOG: what is picked already stays
        return picking.of(order, batch, run)  # [R]

    def epoch_end(self, nets: Sequence[nn.Module], run: Run) -> None:
        parts = ([vog(part) for part in run.ledger.chunks(name)] for name in GRADIENTS)
        each = torch.stack([torch.cat(part) for part in parts], 1)  # [N, 2]
        run.ledger.put_all("vog-each", each)
        run.ledger.put_all("vog", each.mean(1))

    def _gradient(self, net: nn.Module, z: Tensor, f: Tensor, y: Tensor, run: Run) -> Tensor:
        p = run.task.probabilities(z)
        if self.gradient == "param":
            return param_gradient(p, y, f)
        head = net.head
        assert isinstance(head, nn.Linear)
        return feature_gradient(p, y, head.weight)
