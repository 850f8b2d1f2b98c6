"""SCE: cross-entropy both ways, from the label to the network and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor, nn

from overread.engine.ledger import WHOLE_RUN, Column
from overread.engine.method import Batch, Method, Run
from overread.engine.task import Task
from overread.errors import InputError
from overread.functional.records import record, recorded


@final
@dataclass(frozen=True)
class SCE(Method):
    r"""Symmetric cross-entropy: $L = \frac1B \sum_i \alpha \ell_i + \beta r_i$.

    $\ell_i = -\log p_{i,y_i}$ is cross-entropy. The reverse one, $r_i = -\sum_c p_{ic} \log e_{ic}$ with $e_i$ the
    given label as one-hot vector and $\log 0$ read as $A < 0$, is $r_i = -A (1 - p_{i,y_i})$: bounded, so that no
    wrong label can shout. $\alpha = 1, \beta = 0$ is plain cross-entropy.

    The gradient is that of $\ell_i$ times $\alpha - \beta A p_{i,y_i}$. This factor over its largest value,
    $(\alpha - \beta A p_{i,y_i}) / (\alpha - \beta A)$, is the evidence `trust` [N, epochs], as seen in training:
    from $\alpha / (\alpha - \beta A)$ for a label that the network rules out, to 1.

    Source: Wang et al. 2019, "Symmetric cross entropy for robust learning with noisy labels". Defaults: the
    paper's for CIFAR-10 (alpha 0.1, beta 1, A -4); for CIFAR-100 it takes alpha 6, beta 0.1.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    alpha: float = 0.1
    beta: float = 1.0
    A: float = -4.0  # what log 0 is taken for

    def __post_init__(self) -> None:
        problems = [
            f"{name} is {rule}, got {value}"
            for name, rule, value, good in (
                ("alpha", "0 or more", self.alpha, self.alpha >= 0),
                ("beta", "0 or more", self.beta, self.beta >= 0),
                ("A", "below 0 (it stands for log 0)", self.A, self.A < 0),
            )
            if not good
        ]
        if not problems and self.alpha == self.beta == 0:
            problems = ["alpha and beta are both 0, so there is nothing to learn from"]
        if problems:
            raise InputError(f"SCE: {'; '.join(problems)}.")

    def columns(self, task: Task) -> dict[str, Column]:
        return recorded(task) | {"trust": Column(window=WHOLE_RUN)}

    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        z, _ = nets[0](batch.x)  # [B, C]
        record(run, batch, z)
        ce = run.task.losses(z, batch.y)  # [B]
        p = run.task.probabilities(z).gather(1, batch.y[:, None])[:, 0]  # [B] of the given label
        rce = -self.A * (1.0 - p)  # [B]
        weight = self.alpha - self.beta * self.A * p
        run.ledger.put("trust", batch.ids, weight / (self.alpha - self.beta * self.A))
        return run.task.mean(self.alpha * ce + self.beta * rce, batch.y)
