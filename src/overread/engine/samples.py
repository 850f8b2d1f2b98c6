"""Samples in memory: pixels or features, and the batches made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from overread.engine.method import Batch

Array = np.ndarray[Any, np.dtype[Any]]


class Pixels(Protocol):
    """What can be indexed by rows like an array: memory-mapped images, pixels or features."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any) -> Array: ...


@dataclass(frozen=True)
class Samples:
    """N samples: `x` is uint8 pixels [N, H, W, 3] (memory-mapped or not) or float features [N, D]."""

    x: Pixels
    y: Pixels  # [N] int64 labels, or masks [N, K, H, W] of 0 and 1, uint8

    def __len__(self) -> int:
        return len(self.y)

    @property
    def are_pixels(self) -> bool:
        return len(self.x.shape) == 4

    @property
    def have_masks(self) -> bool:
        return len(self.y.shape) == 4

    def batch(self, rows: Tensor, device: torch.device) -> Batch:
        """The samples of `rows` on `device`; pixels scaled to -1..1, laid out channels last."""
        where = rows.numpy()
        x = torch.from_numpy(np.ascontiguousarray(self.x[where])).to(device)
        x = scaled(x) if self.are_pixels else x.float()
        y = torch.from_numpy(np.ascontiguousarray(self.y[where])).to(device)
        return Batch(rows.to(device), x, y)


def scaled(pixels: Tensor) -> Tensor:
    """uint8 [B, H, W, 3] to float32 [B, 3, H, W] of -1..1; strides stay channels last."""
    return pixels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)
