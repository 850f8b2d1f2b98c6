"""The ledger: what is remembered of each sample while networks train."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from overread.engine.parallel import Exchange
from overread.engine.storage import Held, Mapped

MAP_ABOVE = 256 * 2**20  # bytes; larger columns lie in a file


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
        self._kept: dict[str, Held | Mapped] = {}
        self._slots = {n: epochs if c.window == WHOLE_RUN else c.window for n, c in columns.items()}
        self._put: dict[str, list[Tensor]] = {name: [] for name in columns}
        for name, column in columns.items():
            shape = (samples, self._slots[name], *column.shape)
            if folder is not None and plan(column, shape) == "file":
                path = folder / f"{name}.column"
                self._kept[name] = Mapped(path, shape, column.dtype, column.fill, fresh)
            else:
                self._kept[name] = Held(shape, column.dtype, column.fill)

    def put(self, name: str, ids: Tensor, values: Tensor) -> None:
        """Remembers `values` [B, *shape] for rows `ids` [B] in this epoch. Gradients stop here."""
        rows = ids.cpu()
        self._write(name, rows, values)
        self._put[name].append(rows)

    def put_all(self, name: str, values: Tensor) -> None:
        """Remembers `values` [N, *shape] for all rows in this epoch; all processes must put the same."""
        self._write(name, torch.arange(len(values)), values)

    def get(self, name: str, ids: Tensor) -> Tensor:
        """What was last put for rows `ids` in this epoch's slot: [B, *shape] on the device of `ids`."""
        return self._kept[name].read(ids.cpu(), self._slot(name)).to(ids.device)

    def window(self, name: str, ids: Tensor) -> Tensor:
        """All slots of rows `ids`: [B, w, *shape] on the device of `ids`, in the order of the slots."""
        return self._kept[name].read(ids.cpu(), slice(None)).to(ids.device)

    def history(self, name: str) -> Tensor:
        """The whole column [N, w, *shape]; while w covers the run, slot e is epoch e. Read, do not write.

        Of a large column it is a copy in memory: of that take `chunks`.
        """
        return self._kept[name].whole()

    def chunks(self, name: str) -> Iterator[Tensor]:
        """The whole column as [n, w, *shape], all rows in order; each is good until the next is asked for."""
        return self._kept[name].chunks()

    def _slot(self, name: str) -> int:
        return self.epoch % self._slots[name]

    def _write(self, name: str, rows: Tensor, values: Tensor) -> None:
        values = values.detach().to("cpu", self.columns[name].dtype)
        self._kept[name].put(self._slot(name), rows, values)

    def gather(self, exchange: Exchange) -> None:
        """Makes the ledger whole: what each process put since the last time is put on all the others."""
        if exchange.size > 1:
            own = {name: torch.unique(torch.cat(put)) for name, put in self._put.items() if put}
            somewhere = {name for names in exchange.all(list(own)) for name in names}
            for name in filter(somewhere.__contains__, self.columns):  # in one order everywhere
                self._hear(name, own.get(name, torch.empty(0, dtype=torch.long)), exchange)
        for name in self.columns:
            self._put[name].clear()
            self._kept[name].flush()

    def _hear(self, name: str, own: Tensor, exchange: Exchange) -> None:
        kept, slot = self._kept[name], self._slot(name)
        for rows, values in exchange.rows(own, lambda part: kept.read(part, slot)):
            kept.put(slot, rows, values)

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint keeps: the columns in memory, without scratch."""
        held = {name: kept for name, kept in self._kept.items() if isinstance(kept, Held)}
        return {name: kept.whole() for name, kept in held.items() if not self.columns[name].scratch}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes back what `state` gave."""
        for name, values in state.items():
            self._kept[name].whole().copy_(values)

    def close(self) -> None:
        """Removes the files of large columns; the ledger is not used afterwards."""
        for kept in self._kept.values():
            if isinstance(kept, Mapped):
                kept.path.unlink(missing_ok=True)


def plan(column: Column, shape: tuple[int, ...]) -> str:
    """Where a column of `shape` lies: `file` or `memory`."""
    can_lie_in_file = column.window > 1 or column.scratch
    return "file" if can_lie_in_file and size(column, shape) > MAP_ABOVE else "memory"


def size(column: Column, shape: tuple[int, ...]) -> int:
    """Bytes that a column of `shape` takes."""
    return math.prod(shape) * torch.empty(0, dtype=column.dtype).element_size()
