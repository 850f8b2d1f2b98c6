"""The task owns shapes: what a label is, its loss per sample, and how logits become probabilities."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Task(ABC):
    """What methods ask of a task; B samples, C classes or structures."""

    name: ClassVar[str]

    classes: tuple[str, ...]  # [C]
    weights: tuple[float, ...] | None = None  # of each class in the mean of losses (`--balance loss`)
    features: int = 0  # D, the size of the pre-softmax feature, once the networks are there

    @property
    @abstractmethod
    def outputs(self) -> int:
        """How many logits a network has, for an image or for each of its pixels."""

    @abstractmethod
    def losses(self, z: Tensor, y: Tensor) -> Tensor:
        """The loss of each sample, of logits `z` against the given labels `y`: [B], float32. By it samples are
        ranked and remembered, whatever the weights."""

    def balanced(self, z: Tensor, y: Tensor) -> Tensor:
        """What is descended on, [B]: the losses, with small structures of masks weighted up where that is wanted."""
        return self.losses(z, y)

    @abstractmethod
    def probabilities(self, z: Tensor) -> Tensor:
        """Logits to probabilities of classes or structures, float32."""

    @abstractmethod
    def mean(self, losses: Tensor, y: Tensor) -> Tensor:
        """The mean of losses [B] of samples given as `y`, weighted where the task has weights."""


@final
@dataclass(frozen=True)
class Classification(Task):
    """Exclusive classes of whole images."""

    name: ClassVar[str] = "classification"

    @property
    def outputs(self) -> int:
        return len(self.classes)

    def losses(self, z: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy of each sample, in nats: [B, C] logits and [B] labels to [B], float32.

        >>> Classification(("a", "b")).losses(torch.zeros(1, 2), torch.tensor([0])).item()  # ln 2
        0.6931471824645996
        """
        return F.cross_entropy(z.float(), y, reduction="none")

    def probabilities(self, z: Tensor) -> Tensor:
        """[B, C] logits to probabilities, float32; rows sum to 1."""
        return z.float().softmax(1)

    def mean(self, losses: Tensor, y: Tensor) -> Tensor:
        """The mean of losses [B] of samples given as `y` [B], weighted by class where the task has weights.

        >>> task = Classification(("a", "b"), weights=(1.0, 3.0))
        >>> task.mean(torch.tensor([1.0, 2.0]), torch.tensor([0, 1])).item()
        1.75
        """
        if self.weights is None:
            return losses.mean()
        weights = torch.tensor(self.weights, device=losses.device)[y]
        return (weights * losses).sum() / weights.sum()
