"""The ledger: what is remembered of each sample while networks train."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Column:
    """One memory per sample. With `window` = w the last w epochs are kept; `WHOLE_RUN` keeps every epoch."""

    shape: tuple[int, ...] = ()
    dtype: torch.dtype = torch.float32
    fill: float = math.nan
    window: int = 1


WHOLE_RUN = -1


class Ledger:
    """Columns keyed by row number: a tensor [N, w, *shape] each; slot = epoch modulo w.

    >>> ledger = Ledger(2, 3, {"loss": Column(window=WHOLE_RUN)})
    >>> ledger.put("loss", torch.tensor([1]), torch.tensor([0.5]))
    >>> ledger.history("loss")[1].tolist()
    [0.5, nan, nan]
    """

    def __init__(self, samples: int, epochs: int, columns: dict[str, Column]) -> None:
        self.epoch = 0
        self.columns = columns
        self._data = {
            name: torch.full(
                (samples, epochs if column.window == WHOLE_RUN else column.window, *column.shape),
                column.fill,
                dtype=column.dtype,
            )
            for name, column in columns.items()
        }

    def put(self, name: str, ids: Tensor, values: Tensor) -> None:
        """Remembers `values` [B, *shape] for rows `ids` [B] in this epoch. Gradients stop here."""
        data = self._data[name]
        data[ids.cpu(), self.epoch % data.shape[1]] = values.detach().to("cpu", data.dtype)

    def get(self, name: str, ids: Tensor) -> Tensor:
        """What was last put for rows `ids`: [B, *shape] on the device of `ids`."""
        data = self._data[name]
        return data[ids.cpu(), self.epoch % data.shape[1]].to(ids.device)

    def history(self, name: str) -> Tensor:
        """The whole column [N, w, *shape]; while w covers the run, slot e is epoch e."""
        return self._data[name]

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint keeps."""
        return dict(self._data)

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes back what `state` gave."""
        for name, values in state.items():
            self._data[name].copy_(values)
