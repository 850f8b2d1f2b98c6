"""How small-loss methods pick from a batch: what they drop rises over the first epochs, of all or class by class."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from overread.engine.ledger import WHOLE_RUN, Column
from overread.engine.method import Batch, Prior, Run
from overread.engine.task import Task
from overread.errors import InputError
from overread.functional.schedules import ramp
from overread.functional.selection import keep_count, smallest, smallest_per_class


@dataclass(frozen=True)
class Picking:
    """Small losses: `drop`, `ramp` and `quota` as the methods that hold it document them."""

    drop: float | None = None
    ramp: int | None = None
    quota: bool = False

    def __post_init__(self) -> None:
        problems = []
        if self.drop is not None and not 0.0 <= self.drop < 1.0:
            problems.append(f"drop is 0 or more and below 1, got {self.drop}")
        if self.ramp is not None and self.ramp < 0:
            problems.append(f"ramp is 0 epochs or more, got {self.ramp}")
        if problems:
            raise InputError("; ".join(problems) + ".")

    def shares(self, run: Run, epoch: int) -> Tensor:
        """What is dropped in `epoch`: [1] the share of all, or with a quota [C] that of each given class."""
        length = max(1, round(run.epochs / 5)) if self.ramp is None else self.ramp
        if not self.quota:
            final = torch.tensor([known_rate(run) if self.drop is None else self.drop], dtype=torch.float64)
        elif self.drop is not None:
            final = torch.full((run.task.outputs,), self.drop, dtype=torch.float64)
        else:
            final = known_prior(run).by_class.double()
        return ramp(epoch, length, 1.0) * final

    def of(self, values: Tensor, batch: Batch, run: Run, fraction: float = 1.0) -> Tensor:
        """Indices of the samples of a batch that are kept, smallest of `values` [B] (losses) first; or of the
        `fraction` of them that is smallest. Labels that experts have verified come before all others."""
        values, shares = verified_first(values.detach(), batch, run), self.shares(run, run.epoch)
        if fraction <= 0:
            return torch.empty(0, dtype=torch.long, device=values.device)
        if not self.quota:
            return smallest(values, round(fraction * keep_count(len(values), float(shares[0]))))
        return smallest_per_class(values, batch.y, fraction * (1.0 - shares.to(values.device)))


def verified_first(values: Tensor, batch: Batch, run: Run) -> Tensor:
    """[B] the values, below all others where the label is verified."""
    if run.prior is None or run.prior.verified is None:
        return values
    verified = run.prior.verified.to(values.device)[batch.ids]
    return values.masked_fill(verified, -torch.inf)


def known_prior(run: Run) -> Prior:
    """The prior, or what to do about its absence."""
    if run.prior is None:
        raise ValueError("This method needs the noise rate: give Training a prior, or the method its `drop`.")
    return run.prior


def known_rate(run: Run) -> float:
    """The noise rate of the prior."""
    return known_prior(run).noise_rate


def check_for_masks(task: Task, **switches: bool) -> None:
    """Refuses what needs classes where the labels are masks; `switches` are fields, and whether they are on."""
    if task.name == "segmentation" and (on := [name for name, is_on in switches.items() if is_on]):
        raise InputError(
            f"{' and '.join(on)} is for labels of whole images: masks have no classes. Leave it out."
        )


def remember_kept() -> dict[str, Column]:
    """The column that `kept` fills."""
    return {"kept": Column(dtype=torch.float16, window=WHOLE_RUN)}


def kept(run: Run, batch: Batch, *picks: Tensor) -> None:
    """Remembers which of a batch were kept: the mean over the networks' `picks` of indices."""
    mask = torch.zeros(len(batch.ids), device=batch.ids.device)
    for pick in picks:
        mask[pick] += 1.0 / len(picks)
    run.ledger.put("kept", batch.ids, mask)
