"""The cascade: three networks select for each other (SS), then learn from corrected masks too (SS + JO) (P2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from overread.engine.ledger import Column
from overread.engine.method import Batch, Method, Run
from overread.engine.task import Task
from overread.errors import InputError
from overread.functional.picking import kept, remember_kept
from overread.functional.records import record, recorded
from overread.functional.selection import smallest

WARMUP = 0.2
PEERS = ((1, 2), (0, 2), (0, 1))  # of network A, B, C


def disagreement() -> dict[str, Column]:
    """What SS remembers beside the losses."""
    return {**remember_kept(), "disagreement": Column()}


def selected(losses: Tensor, uncertain: float, keep: float) -> list[Tensor]:
    r"""Which of a batch each network learns from, by its peers' losses [3, B]: three tensors of indices.

    $\mu_i = |\ell_{B,i} - \ell_{C,i}|$; the share `uncertain` of the batch with the largest $\mu$ goes, and of the
    rest the smallest $(\ell_{B,i} + \ell_{C,i}) / 2$ stay, until the share `keep` of the batch is left.

    >>> selected(torch.tensor([[0.0, 0, 0, 0], [1, 2, 3, 9], [1, 2, 3, 0]]), 0.25, 0.5)[0].tolist()
    [0, 1]
    """
    batch = losses.shape[1]
    count = max(1, round(keep * batch))
    sure = max(count, batch - round(uncertain * batch))
    picks = []
    for b, c in PEERS:
        certain = smallest((losses[b] - losses[c]).abs(), sure)  # [sure]
        easiest = smallest(((losses[b] + losses[c]) / 2.0)[certain], count)
        picks.append(certain[easiest])
    return picks


def sharpened(q: Tensor, temperature: float, exclusive: bool) -> Tensor:
    r"""$q^{1/T} / \sum_j q_j^{1/T}$ over what a pixel can be: [B, K, *S] to the same.

    Of overlapping structures each pixel is one or not: $q^{1/T} / (q^{1/T} + (1 - q)^{1/T})$.

    >>> sharpened(torch.tensor([[[[0.75]]]]), 0.5, exclusive=False).item()  # 9 / (9 + 1)
    0.8999999761581421
    """
    powered = q.clamp(0.0, 1.0) ** (1.0 / temperature)
    if not exclusive:
        return powered / (powered + (1.0 - q).clamp(min=0.0) ** (1.0 / temperature))
    background = (1.0 - q.sum(1, keepdim=True)).clamp(min=0.0) ** (1.0 / temperature)
    return powered / (powered.sum(1, keepdim=True) + background)


def selection_loss(zs: Sequence[Tensor], batch: Batch, run: Run, method: SS | SSJO) -> Tensor:
    """The sum over the three networks of the mean loss of what their peers picked, of all samples in the warm-up."""
    losses = torch.stack([run.task.losses(z.detach(), batch.y) for z in zs])  # [3, B]
    if run.epoch < method.warmup * run.epochs:
        picks = [torch.arange(len(batch.ids), device=batch.ids.device)] * len(PEERS)
    else:
        picks = selected(losses, method.uncertain, method.keep)
    kept(run, batch, *picks)
    run.ledger.put("disagreement", batch.ids, losses.std(0))
    parts = [run.task.balanced(z, batch.y)[pick].mean() for z, pick in zip(zs, picks, strict=True)]
    return torch.stack(parts).sum()


def check_shares(method: SS | SSJO) -> None:
    """Refuses shares that leave nothing."""
    uncertain, keep = method.uncertain, method.keep
    if not (0.0 <= uncertain < 1.0 and 0.0 < keep <= 1.0 and uncertain + keep <= 1.0):
        raise InputError(
            f"uncertain and keep are shares of a batch that fit into it (0.25 and 0.5); got {uncertain} and {keep}."
        )
    if not 0.0 <= method.warmup <= 1.0:
        raise InputError(f"warmup is a share of the epochs, 0 to 1, got {method.warmup}.")


@final
@dataclass(frozen=True)
class SS(Method):
    r"""Three networks; each learns from the half of the batch that the other two find sure and easy:
    $L = \sum_a \frac{1}{|P_a|} \sum_{i \in P_a} \ell_{a,i}$, $P_a$ as in `selected`, by the peers of a.

    Args:
        uncertain: share of the batch that is dropped for its peers' disagreement; the paper does not say.
        keep: share of the batch that is learned from.
        warmup: share of the epochs in which all samples are learned from. The paper has none; without it the three
            begin by agreeing on what is cheapest to a new network, masks in which small structures are missing.

    Evidence: `kept` [N, epochs], the mean over the networks; `disagreement` [N, 1], the standard deviation of the
    three losses.

    Source: Xue et al., "Cascaded Robust Learning at Imperfect Labels for Chest X-ray Segmentation", MICCAI 2020 (P2).
    """

    tasks: ClassVar[tuple[str, ...]] = ("segmentation",)

    uncertain: float = 0.25
    keep: float = 0.5
    warmup: float = WARMUP

    def __post_init__(self) -> None:
        check_shares(self)

    def networks(self, make: Callable[[], nn.Module], task: Task) -> list[nn.Module]:
        return [make(), make(), make()]

    def columns(self, task: Task) -> dict[str, Column]:
        return {**recorded(task), **disagreement()}

    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        zs = [net(batch.x)[0] for net in nets]
        record(run, batch, *zs)
        return selection_loss(zs, batch, run, self)


@final
@dataclass(frozen=True)
class SSJO(Method):
    r"""SS, and from epoch k on joint optimisation with corrected masks, on all samples:
    $L = \sum_a w_g \ell(p_a, \text{given}) + w_c \ell(p_a, \text{corrected}_a)$,
    $\text{corrected}_a = \mathrm{sharpen}(\tfrac12 (p_b + p_c), T)$, without a gradient.

    The corrected masks of the whole set are an output: the mean of the three networks after the last epoch.

    Args:
        start: k as a share of the epochs (the paper: 0.2, 0.5, 0.8; best 0.5).
        given_weight, corrected_weight: $w_g$, $w_c$; the paper's text contradicts itself on its single alpha.
        temperature: T.
        uncertain_only: correct only the images that SS would not have picked; the paper says both.
        uncertain, keep, warmup: as in SS.

    Evidence: as SS.

    Source: P2, section 2.2.
    """

    tasks: ClassVar[tuple[str, ...]] = ("segmentation",)

    start: float = 0.5
    given_weight: float = 0.5
    corrected_weight: float = 0.5
    temperature: float = 0.5
    uncertain_only: bool = False
    uncertain: float = 0.25
    keep: float = 0.5
    warmup: float = WARMUP

    def __post_init__(self) -> None:
        check_shares(self)
        least = min(self.given_weight, self.corrected_weight)
        if not 0.0 <= self.start <= 1.0 or not self.temperature > 0.0 or least < 0.0:
            raise InputError(
                "start is a share of the epochs, 0 to 1, temperature above 0, the weights 0 or more; got "
                f"{self.start}, {self.temperature}, {self.given_weight} and {self.corrected_weight}."
            )

    def networks(self, make: Callable[[], nn.Module], task: Task) -> list[nn.Module]:
        return [make(), make(), make()]

    def columns(self, task: Task) -> dict[str, Column]:
        return {**recorded(task), **disagreement()}

    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        zs = [net(batch.x)[0] for net in nets]
        record(run, batch, *zs)
        if run.epoch < self.start * run.epochs:
            return selection_loss(zs, batch, run, self)
        return self._joint(zs, batch, run)

    def _joint(self, zs: Sequence[Tensor], batch: Batch, run: Run) -> Tensor:
        ps = [run.task.probabilities(z.detach()) for z in zs]  # [B, K, *S] each
        ranked = torch.stack([run.task.losses(z.detach(), batch.y) for z in zs])  # [3, B]
        given = torch.stack([run.task.balanced(z, batch.y) for z in zs])  # [3, B]
        run.ledger.put("disagreement", batch.ids, ranked.std(0))
        exclusive = run.task.outputs > len(run.task.classes)
        parts = []
        for a, (b, c) in enumerate(PEERS):
            corrected = sharpened((ps[b] + ps[c]) / 2.0, self.temperature, exclusive)
            l_c = run.task.balanced(zs[a], corrected)  # [B]
            if self.uncertain_only:
                sure = selected(ranked, self.uncertain, self.keep)[a]
                l_c = l_c.index_copy(0, sure, given[a][sure])
            parts.append((self.given_weight * given[a] + self.corrected_weight * l_c).mean())
        return torch.stack(parts).sum()
