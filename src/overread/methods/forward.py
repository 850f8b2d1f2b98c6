"""Forward correction: predictions are passed through the noise before they meet the labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from overread.engine.ledger import WHOLE_RUN, Column
from overread.engine.method import Batch, Method, Run
from overread.engine.task import Task
from overread.errors import InputError
from overread.functional.records import record, recorded
from overread.functional.transition import log_noise, symmetric, through
from overread.noise.labels import check_share
from overread.noise.transition import check_matrix, read_matrix


@final
@dataclass(frozen=True)
class Forward(Method):
    r"""Forward loss correction: $L = -\frac1B \sum_i \log \sum_c p_{ic} T_{c, y_i}$.

    $p_i$ [C] is what the network thinks the true class is, $T_{cj} = P(\text{given } j \mid \text{true } c)$ how
    true classes become labels. The minimum under wrong labels is that of cross-entropy under right ones (the
    paper's theorem 2), as far as T is right. $T = I$ is plain cross-entropy. Evidence: `trust` [N, epochs], the
    posterior $p_{i, y_i} T_{y_i, y_i} / \sum_c p_{ic} T_{c, y_i}$ that the given label is right.

    Where T comes from, the first of these that is set:
    `rate`: noise of that rate, every other class equally likely;
    `matrix`: a CSV table whose first row names the given classes and whose first column the true ones, its rows
    summing to 1 (as for `overread corrupt --noise class`);
    `anchors`: the paper's estimate, $T_{cj} = \hat p_j$ of the one sample with the largest $\hat p_c$, where
    $\hat p$ are the out-of-fold probabilities of the given labels known before training;
    else (the default, ours) the transition matrix known before training, `run.prior.transition`, which rests on
    all samples where anchors rest on one a class.
    T is that of the whole set: with `--balance` the batches' own is a little different, which is not allowed for.

    Source: Patrini et al. 2017, "Making deep neural networks robust to label noise: a loss correction approach".
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    rate: float | None = None
    matrix: Path | None = None
    anchors: bool = False

    def __post_init__(self) -> None:
        given = {"rate": self.rate, "matrix": self.matrix, "anchors": self.anchors or None}
        chosen = [name for name, value in given.items() if value is not None]
        if len(chosen) > 1:
            raise InputError(
                f"Forward: {' and '.join(chosen)} each give a transition matrix; set one of them."
            )
        if self.rate is not None:
            check_share("rate", self.rate)

    def networks(self, make: Callable[[], nn.Module], task: Task) -> list[nn.Module]:
        if self.matrix is not None:
            from_file(self.matrix, task.classes)  # what is wrong with it is told before training
        return [make()]

    def columns(self, task: Task) -> dict[str, Column]:
        return recorded(task) | {"trust": Column(window=WHOLE_RUN)}

    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        z, _ = nets[0](batch.x)  # [B, C]
        record(run, batch, z)
        log_t = log_noise(self.transition(run)).to(z.device).T[batch.y]  # [B, C]
        losses, trust = through(z, log_t, batch.y)
        run.ledger.put("trust", batch.ids, trust)
        return run.task.mean(losses, batch.y)

    def transition(self, run: Run) -> Tensor:
        """[C, C] rows true, columns given; rows sum to 1."""
        if self.rate is not None:
            return symmetric(run.task.outputs, self.rate)
        if self.matrix is not None:
            return from_file(self.matrix, run.task.classes)
        if run.prior is None:
            raise ValueError(
                "Forward correction needs a transition matrix: set rate or matrix, or run.prior."
            )
        return at_anchors(run.prior.probs) if self.anchors else run.prior.transition


@cache
def from_file(path: Path, classes: tuple[str, ...]) -> Tensor:
    """[C, C] the matrix of a CSV file, checked; read once."""
    matrix = read_matrix(path, classes)
    check_matrix(matrix, classes)
    return torch.from_numpy(matrix).float()


def at_anchors(probs: Tensor) -> Tensor:
    """[C, C] from probabilities [N, C]: row c is that of the sample with the largest p_c.

    >>> at_anchors(torch.tensor([[0.5, 0.5], [0.25, 0.75], [0.75, 0.25]])).tolist()
    [[0.75, 0.25], [0.25, 0.75]]
    """
    return probs[probs.argmax(0)]
