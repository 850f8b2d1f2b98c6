"""The ledger: what is remembered of each sample while networks train."""

from __future__ import annotations

import math
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from overread.engine.parallel import Exchange

MAP_ABOVE = 256 * 2**20  # bytes; larger columns lie in a file
RELEASE_EVERY = 256 * 2**20  # bytes touched in such a file before its pages are handed back


@dataclass(frozen=True)
class Column:
    """One memory per sample. With `window` = w the last w epochs are kept; `WHOLE_RUN` keeps every epoch.

    A `scratch` column is put whole before it is read, so that checkpoints leave it out. What is `evidence` is
    handed back at the end of the run: it must be small for one sample.
    """

    shape: tuple[int, ...] = ()
    dtype: torch.dtype = torch.float32
    fill: float = math.nan
    window: int = 1
    scratch: bool = False
    evidence: bool = True


WHOLE_RUN = -1


class Ledger:
    """Columns keyed by row number: a tensor [N, w, *shape] each; slot = epoch modulo w.

    Large columns with a window, or of scratch, are memory-mapped in `folder`: their file is what a checkpoint
    would hold, since a repeated epoch puts the same values into the same slot.

    >>> ledger = Ledger(2, 3, {"loss": Column(window=WHOLE_RUN)})
    >>> ledger.put("loss", torch.tensor([1]), torch.tensor([0.5]))
    >>> ledger.history("loss")[1].tolist()
    [0.5, nan, nan]
    """

    def __init__(
        self,
        samples: int,
        epochs: int,
        columns: dict[str, Column],
        folder: Path | None = None,
        fresh: bool = True,
    ) -> None:
        """`folder` is for files of large columns; they are begun anew where `fresh`, else taken as they are."""
        self.epoch = 0
        self.columns = columns
        self._folder = folder
        self._files: dict[str, Mapped] = {}
        self._data: dict[str, Tensor] = {}
        self._put: dict[str, list[Tensor]] = {name: [] for name in columns}
        for name, column in columns.items():
            slots = epochs if column.window == WHOLE_RUN else column.window
            shape = (samples, slots, *column.shape)
            if folder is not None and plan(column, shape) == "file":
                self._files[name] = Mapped(folder / f"{name}.column", shape, column, fresh)
                self._data[name] = self._files[name].data
            else:
                self._data[name] = torch.full(shape, column.fill, dtype=column.dtype)

    def put(self, name: str, ids: Tensor, values: Tensor) -> None:
        """Remembers `values` [B, *shape] for rows `ids` [B] in this epoch. Gradients stop here."""
        data, rows = self._data[name], ids.cpu()
        data[rows, self.epoch % data.shape[1]] = values.detach().to("cpu", data.dtype)
        self._put[name].append(rows)
        self._touched(name, len(rows))

    def put_all(self, name: str, values: Tensor) -> None:
        """Remembers `values` [N, *shape] for all rows in this epoch; all processes must put the same."""
        data = self._data[name]
        data[:, self.epoch % data.shape[1]] = values.detach().to("cpu", data.dtype)

    def get(self, name: str, ids: Tensor) -> Tensor:
        """What was last put for rows `ids` in this epoch's slot: [B, *shape] on the device of `ids`."""
        data = self._data[name]
        return data[ids.cpu(), self.epoch % data.shape[1]].to(ids.device)

    def window(self, name: str, ids: Tensor) -> Tensor:
        """All slots of rows `ids`: [B, w, *shape] on the device of `ids`, in the order of the slots."""
        values = self._data[name][ids.cpu()]
        self._touched(name, len(ids) * values.shape[1])
        return values.to(ids.device)

    def history(self, name: str) -> Tensor:
        """The whole column [N, w, *shape]; while w covers the run, slot e is epoch e. Read, do not write."""
        return self._data[name]

    def gather(self, exchange: Exchange) -> None:
        """Makes the ledger whole: what each process put since the last time is put on all the others."""
        for name, put in self._put.items():
            if exchange.size > 1:
                own = torch.unique(torch.cat(put)) if put else torch.empty(0, dtype=torch.long)
                self._hear(name, own, exchange)
            put.clear()

    def _hear(self, name: str, own: Tensor, exchange: Exchange) -> None:
        data = self._data[name]
        slot = self.epoch % data.shape[1]
        for rows, values in exchange.rows(own, lambda part: data[part, slot]):
            data[rows, slot] = values
            self._touched(name, len(rows))

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint keeps: the columns in memory, without scratch."""
        return {n: d for n, d in self._data.items() if n not in self._files and not self.columns[n].scratch}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes back what `state` gave."""
        for name, values in state.items():
            self._data[name].copy_(values)

    def close(self) -> None:
        """Removes the files of large columns; the ledger is not used afterwards."""
        for file in self._files.values():
            file.path.unlink(missing_ok=True)

    def _touched(self, name: str, values: int) -> None:
        if name in self._files:
            self._files[name].touched(values)


def plan(column: Column, shape: tuple[int, ...]) -> str:
    """Where a column of `shape` lies: `file` or `memory`."""
    can_lie_in_file = column.window > 1 or column.scratch
    return "file" if can_lie_in_file and size(column, shape) > MAP_ABOVE else "memory"


def size(column: Column, shape: tuple[int, ...]) -> int:
    """Bytes that a column of `shape` takes."""
    return math.prod(shape) * torch.empty(0, dtype=column.dtype).element_size()


class Mapped:
    """A column in a file, mapped into memory; its pages are handed back to the system now and then."""

    def __init__(self, path: Path, shape: tuple[int, ...], column: Column, fresh: bool) -> None:
        self.path = path
        kind = torch.empty(0, dtype=column.dtype).numpy().dtype
        begun = fresh or not path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._array: Any = np.memmap(path, dtype=kind, mode="w+" if begun else "r+", shape=shape)
        self.data = torch.from_numpy(self._array)
        self._each = size(column, shape[2:]) + mmap.PAGESIZE  # bytes that one value touches, at most
        self._since = 0
        if begun and column.fill != 0:
            rows = max(1, RELEASE_EVERY // size(column, shape[1:]))
            for start in range(0, shape[0], rows):
                self.data[start : start + rows] = column.fill
                self.release()

    def touched(self, values: int) -> None:
        """Counts the values read or written, and hands pages back after `RELEASE_EVERY` bytes of them."""
        self._since += values * self._each
        if self._since > RELEASE_EVERY:
            self.release()

    def release(self) -> None:
        """Hands the mapped pages back; what was written stays in the file."""
        self._since = 0
        if hasattr(mmap, "MADV_DONTNEED"):
            self._array._mmap.madvise(mmap.MADV_DONTNEED)
