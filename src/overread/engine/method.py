"""What a noise-robust method is: a loss with memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from overread.engine.ledger import Column, Ledger
from overread.engine.task import Task


@dataclass(frozen=True)
class Batch:
    """Some samples: `ids` are row numbers of the manifest, the keys of the ledger."""

    ids: Tensor  # [B] int64
    x: Tensor  # [B, C, *S] float32, or features [B, D]
    y: Tensor  # [B] int64 given labels, or [B, K, *S] uint8 or float32 given masks


@dataclass(frozen=True)
class Prior:
    """What is known of the whole set before training, from one fast pass: estimates, never the truth."""

    noise_rate: float  # share of wrong labels, 0..1
    low: float  # ends of its interval
    high: float
    by_class: Tensor  # [C] share of wrong labels among those given as each class
    transition: Tensor  # [C, C] T_ij = P(given j | true i); rows sum to 1
    probs: Tensor  # [N, C] out-of-fold probabilities of the given labels
    verified: Tensor | None = None  # [N] bool: experts answered for the label; methods that select keep it


@dataclass
class Run:
    """What a method may look at beside the batch."""

    task: Task
    ledger: Ledger
    epochs: int
    epoch: int = 0  # counts from 0
    prior: Prior | None = None
    sweep: Callable[[], Iterator[Batch]] = lambda: iter(())
    """All training samples in order, not augmented, networks in evaluation mode and without gradients. When it
    ends, what the loop put into the ledger is there on all processes."""


class Method(ABC):
    """Subclasses are frozen dataclasses and final; their fields are the paper's hyper-parameters."""

    tasks: ClassVar[tuple[str, ...]] = ("classification", "segmentation")

    def networks(self, make: Callable[[], nn.Module], task: Task) -> list[nn.Module]:
        """The 1 to 3 networks that the method trains."""
        return [make()]

    def rates(self) -> Sequence[float]:
        """The learning rate of each network, as a multiple of the recipe's; empty: 1 for all.
        (docs/decisions/0015)"""
        return ()

    def columns(self, task: Task) -> dict[str, Column]:
        """The per-sample memory that the method wants."""
        return {}

    @abstractmethod
    def loss(self, nets: Sequence[nn.Module], batch: Batch, run: Run) -> Tensor:
        """The scalar to descend on."""

    def epoch_end(self, nets: Sequence[nn.Module], run: Run) -> None:  # noqa: B027  optional, not abstract
        """Called when the epoch's last batch is done; the ledger is whole and equal on all processes."""

    def predict(self, nets: Sequence[nn.Module], x: Tensor, task: Task) -> Tensor:
        """Probabilities [B, C], or of each structure [B, K, *S]: the mean over the networks."""
        return torch.stack([task.probabilities(net(x)[0]) for net in nets]).mean(0)
