"""Several processes that train one network: what they tell each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

CHUNK = 65_536  # rows a message


@dataclass(frozen=True)
class Exchange:
    """This process among `size` of them; alone by default. All must call the same methods in the same order."""

    rank: int = 0
    size: int = 1

    @staticmethod
    def of(fabric: Any) -> Exchange:
        """The processes of a launched Fabric."""
        return Exchange(fabric.global_rank, fabric.world_size)

    def part(self, rows: Tensor) -> Tensor:
        """This process's contiguous share of `rows`; shares differ by one row at most.

        >>> [Exchange(rank, 2).part(torch.arange(5)).tolist() for rank in (0, 1)]
        [[0, 1, 2], [3, 4]]
        """
        return rows.tensor_split(self.size)[self.rank]

    def rows(self, own: Tensor, values: Callable[[Tensor], Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """Every process's rows with their values, in order of the processes, a chunk at a time.

        `values(rows)` gives this process's own.
        """
        for rank in range(self.size):
            for start in range(0, self.told(len(own), rank), CHUNK):
                mine = own[start : start + CHUNK]
                yield self.told((mine, values(mine)) if rank == self.rank else None, rank)

    def told(self, value: Any, rank: int) -> Any:
        """What process `rank` has for `value`."""
        if self.size == 1:
            return value
        box = [value if rank == self.rank else None]
        torch.distributed.broadcast_object_list(box, src=rank)
        return box[0]

    def together(self, own: Tensor) -> Tensor:
        """The parts of all processes, one after the other: what `part` cut is whole again, [M, ...]."""
        return torch.cat([self.told(own, rank) for rank in range(self.size)])

    def mean(self, value: float) -> float:
        """The mean of a number over the processes."""
        return sum(float(self.told(value, rank)) for rank in range(self.size)) / self.size

    def same_buffers(self, nets: Sequence[nn.Module]) -> None:
        """Gives every process the first one's buffers: batch-norm statistics drift apart while training."""
        if self.size > 1:
            for buffer in (buffer for net in nets for buffer in net.buffers()):
                torch.distributed.broadcast(buffer, src=0)
