"""ELR: cross-entropy that is held to what the network believed before it began to memorise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor, nn

from overread.engine.ledger import Column
from overread.engine.method import Batch, Method, Run
from overread.engine.task import Task
from overread.errors import InputError
from overread.functional.records import record, recorded

EDGE = 1e-4  # probabilities are held this far from 0 and 1, so that log(1 - <p, t>) is -9.2 at the least


@final
@dataclass(frozen=True)
class ELR(Method):
    r"""Early-learning regularisation: $L = \frac1B \sum_i \ell_i + \lambda \log(1 - \langle p_i, t_i \rangle)$.

    $\ell_i$ is cross-entropy with the given label; the target $t_i$ [C] is the running mean of the network's own
    probabilities, $t_i \leftarrow \beta t_i + (1 - \beta) \bar p_i$ from 0, updated before it is used and without
    gradients. Networks learn the right labels first: later the second term, smallest where $p_i$ agrees with
    $t_i$, pulls against a given label that disagrees. $p_i$ is held in 1e-4..1 - 1e-4, and $\bar p_i$ is that with
    sum 1 (the authors' code; the paper has no such bounds). $\lambda = 0$ is plain cross-entropy.

    Evidence: `targets` [N, C], sums $1 - \beta^n$ after n updates, and `trust` [N], the target's share of the
    given label, $t_{i,y_i} / \sum_c t_{ic}$.

    Source: Liu et al. 2020, "Early-learning regularization prevents memorization of noisy labels"; ELR+ with its
    two networks and mixup is left out. Defaults: beta 0.7, lambda 3, the paper's for CIFAR-10 with symmetric
    noise (CIFAR-100: 0.9 and 7), there over 120 epochs; in shorter runs the targets have less time.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    beta: float = 0.7
    lam: float = 3.0  # the paper's lambda

    def __post_init__(self) -> None:
        problems = []
        if not 0.0 <= self.beta < 1.0:
            problems.append(f"beta is 0 or more and below 1, got {self.beta}")
        if not self.lam >= 0.0:
            problems.append(f"lam is 0 or more, got {self.lam}")
        if problems:
            raise InputError(f"ELR: {'; '.join(problems)}.")

    def columns(self, task: Task) -> dict[str, Column]:
        return recorded(task) | {"targets": Column((task.outputs,), fill=0.0), "trust": Column()}

    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        z, _ = nets[0](batch.x)  # [B, C]
        record(run, batch, z)
        p = run.task.probabilities(z).clamp(EDGE, 1.0 - EDGE)  # [B, C]
        now = p.detach() / p.detach().sum(1, keepdim=True)
        t = self.beta * run.ledger.get("targets", batch.ids) + (1.0 - self.beta) * now  # [B, C]
        run.ledger.put("targets", batch.ids, t)
        run.ledger.put("trust", batch.ids, t.gather(1, batch.y[:, None])[:, 0] / t.sum(1))
        pull = (1.0 - (p * t).sum(1)).log()  # [B]
        return run.task.mean(run.task.losses(z, batch.y) + self.lam * pull, batch.y)
