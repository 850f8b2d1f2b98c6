"""QAM and QAM + OCM: a judge weighs each image of the batch by how well image and mask fit (P5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, final

import torch
from torch import Tensor, nn

from overread.engine.ledger import WHOLE_RUN, Column
from overread.engine.method import Batch, Method, Run
from overread.engine.segmentation import Segmentation
from overread.engine.task import Task
from overread.errors import InputError
from overread.functional.records import record, recorded

JUDGE_RATE = 0.1
WARMUP = 0.4


def with_judge(make: Callable[[], nn.Module], task: Task) -> list[nn.Module]:
    """A segmenter and its judge."""
    from overread.engine.networks.judge import Judge

    return [make(), Judge(len(task.classes))]


def judged() -> dict[str, Column]:
    """The columns of a judge: its last score of each image, the weight in every epoch, the mean of e^score."""
    level = Column(fill=1.0, evidence=False)
    return {"quality": Column(), "weight": Column(window=WHOLE_RUN), "level": level}


def weighed(scores: Tensor, z: Tensor, batch: Batch, run: Run, method: QAM | QAMOCM) -> Tensor:
    r"""$\sum_i w_i \ell_i$ with $w = \mathrm{softmax}_B(\text{scores})$; keeps B w, 1 where all are equal.

    In the first share `warmup` of the epochs the segmenter learns from the plain mean, and in the second half of
    these the judge watches: it learns from $\sum_i w_i \ell_i$ with the losses held fixed.

    Under `scope=set` the segmenter's weights are $e^{t_i} / B$ over the mean of $e^t$ over the whole set in the last
    epoch: a batch that is all noise then counts for little, and not as much as any other.

    The segmenter may learn from Dice too, and with small structures weighted up (engine/segmentation.py); the judge
    sees the plain cross-entropy (`misfit`).
    """
    losses, w = run.task.balanced(z, batch.y), scores.softmax(0)  # [B]
    seen = misfit(z.detach(), batch.y, run.task)  # [B]
    done, size = run.epoch / run.epochs, len(w)
    run.ledger.put("quality", batch.ids, scores)
    watching = (w * seen).sum()
    if done < method.warmup:
        own = torch.ones_like(w) / size
        watching = float(done >= method.warmup / 2.0) * watching
    elif method.scope == "batch":
        own = w.detach()
    else:
        own = scores.detach().exp() / run.ledger.get("level", batch.ids) / size
    run.ledger.put("weight", batch.ids, size * own)
    return (own * losses).sum() + watching - watching.detach()


def misfit(z: Tensor, y: Tensor, task: Task) -> Tensor:
    """[B] cross-entropy, by which masks are judged whatever is descended on: by Dice dilated masks look good."""
    assert isinstance(task, Segmentation)
    return replace(task, criterion="ce").losses(z, y)


def remember_level(run: Run) -> None:
    """What e^score is on average over the images that were scored in this epoch."""
    scores = run.ledger.history("quality")[:, 0]  # [N]
    run.ledger.put_all("level", torch.full_like(scores, float(scores.exp().nanmean())))


@final
@dataclass(frozen=True)
class QAM(Method):
    r"""The loss of a batch is $L = \sum_i w_i \ell_i$ with $w = \mathrm{softmax}_B(t)$, $t_i = \Theta(x_i, y_i)$.

    The judge $\Theta$ sees the image and its given mask and descends on the same loss: it learns to look for what
    the segmenter finds hard to learn. Nothing holds it back, so that it may end up with a few images alone.

    Args:
        judge_rate: the judge's learning rate, as a multiple of the segmenter's (the paper: 1).
        warmup: share of the epochs in which the weights are not used (the paper: 0); see `weighed` and
            docs/decisions/0016.
        scope: the weights are relative to the `batch` (the paper), or to the whole `set`, as `weighed` says: without
            OCM a few images then take all the weight there is, and not only that of their batches.

    Evidence: `quality` [N, 1], the last score of each image, higher: the mask fits better; `weight` [N, epochs], 1 on
    average over a batch.

    Source: Zhu, Shi, Wu, "Pick-and-Learn: Automatic Quality Evaluation for Noisy-Labeled Image Segmentation", MICCAI
    2019 (P5). Fine in classification it is not: there it collapses.
    """

    tasks: ClassVar[tuple[str, ...]] = ("segmentation",)

    judge_rate: float = JUDGE_RATE
    warmup: float = WARMUP
    scope: Literal["batch", "set"] = "batch"

    def networks(self, make: Callable[[], nn.Module], task: Task) -> list[nn.Module]:
        return with_judge(make, task)

    def rates(self) -> Sequence[float]:
        return (1.0, self.judge_rate)

    def columns(self, task: Task) -> dict[str, Column]:
        return {**recorded(task), **judged()}

    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        z, _ = nets[0](batch.x)
        record(run, batch, z)
        t = nets[1](batch.x, batch.y)  # [B]
        return weighed(t, z, batch, run, self)

    def epoch_end(self, nets: Sequence[nn.Module], run: Run) -> None:
        remember_level(run)

    def predict(self, nets: Sequence[nn.Module], x: Tensor, task: Task) -> Tensor:
        return task.probabilities(nets[0](x)[0])


@final
@dataclass(frozen=True)
class QAMOCM(Method):
    r"""QAM whose scores are held in check: $w = \mathrm{softmax}_B(\lambda \tanh t)$, $t_i = \Theta(x_i, y_i)$.

    No image of a batch weighs more than $e^{2\lambda}$ times another (54.6 for $\lambda = 2$).

    Args:
        lam: $\lambda$ of the paper.
        judge_rate, warmup, scope: as in QAM; the set by default, which the check on the scores allows.

    Evidence: `quality`, `weight` as in QAM.

    Source: P5, section 2.2.
    """

    tasks: ClassVar[tuple[str, ...]] = ("segmentation",)

    lam: float = 2.0
    judge_rate: float = JUDGE_RATE
    warmup: float = WARMUP
    scope: Literal["batch", "set"] = "set"

    def __post_init__(self) -> None:
        if not self.lam >= 0.0:
            raise InputError(f"lam is 0 or more, got {self.lam}.")

    def networks(self, make: Callable[[], nn.Module], task: Task) -> list[nn.Module]:
        return with_judge(make, task)

    def rates(self) -> Sequence[float]:
        return (1.0, self.judge_rate)

    def columns(self, task: Task) -> dict[str, Column]:
        return {**recorded(task), **judged()}

    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        z, _ = nets[0](batch.x)
        record(run, batch, z)
        t = nets[1](batch.x, batch.y)  # [B]
        return weighed(self.lam * t.tanh(), z, batch, run, self)

    def epoch_end(self, nets: Sequence[nn.Module], run: Run) -> None:
        remember_level(run)

    def predict(self, nets: Sequence[nn.Module], x: Tensor, task: Task) -> Tensor:
        return task.probabilities(nets[0](x)[0])
