"""Joint optimisation: the network's own recent predictions take the place of the labels it was given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from overread.engine.ledger import Column
from overread.engine.method import Batch, Method, Prior, Run
from overread.engine.task import Task
from overread.errors import InputError
from overread.functional.records import record, recorded
from overread.noise.labels import check_share

CHUNK = 65_536  # samples whose soft labels are made at once
STEPS = 500
RARER = 0.1  # a class is not thought to be rarer than this share of what its labels say


@final
@dataclass(frozen=True)
class Joint(Method):
    r"""$L = \frac1B \sum_i KL(s_i \| p_i) + \alpha\, KL(\pi \| \bar p) + \beta \frac1B \sum_i H(p_i)$.

    $p_i$ [C] are the probabilities, $\bar p$ their mean over the batch, H the entropy. $s_i$ [C] is what is learned:
    the given label as one-hot vector, and from epoch $\lceil \text{start} \cdot \text{epochs} \rceil$ on the mean
    of the predictions of the last `window` epochs, renewed after each (soft labels; as seen in training). The
    second term keeps the soft labels from falling into one class, the third makes them decide; both hold from
    the first epoch. With alpha = beta = 0 and start = 1 it is plain cross-entropy.

    $\pi$ are the shares of the true classes. The paper's are uniform, since CIFAR is balanced: `shares=uniform`,
    right also under `--balance sampler`. By default they are estimated: the shares $\hat s$ of given labels (the
    mean of the out-of-fold probabilities known before training) with the noise taken out, $T^\top \pi = \hat s$
    with T = `run.prior.transition`, each held at a tenth of $\hat s$ at least.

    Evidence: `soft` [N, C], the soft labels after the last epoch; `trust` [N], the mean prediction for the given
    label over the last `window` epochs.

    Source: Tanaka et al. 2018, "Joint optimization framework for learning with noisy labels". Defaults: alpha 1.2
    and beta 0.8, the paper's for CIFAR-10 with symmetric noise; soft labels from epoch 70 of 200, means of 10. It
    asks for a high learning rate. The paper's second step, a new network trained on the corrected labels, is
    left out: train `ce` on the suggested labels to have it.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    alpha: float = 1.2
    beta: float = 0.8
    start: float = 0.35  # share of the epochs with the given labels
    window: int = 10  # epochs
    shares: Literal["estimated", "uniform"] = "estimated"

    def __post_init__(self) -> None:
        check_share("start", self.start)
        problems = [
            f"{name} is {least} or more, got {value}"
            for name, least, value in (
                ("alpha", 0, self.alpha),
                ("beta", 0, self.beta),
                ("window", 1, self.window),
            )
            if not value >= least
        ]
        if problems:
            raise InputError(f"Joint: {'; '.join(problems)}.")

    def columns(self, task: Task) -> dict[str, Column]:
        own = {
            "predictions": Column((task.outputs,), torch.float16, window=self.window, evidence=False),
            "soft": Column((task.outputs,)),
            "trust": Column(),
        }
        return recorded(task) | own

    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        z, _ = nets[0](batch.x)  # [B, C]
        record(run, batch, z)
        self.remember(batch, run, run.task.probabilities(z))
        log_p = z.float().log_softmax(1)  # [B, C]
        p, s = log_p.exp(), self.labels(batch, run)
        kl = (torch.xlogy(s, s) - s * log_p).sum(1)  # [B]
        entropy = -(p * log_p).sum(1)  # [B]
        pi = self.class_shares(run).to(z.device)  # [C]
        log_mean = log_p.logsumexp(0) - math.log(len(z))  # [C] of the batch
        collapse: Tensor = (torch.xlogy(pi, pi) - pi * log_mean).sum()
        return run.task.mean(kl + self.beta * entropy, batch.y) + self.alpha * collapse

    def remember(self, batch: Batch, run: Run, p: Tensor) -> None:
        """This epoch's predictions [B, C], and what the last epochs' say of the given labels."""
        run.ledger.put("predictions", batch.ids, p)
        recent = mean_of_seen(run.ledger.window("predictions", batch.ids))  # [B, C]
        run.ledger.put("trust", batch.ids, recent.gather(1, batch.y[:, None])[:, 0])

    def labels(self, batch: Batch, run: Run) -> Tensor:
        """[B, C] what the batch is to learn; where there is no soft label yet, the given one."""
        given = F.one_hot(batch.y, run.task.outputs).float()
        if run.epoch < self.start * run.epochs:
            return given
        soft = run.ledger.get("soft", batch.ids)
        return torch.where(soft.isnan(), given, soft)

    def epoch_end(self, nets: Sequence[nn.Module], run: Run) -> None:
        rows = torch.arange(len(run.ledger.history("soft")))
        parts = [mean_of_seen(run.ledger.window("predictions", part)) for part in torch.split(rows, CHUNK)]
        run.ledger.put_all("soft", torch.cat(parts))

    def class_shares(self, run: Run) -> Tensor:
        """[C] how common each true class is; sum 1."""
        if self.shares == "uniform":
            return torch.full((run.task.outputs,), 1.0 / run.task.outputs)
        if run.prior is None:
            raise ValueError(
                "Joint optimisation needs the shares of the classes: set shares=uniform, or run.prior."
            )
        return true_shares(run.prior)


def mean_of_seen(predictions: Tensor) -> Tensor:
    """[B, C] the mean over the epochs of [B, w, C] that are not NaN, as sums of 1; NaN where all are."""
    mean = predictions.float().nanmean(1)
    return mean / mean.sum(1, keepdim=True)


@lru_cache(maxsize=1)
def true_shares(prior: Prior) -> Tensor:
    r"""[C] the likeliest shares $\pi$ of the true classes, by `STEPS` steps of expectation maximisation.

    $\pi_c \leftarrow \pi_c \sum_j T_{cj} \hat s_j / \sum_k \pi_k T_{kj}$ from $\pi = \hat s$ solves $T^\top \pi =
    \hat s$ where that has a solution among shares. Held at $\hat s / 10$ at least; sum 1. A linear solver would
    not do: its last bits change from call to call, and a resumed run must end as one that never stopped.
    """
    given, transition = prior.probs.mean(0, dtype=torch.float64), prior.transition.double()  # [C], [C, C]
    shares = given
    for _ in range(STEPS):
        reached = (shares[:, None] * transition).sum(0).clamp(min=1e-300)  # [C] of labels, if these were true
        shares = shares * (transition * (given / reached)).sum(1)
    shares = shares.maximum(RARER * given)
    return (shares / shares.sum()).float()
