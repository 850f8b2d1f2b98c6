"""Segmentation: structures drawn in an image, each by itself or excluding each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch
import torch.nn.functional as F
from torch import Tensor

from overread.engine.task import Task

CRITERIA = ("ce", "dice", "dice-ce")


@final
@dataclass(frozen=True)
class Segmentation(Task):
    r"""K structures per pixel. Masks `y` are [B, K, H, W] of 0 and 1 (or between: soft masks).

    Structures may overlap: each has a logit and a sigmoid. Or they exclude each other (`exclusive`): a softmax over
    K + 1 logits, the last of which is the background's.

    The loss of an image is the mean over its structures, by `criterion`; what is descended on is weighted where there
    are `weights` [K]. Images are ranked without: large structures tell wrong masks before small ones are learned.

    - `ce`: the mean over pixels of $-y \log p - (1 - y) \log(1 - p)$, in nats; with `exclusive` of
      $-\sum_c y_c \log p_c$;
    - `dice`: $1 - \frac{2 \sum y p + 1}{\sum y + \sum p + 1}$ (Milletari et al. 2016; the ones keep empty masks
      finite);
    - `dice-ce`: the sum of both.
    """

    name: ClassVar[str] = "segmentation"

    exclusive: bool = False
    criterion: str = "ce"

    @property
    def outputs(self) -> int:
        return len(self.classes) + self.exclusive

    def losses(self, z: Tensor, y: Tensor) -> Tensor:
        """[B, K (+ 1), H, W] logits and [B, K, H, W] masks to [B], float32.

        >>> task = Segmentation(("lungs", "heart"))
        >>> task.losses(torch.zeros(1, 2, 4, 4), torch.ones(1, 2, 4, 4)).item()  # ln 2
        0.6931471824645996
        """
        return self.by_structure(z, y).mean(1)

    def balanced(self, z: Tensor, y: Tensor) -> Tensor:
        """[B] as `losses`, but structures weigh as `weights` say."""
        losses = self.by_structure(z, y)  # [B, K]
        if self.weights is None:
            return losses.mean(1)
        weights = torch.tensor(self.weights, device=losses.device)
        return (weights * losses).sum(1) / weights.sum()

    def by_structure(self, z: Tensor, y: Tensor) -> Tensor:
        """The loss of each structure [B, K]; with `exclusive` cross-entropy counts what a pixel costs under each."""
        z, y = z.float(), y.float()
        losses = torch.zeros(y.shape[:2], device=z.device)
        if self.criterion != "dice":
            losses = losses + self._cross_entropy(z, y)
        if self.criterion != "ce":
            p = self.probabilities(z)
            both, each = (p * y).sum((2, 3)), (p + y).sum((2, 3))
            losses = losses + 1.0 - (2.0 * both + 1.0) / (each + 1.0)
        return losses

    def _cross_entropy(self, z: Tensor, y: Tensor) -> Tensor:
        """[B, K] mean over the pixels."""
        if not self.exclusive:
            return F.binary_cross_entropy_with_logits(z, y, reduction="none").mean((2, 3))
        whole = torch.cat([y, (1.0 - y.sum(1, keepdim=True)).clamp(min=0.0)], 1)  # [B, K + 1, H, W]
        costs = -(whole * z.log_softmax(1)).mean((2, 3))  # [B, K + 1]
        structures = y.shape[1]
        # the background's cost belongs to all, so that the mean over structures is the cost of a pixel
        return structures * costs[:, :-1] + costs[:, -1:]

    def probabilities(self, z: Tensor) -> Tensor:
        """[B, K (+ 1), H, W] logits to the probabilities [B, K, H, W] of the structures, float32."""
        return z.float().softmax(1)[:, :-1] if self.exclusive else z.float().sigmoid()

    def mean(self, losses: Tensor, y: Tensor) -> Tensor:
        """The mean of losses [B]; images have no weights by structure."""
        return losses.mean()


def balancing(shares: tuple[float, ...]) -> tuple[float, ...]:
    r"""Weights that make small structures matter as much as large ones: $w_k \propto 1 / H(s_k)$, 1 on average.

    $s_k$ is the share of all pixels that structure k covers, H the binary entropy: what it costs to know no more than
    that. So each structure's cross-entropy is measured by how much of it could be explained. Without, clavicles
    (2 % of a radiograph) are learned long after the lungs (25 %).

    >>> [round(w, 2) for w in balancing((0.25, 0.02))]
    [0.3, 1.7]
    """
    costs = [
        -sum(q * math.log(q) for q in (min(max(s, 1e-4), 0.5), 1.0 - min(max(s, 1e-4), 0.5))) for s in shares
    ]
    inverse = [1.0 / cost for cost in costs]
    return tuple(one * len(inverse) / sum(inverse) for one in inverse)
