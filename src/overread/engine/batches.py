"""Which samples make a batch, and in which order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from overread.engine.method import Batch
from overread.engine.samples import Samples


def shuffled(rows: Tensor, batch_size: int, generator: torch.Generator) -> Sequence[Tensor]:
    """Batches of nearly equal size, at most `batch_size`: a short last one would weigh its samples more.

    >>> [len(b) for b in shuffled(torch.arange(65), 64, torch.Generator())]
    [33, 32]
    """
    return split(rows[torch.randperm(len(rows), generator=generator)], batch_size)


def balanced(rows: Tensor, y: Tensor, batch_size: int, generator: torch.Generator) -> Sequence[Tensor]:
    """As many batches as `shuffled`, drawn with replacement so that each label `y` [M] comes equally often."""
    weights = 1.0 / torch.bincount(y).double()[y]
    return split(rows[torch.multinomial(weights, len(rows), True, generator=generator)], batch_size)


def split(order: Tensor, batch_size: int) -> Sequence[Tensor]:
    """`order` cut into batches of nearly equal size."""
    return order.tensor_split(math.ceil(len(order) / batch_size))


def in_order(samples: Samples, rows: Tensor, device: torch.device, size: int = 0) -> Iterator[Batch]:
    """The samples of `rows` in order, not augmented, `size` at a time (256, or 16 with masks)."""
    size = size or (16 if samples.have_masks else 256)
    return ahead(torch.split(rows, size), lambda part: samples.batch(part, device), device)


def ahead(parts: Sequence[Tensor], make: Callable[[Tensor], Batch], device: torch.device) -> Iterator[Batch]:
    """`make(part)` for each part; a GPU finds the next one ready when it is done with one."""
    if device.type == "cpu":
        yield from map(make, parts)
        return
    with ThreadPoolExecutor(1) as pool:
        waiting = [pool.submit(make, part) for part in parts[:2]]
        for part in [*parts[2:], *([None] * min(2, len(parts)))]:
            batch = waiting.pop(0).result()
            if part is not None:
                waiting.append(pool.submit(make, part))
            yield batch
