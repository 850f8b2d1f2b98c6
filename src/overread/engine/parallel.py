"""Several processes that train one network: what they tell each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from overread.errors import FailedElsewhere, InputError, OverreadError
from overread.processes import started

CHUNK = 65_536  # rows a message
T = TypeVar("T")


@dataclass(frozen=True)
class Exchange:
    """This process among `size` of them; alone by default. All must call the same methods in the same order."""

    rank: int = 0
    size: int = 1

    @staticmethod
    def here() -> Exchange:
        """This process among those that `make_fabric` connected."""
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            return Exchange(torch.distributed.get_rank(), torch.distributed.get_world_size())
        return Exchange()

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

    def own(self, folder: Path) -> Path:
        """Where this process keeps files that the others do not touch."""
        return folder / f"process-{self.rank}" if self.size > 1 else folder

    def told(self, value: Any, rank: int = 0) -> Any:
        """What process `rank` has for `value`."""
        if self.size == 1:
            return value
        box = [value if rank == self.rank else None]
        torch.distributed.broadcast_object_list(box, src=rank)
        return box[0]

    def together(self, own: Tensor) -> Tensor:
        """The parts of all processes, one after the other: what `part` cut is whole again, [M, ...]."""
        if self.size == 1:
            return own
        parts = [part for _, part in self.rows(torch.arange(len(own)), lambda rows: own[rows])]
        return torch.cat(parts) if parts else own

    def all(self, value: T) -> list[T]:
        """What each process has for `value`."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(values, value)
        return values

    def mean(self, value: float) -> float:
        """The mean of a number over the processes."""
        return sum(self.all(float(value))) / self.size

    def same_buffers(self, nets: Sequence[nn.Module]) -> None:
        """Gives every process the first one's buffers: batch-norm statistics drift apart while training."""
        if self.size > 1:
            for buffer in (buffer for net in nets for buffer in net.buffers()):
                torch.distributed.broadcast(buffer, src=0)

    def first(self, work: Callable[[], T]) -> T:
        """What `work` gives in the first process, told to all; the others wait. Where it fails, all fail."""
        if self.size == 1:
            return work()
        result, failure = None, None
        if self.rank == 0:
            try:
                result = work()
            except Exception as error:
                self.told((None, _failure(error)))
                raise
        result, failure = self.told((result, failure))
        _fail_with(failure, 0)
        done: T = result
        return done

    def each(self, work: Callable[[], T]) -> T:
        """`work` in every process, the first of each machine before the others, which find what it stored."""
        ahead = self.size == 1 or started().is_first_here
        sooner: Any = self.everywhere(lambda: work() if ahead else None)
        later: Any = self.everywhere(lambda: None if ahead else work())
        mine: T = sooner if ahead else later
        return mine

    def everywhere(self, work: Callable[[], T]) -> T:
        """`work` in every process; where it fails in one, all fail, so that none waits for it in vain."""
        if self.size == 1:
            return work()
        try:
            result = work()
        except Exception as error:
            self.all(_failure(error))
            raise
        for rank, failure in enumerate(self.all(None)):
            _fail_with(failure, rank)
        return result

    def agree(self, value: str, what: str) -> None:
        """Refuses where another process has another `value` than the first."""
        values = self.all(value)
        for rank, other in enumerate(values):
            if other != values[0]:
                raise InputError(
                    f"Process {rank} read other {what} than process 0. All machines must see the same files, under "
                    "the same paths."
                )


def _failure(error: Exception) -> tuple[str, int]:
    """What the other processes are told of an error."""
    return str(error), getattr(error, "exit_code", OverreadError.exit_code)


def _fail_with(failure: tuple[str, int] | None, rank: int) -> None:
    """Fails where process `rank` has failed."""
    if failure is not None:
        raise FailedElsewhere(f"Process {rank} failed: {failure[0]}", failure[1])
