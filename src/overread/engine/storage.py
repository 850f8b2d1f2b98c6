"""Where a column of the ledger lies: in memory, or in a file of which little is in memory at a time."""

from __future__ import annotations

import errno
import math
import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from overread.errors import InputError

RELEASE_EVERY = 256 * 2**20  # bytes resident before the pages are handed back
BLOCK = 2 * 2**20  # bytes that one value may make resident: Linux maps large pieces of a file at once
WAITING = 32 * 2**20  # bytes of values that wait until they are written
CHUNK = 8 * 2**20  # bytes read at a time where a column is read whole
BITS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}  # by bytes


class Held:
    """A column [N, w, *shape] in memory."""

    def __init__(self, shape: tuple[int, ...], dtype: torch.dtype, fill: float) -> None:
        self._data = torch.full(shape, fill, dtype=dtype)

    def put(self, slot: int, rows: Tensor, values: Tensor) -> None:
        """`values` [B, *shape] for `rows` [B] in a slot."""
        self._data[rows, slot] = values

    def read(self, rows: Tensor, slots: int | slice) -> Tensor:
        """[B, *shape] of one slot, or [B, w, *shape] of several."""
        return self._data[rows, slots]

    def whole(self) -> Tensor:
        """[N, w, *shape] itself."""
        return self._data

    def chunks(self) -> Iterator[Tensor]:
        """[n, w, *shape] of all rows in order."""
        yield from torch.split(self._data, max(1, CHUNK // max(1, self._data[:1].nbytes)))

    def flush(self) -> None:
        """Nothing waits."""


class Mapped:
    """A column [N, w, *shape] in the file `path`, slot after slot, because an epoch writes one of them.

    What is put waits until there is a lot of it, and is then written in the order of the rows: batches are shuffled,
    and each by itself would touch the file everywhere. In the file the bits of a value are those by which it differs
    from the fill: so a new file, all zeros, is filled, and takes no time.
    """

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: torch.dtype, fill: float, fresh: bool
    ) -> None:
        samples, slots, *rest = shape
        each = math.prod(rest) * dtype.itemsize  # bytes of a value
        self.path = path
        if fresh:
            new_file(path, samples * slots * each)
        elif not path.exists() or path.stat().st_size != samples * slots * each:
            raise InputError(
                f"{path} is gone or cut short; without it --resume cannot go on. Give -o a new folder."
            )
        self._dtype, bits = dtype, BITS[dtype.itemsize]
        self._fill = torch.tensor(fill, dtype=dtype).view(bits)
        kind = torch.empty(0, dtype=bits).numpy().dtype
        self._array: Any = np.memmap(path, dtype=kind, mode="r+", shape=(slots, samples, *rest))
        self._bits = torch.from_numpy(self._array).transpose(0, 1)  # [N, w, *shape]
        self._stretch = max(1, RELEASE_EVERY // each)  # rows of one slot that may be resident
        self._chunk = max(1, CHUNK // (slots * each))
        self._since = 0
        self._slot, self._count = 0, 0  # of what waits
        room = max(1, min(samples, WAITING // (each + 8)))
        self._rows = torch.empty(room, dtype=torch.long)
        self._values = torch.empty(room, *rest, dtype=dtype)

    def put(self, slot: int, rows: Tensor, values: Tensor) -> None:
        """`values` [B, *shape] for `rows` [B] in a slot; of a row that is put twice, the later one."""
        if slot != self._slot:
            self.flush()
            self._slot = slot
        room = len(self._rows)
        for some, theirs in zip(torch.split(rows, room), torch.split(values, room), strict=True):
            if self._count + len(some) > room:
                self.flush()
            place = slice(self._count, self._count + len(some))
            self._rows[place], self._values[place] = some, theirs
            self._count += len(some)

    def flush(self) -> None:
        """Writes what waits, stretch by stretch of the file."""
        if not self._count:
            return
        rows, order = self._rows[: self._count].sort(stable=True)
        last = torch.cat([rows[1:] != rows[:-1], torch.ones(1, dtype=torch.bool)])
        rows, order, self._count = rows[last], order[last], 0
        stretches = (rows // self._stretch).bincount().tolist()
        for some, theirs in zip(torch.split(rows, stretches), torch.split(order, stretches), strict=True):
            if len(some):
                self._bits[some, self._slot] = self._values[theirs].view(self._fill.dtype) ^ self._fill
                self._release()

    def read(self, rows: Tensor, slots: int | slice) -> Tensor:
        """[B, *shape] of one slot, or [B, w, *shape] of several."""
        self.flush()
        each = BLOCK * (1 if isinstance(slots, int) else self._bits.shape[1])
        parts = []
        for some in torch.split(rows, max(1, RELEASE_EVERY // each)):
            parts.append(self._values_of(self._bits[some, slots]))
            self._touched(len(some) * each)
        return torch.cat(parts)

    def whole(self) -> Tensor:
        """[N, w, *shape], a copy in memory."""
        return torch.cat([*self.chunks()])

    def chunks(self) -> Iterator[Tensor]:
        """[n, w, *shape] of all rows in order."""
        self.flush()
        for chunk in torch.split(self._bits, self._chunk):
            yield self._values_of(chunk)
            self._touched(CHUNK + chunk.shape[1] * BLOCK)
        self._release()

    def _values_of(self, bits: Tensor) -> Tensor:
        return (bits ^ self._fill).view(self._dtype)

    def _touched(self, size: int) -> None:
        """Counts the bytes that reading made resident, at most, and hands pages back if they are many."""
        self._since += size
        if self._since > RELEASE_EVERY:
            self._release()

    def _release(self) -> None:
        """Hands the mapped pages back; what was written stays in the file."""
        self._since = 0
        if hasattr(mmap, "MADV_DONTNEED"):
            self._array._mmap.madvise(mmap.MADV_DONTNEED)


def new_file(path: Path, size: int) -> None:
    """A file of zeros. Where the system can, its place on the disk is taken at once: were the disk full later, the
    process would end without a word."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                path.unlink()
                raise OSError(error.errno, error.strerror, str(path)) from None
