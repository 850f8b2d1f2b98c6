"""QAM and QAM + OCM: a judge weighs each image of the batch by how well image and mask fit (P5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor, nn

from overread.engine.ledger import WHOLE_RUN, Column
from overread.engine.method import Batch, Method, Run
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
    """The columns of a judge: its last score of each image, and the weight in every epoch."""
    return {"quality": Column(), "weight": Column(window=WHOLE_RUN)}


def weighed(scores: Tensor, losses: Tensor, batch: Batch, run: Run, warmup: float) -> Tensor:
    r"""$\sum_i w_i \ell_i$ with $w = \mathrm{softmax}_B(\text{scores})$; keeps B w, 1 where all are equal.

    In the first share `warmup` of the epochs the segmenter learns from the plain mean, and in the second half of
    these the judge watches: it learns from $\sum_i w_i \ell_i$ with the losses held fixed.
    """
    w = scores.softmax(0)  # [B]
    run.ledger.put("quality", batch.ids, scores)
    run.ledger.put("weight", batch.ids, len(w) * w)
    done = run.epoch / run.epochs
    if done >= warmup:
        return (w * losses).sum()
    return losses.mean() + float(done >= warmup / 2.0) * (w * losses.detach()).sum()


@final
@dataclass(frozen=True)
class QAM(Method):
    r"""The loss of a batch is $L = \sum_i w_i \ell_i$ with $w = \mathrm{softmax}_B(t)$, $t_i = \Theta(x_i, y_i)$.

    The judge $\Theta$ sees the image and its given mask and descends on the same loss: it learns to look for what
    the segmenter finds hard to learn. Nothing holds it back, so that it may end up with a few images alone.

    Args:
        judge_rate: the judge's learning rate, as a multiple of the segmenter's. The paper's is 1; at that rate the
            weights prefer clean masks early and follow the noise later.

    Evidence: `quality` [N, 1], the last score of each image, higher: the mask fits better; `weight` [N, epochs], 1 on
    average over a batch.

    Source: Zhu, Shi, Wu, "Pick-and-Learn: Automatic Quality Evaluation for Noisy-Labeled Image Segmentation", MICCAI
    2019 (P5). Fine in classification it is not: there it collapses.
    """

    tasks: ClassVar[tuple[str, ...]] = ("segmentation",)

    judge_rate: float = JUDGE_RATE
    warmup: float = WARMUP

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
        return weighed(t, run.task.losses(z, batch.y), batch, run, self.warmup)

    def predict(self, nets: Sequence[nn.Module], x: Tensor, task: Task) -> Tensor:
        return task.probabilities(nets[0](x)[0])


@final
@dataclass(frozen=True)
class QAMOCM(Method):
    r"""QAM whose scores are held in check: $w = \mathrm{softmax}_B(\lambda \tanh t)$, $t_i = \Theta(x_i, y_i)$.

    No image of a batch weighs more than $e^{2\lambda}$ times another (54.6 for $\lambda = 2$).

    Args:
        lam: $\lambda$ of the paper.
        judge_rate: as in QAM.

    Evidence: `quality`, `weight` as in QAM.

    Source: P5, section 2.2.
    """

    tasks: ClassVar[tuple[str, ...]] = ("segmentation",)

    lam: float = 2.0
    judge_rate: float = JUDGE_RATE
    warmup: float = WARMUP

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
        return weighed(self.lam * t.tanh(), run.task.losses(z, batch.y), batch, run, self.warmup)

    def predict(self, nets: Sequence[nn.Module], x: Tensor, task: Task) -> Tensor:
        return task.probabilities(nets[0](x)[0])
