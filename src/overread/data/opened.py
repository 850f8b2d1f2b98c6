"""Decoded images as one array that lies on disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from overread.data.manifest import Ints

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True)
class Images:
    """N decoded images. `images[rows]` gives uint8 [B, size, size, 3]; all lies on disk, memory-mapped."""

    pool: Pixels  # [R, size, size, 3] all images of the store
    rows: Ints  # [N] row of the store, -1 for an image that cannot be read
    hashes: list[str]  # [N] hash of the content, "" for an image that cannot be read
    bad: list[tuple[int, str]] = field(default_factory=list)  # (position, why)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Any) -> Pixels:
        return np.asarray(self.pool[self.rows[key]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, np.dtype[Any]]:
        whole = self.pool[self.rows]
        return whole if dtype is None else whole.astype(dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, size, size, 3)"""
        return (len(self.rows), *self.pool.shape[1:])

    @property
    def ndim(self) -> int:
        """4"""
        return self.pool.ndim

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """uint8"""
        return self.pool.dtype

    @property
    def good(self) -> Ints:
        """The positions of the images that can be read."""
        return np.flatnonzero(self.rows >= 0).astype(np.int64)

    def take(self, positions: Ints) -> Images:
        """The images at `positions`, in their order."""
        at = {int(position): new for new, position in enumerate(positions)}
        bad = [(at[row], why) for row, why in self.bad if row in at]
        return Images(self.pool, self.rows[positions], [self.hashes[row] for row in positions], bad)
