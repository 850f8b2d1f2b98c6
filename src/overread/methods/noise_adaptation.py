"""Noise adaptation: a layer on top of the classifier learns how true classes become labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from overread.engine.ledger import WHOLE_RUN, Column
from overread.engine.method import Batch, Method, Run
from overread.engine.task import Task
from overread.functional.records import record, recorded
from overread.functional.transition import log_noise, symmetric, through
from overread.noise.labels import check_share


class NoiseLayer(nn.Module):
    r"""$T_{cj} \propto T^0_{cj} e^{b_{cj}}$, rows sum to 1; b [C, C] is learned, from 0."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.b = nn.Parameter(torch.zeros(classes, classes))

    def forward(self, start: Tensor, y: Tensor) -> Tensor:
        r"""[B, C] $\log T_{c, y_i}$ from `start` [C, C], $\log T^0$, and given labels `y` [B]."""
        return (start + self.b).log_softmax(1).T[y]


@final
@dataclass(frozen=True)
class NoiseAdaptation(Method):
    r"""Forward correction whose T is learned along: $L = -\frac1B \sum_i \log \sum_c p_{ic} T_{c, y_i}$.

    $p_i$ [C] is what the classifier thinks the true class is; $T_{cj} = P(\text{given } j \mid \text{true } c)$ are
    the softmax rows of a layer with C x C weights, trained with it and left out when it predicts. Evidence:
    `trust` [N, epochs], the posterior $p_{i, y_i} T_{y_i, y_i} / \sum_c p_{ic} T_{c, y_i}$ that the given label is
    right.

    The layer must start near the truth, or it may explain everything. The paper starts from the confusions of a
    network trained before, which here is `run.prior.transition` (the default), or, where `initial_noise`
    $\epsilon$ is set, from its formula $b_{cj} = \log((1 - \epsilon) [c = j] + \frac{\epsilon}{C - 1} [c \ne j])$.
    Its weights are kept as differences from that start, so that weight decay draws T back to it and not, as it
    would draw the paper's, to noise that tells nothing. In the first `warmup` of the epochs (a tenth; ours, in place
    of the paper's network trained before) the loss is plain cross-entropy and T stands still. A `warmup` of 1 is
    cross-entropy throughout; an `initial_noise` of 0 is so too, since no gradient leads away from T = I.

    Source: Goldberger and Ben-Reuven 2017, "Training deep neural-networks using a noise adaptation layer", the
    simple model; the complex one, whose T depends on the image's feature, is left out.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    initial_noise: float | None = None
    warmup: float = 0.1  # share of the epochs

    def __post_init__(self) -> None:
        check_share("warmup", self.warmup)
        if self.initial_noise is not None:
            check_share("initial_noise", self.initial_noise)

    def networks(self, make: Callable[[], nn.Module], task: Task) -> list[nn.Module]:
        return [make(), NoiseLayer(task.outputs)]

    def columns(self, task: Task) -> dict[str, Column]:
        return recorded(task) | {"trust": Column(window=WHOLE_RUN)}

    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        classifier, layer = nets
        z, _ = classifier(batch.x)  # [B, C]
        record(run, batch, z)
        log_t = layer(log_noise(self.start(run)).to(z.device), batch.y)  # [B, C]
        losses, trust = through(z, log_t, batch.y)
        run.ledger.put("trust", batch.ids, trust)
        if run.epoch < self.warmup * run.epochs:
            losses = run.task.losses(z, batch.y) + 0.0 * losses  # DDP wants every network in every step
        return run.task.mean(losses, batch.y)

    def start(self, run: Run) -> Tensor:
        """[C, C] the transition matrix before training."""
        if self.initial_noise is not None:
            return symmetric(run.task.outputs, self.initial_noise)
        if run.prior is None:
            raise ValueError("The noise layer needs a place to start: set initial_noise, or run.prior.")
        return run.prior.transition

    def predict(self, nets: Sequence[nn.Module], x: Tensor, task: Task) -> Tensor:
        return task.probabilities(nets[0](x)[0])
