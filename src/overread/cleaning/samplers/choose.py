"""A sampler from its name, and a round's samples from a sampler."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.cleaning.pool import Pool
from overread.cleaning.samplers import SAMPLERS
from overread.cleaning.samplers.balanced import Balanced, Sampler
from overread.cleaning.samplers.order import check_budget
from overread.errors import InputError
from overread.registry import load

Array = np.ndarray[Any, np.dtype[Any]]


def make(name: str, balanced: bool = False) -> Sampler:
    """The sampler called `name` (or `path/file.py:NAME`), with its budget spread over the classes if asked.

    >>> make("entropy").__name__
    'entropy'
    """
    sampler: Sampler = load("sampler", name, SAMPLERS)
    if not callable(sampler):
        raise InputError(
            f"The sampler {name!r} must be a function (pool, budget, rng) -> rows, got {sampler!r}."
        )
    return Balanced(sampler) if balanced else sampler


def choose(sampler: Sampler, pool: Pool, budget: int, rng: np.random.Generator) -> Array:
    """[<= budget] int64 rows to ask about, in order; what a user's own sampler hands back is checked."""
    check_budget(budget)
    rows = np.asarray(sampler(pool, budget, rng))
    if len(rows) == 0:
        return np.empty(0, np.int64)
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise InputError(
            f"A sampler must return row numbers [n], whole numbers, got {rows.dtype} {list(rows.shape)}."
        )
    problems = [f"{len(rows)} rows for a budget of {budget}"] if len(rows) > budget else []
    if outside := int(((rows < 0) | (rows >= len(pool))).sum()):
        problems.append(f"{outside} rows outside 0 .. {len(pool) - 1}")
    elif barred := int((~pool.askable[rows]).sum()):
        problems.append(f"{barred} rows that may not be asked about")
    if twice := len(rows) - len(np.unique(rows)):
        problems.append(f"{twice} rows twice")
    if problems:
        raise InputError("The sampler returned " + ", ".join(problems) + ".")
    return rows.astype(np.int64)
