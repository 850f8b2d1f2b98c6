"""Augmentation of a batch on its device: the random draw apart from the deterministic apply."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Augment:
    """Mirror images, each with probability one half."""

    left_right: bool = True
    up_down: bool = True

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """[B, C, H, W] to the same shape, some images mirrored."""
        if self.left_right:
            x = flip(x, coins(len(x), generator), axis=3)
        if self.up_down:
            x = flip(x, coins(len(x), generator), axis=2)
        return x


def coins(count: int, generator: torch.Generator) -> Tensor:
    """[count] fair coins."""
    return torch.rand(count, generator=generator) < 0.5


def flip(x: Tensor, chosen: Tensor, axis: int) -> Tensor:
    """Mirrors the chosen images [B] along `axis`.

    >>> flip(torch.tensor([[[[1, 2]]]]), torch.tensor([True]), axis=3).tolist()
    [[[[2, 1]]]]
    """
    return torch.where(chosen.to(x.device).view(-1, 1, 1, 1), x.flip(axis), x)
