"""OUSM + pLOF: sample mining, and a weight for every sample that is no outlier of its class (P1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np
import torch
from torch import Tensor, nn

from overread.engine.ledger import Column
from overread.engine.method import Batch, Method, Run
from overread.engine.task import Task
from overread.errors import InputError
from overread.functional.neighbours import Units
from overread.functional.outliers import class_outliers
from overread.functional.picking import Picking, kept, remember_kept
from overread.functional.records import record, recorded


@final
@dataclass(frozen=True)
class OUSMpLOF(Method):
    r"""Mines samples, and weighs all: $L = \alpha L_{\text{OUSM}} + \beta \frac1B \sum_i \lambda_i \ell_i$.

    $L_{\text{OUSM}}$ is the mean over those kept, see `ousm`; $\lambda_i = 1 - \mathrm{pLOF}_i$.
    $\lambda = 1$ until epoch `every`; then, every `every` epochs, pLOF is LoOP (extent 3) of the feature f, in
    evaluation mode and not augmented, and "cumulatively" is read as the running mean over the re-weightings.

    Args:
        alpha, beta: the paper's weights of the two losses.
        every: epochs between re-weightings (the paper's 5).
        neighbours: share of its class (of 10,000 drawn from it, where it has more) that are a sample's neighbours,
            at most 1,000.
        scope: `class` compares samples of one given label; `all` is the paper's words, and blind, because a
            wrong label sits in the dense heart of another class.
        drop, ramp, quota: as of `ousm`.

    Evidence: `kept` [N, epochs]; `weight` [N], the last $\lambda$.

    Source: Xue, Dou, Shi, Chen, Heng, "Robust Learning at Noisy Labeled Medical Images", ISBI 2019 (P1).
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)

    alpha: float = 0.5
    beta: float = 0.5
    every: int = 5
    neighbours: float = 0.5
    scope: Literal["class", "all"] = "class"
    drop: float | None = None
    ramp: int | None = None
    quota: bool = False

    def __post_init__(self) -> None:
        Picking(self.drop, self.ramp, self.quota)  # checks them
        if self.every < 1 or not 0.0 < self.neighbours <= 1.0 or min(self.alpha, self.beta) < 0.0:
            raise InputError(
                f"every is 1 epoch or more, neighbours above 0 and at most 1, alpha and beta 0 or more; got "
                f"every={self.every}, neighbours={self.neighbours}, alpha={self.alpha}, beta={self.beta}."
            )

    def columns(self, task: Task) -> dict[str, Column]:
        feature = Column((task.features,), torch.float16, scratch=True)
        given = Column((), torch.int16, fill=-1, scratch=True)
        weight = Column(fill=1.0)
        return {**recorded(task), **remember_kept(), "weight": weight, "feature": feature, "given": given}

    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        z, _ = nets[0](batch.x)  # [B, C]
        record(run, batch, z)
        losses = run.task.losses(z, batch.y)  # [B]
        keep = Picking(self.drop, self.ramp, self.quota).of(losses, batch, run)  # [B - K]
        kept(run, batch, keep)
        weight = run.ledger.get("weight", batch.ids)  # [B]
        mined = run.task.mean(losses[keep], batch.y[keep])
        return self.alpha * mined + self.beta * run.task.mean(weight * losses, batch.y)

    def epoch_end(self, nets: Sequence[nn.Module], run: Run) -> None:
        times, rest = divmod(run.epoch + 1, self.every)
        if rest or run.epoch + 1 == run.epochs:
            return
        for batch in run.sweep():
            run.ledger.put("feature", batch.ids, nets[0](batch.x)[1])
            run.ledger.put("given", batch.ids, batch.y)
        given = run.ledger.history("given")[:, 0].numpy()  # [N]; -1: not trained on
        rows = np.flatnonzero(given >= 0)
        trained = torch.from_numpy(rows)
        features = Units.of(lambda at: run.ledger.get("feature", trained[at]).numpy(), len(rows))
        labels = given[rows] if self.scope == "class" else np.zeros(len(rows), int)
        outlying = torch.from_numpy(class_outliers(features, labels, self.neighbours)).float()
        weight = run.ledger.history("weight")[:, 0].clone()
        weight[rows] += (1.0 - outlying - weight[rows]) / times
        run.ledger.put_all("weight", weight)
