"""The task owns shapes: what a label is, its loss per sample, and how logits become probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Task:
    """Classification into exclusive classes."""

    classes: tuple[str, ...]
    name: str = "classification"

    @property
    def outputs(self) -> int:
        """How many logits a network has."""
        return len(self.classes)

    def losses(self, z: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy of each sample, in nats: [B, C] logits and [B] labels to [B], float32.

        >>> import torch
        >>> Task(("a", "b")).losses(torch.zeros(1, 2), torch.tensor([0])).item()  # ln 2
        0.6931471824645996
        """
        return F.cross_entropy(z.float(), y, reduction="none")

    def probabilities(self, z: Tensor) -> Tensor:
        """[B, C] logits to probabilities, float32; rows sum to 1."""
        return z.float().softmax(1)
