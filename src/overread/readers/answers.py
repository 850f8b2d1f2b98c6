"""The table that everything about readers starts from: who gave which item which class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from overread.errors import InputError, did_you_mean

Array = np.ndarray[Any, np.dtype[Any]]
Said = tuple[str, str, str | None]  # item, reader, class or None


@dataclass(frozen=True)
class Answers:
    """The classes that R readers gave N items. Made by `answers_of` or `table_of`, which check it."""

    codes: Array  # [N, R] int64: index into `classes`; -1 where the reader gave the item none
    classes: tuple[str, ...]  # [C] in their order, where they have one
    groups: Array  # [N] int64: items of one group (patient) are resampled together
    readers: tuple[str, ...]  # [R]
    items: tuple[str, ...]  # [N]

    @cached_property
    def counts(self) -> Array:
        """[N, C] how many readers gave the item the class."""
        return np.stack([(self.codes == code).sum(1) for code in range(len(self.classes))], 1)

    @cached_property
    def often(self) -> Array:
        """[N] how many readers gave the item a class."""
        return np.asarray((self.codes >= 0).sum(1))


def answers_of(
    codes: Array, classes: Sequence[str], groups: Array | None = None, readers: Sequence[str] = ()
) -> Answers:
    """Answers from a table [N, R] of class codes, -1 for none; `groups` [N] are the items themselves if not given.

    >>> answers_of(np.array([[0, 1], [1, 1], [1, -1]]), ("cat", "dog")).counts.tolist()
    [[1, 1], [0, 2], [0, 1]]
    """
    codes = np.asarray(codes)
    problems = list(_problems(codes, classes, groups, readers))
    if problems:
        raise InputError("Answers are a table [items, readers] of class codes. " + " ".join(problems))
    names = tuple(readers) or tuple(f"reader {column + 1}" for column in range(codes.shape[1]))
    groups = np.arange(len(codes)) if groups is None else np.unique(groups, return_inverse=True)[1]
    items = tuple(str(row) for row in range(len(codes)))
    return Answers(codes.astype(np.int64), tuple(classes), groups, names, items)


def _problems(
    codes: Array, classes: Sequence[str], groups: Array | None, readers: Sequence[str]
) -> Iterable[str]:
    if not classes:
        yield "No class is named: give at least one."
    if codes.ndim != 2:
        yield f"This one has {codes.ndim} dimensions: give two, a row an item and a column a reader."
        return
    if not np.issubdtype(codes.dtype, np.integer):
        yield f"These are {codes.dtype}: give integers, -1 for no answer."
    elif codes.size and (codes.min() < -1 or codes.max() >= len(classes)):
        yield (
            f"These reach from {codes.min()} to {codes.max()}: with {len(classes)} classes they are -1 (no answer) "
            f"to {len(classes) - 1}."
        )
    if groups is not None and len(groups) != len(codes):
        yield f"There are {len(codes)} items and {len(groups)} groups: give one group an item."
    if readers and len(readers) != codes.shape[1]:
        yield f"There are {codes.shape[1]} columns and {len(readers)} readers' names: give one a column."


def table_of(said: Iterable[Said], classes: Sequence[str], groups: dict[str, str] | None = None) -> Answers:
    """Answers from (item, reader, class) in the order they were given: a reader's last word on an item counts.

    A class of None takes the reader's former word back (unsure, withdrawn). Rows and columns come in the order of
    first mention. `groups` names the group of each item; items that it does not name are groups by themselves.

    >>> said = [("a", "Ann", "cat"), ("a", "Bob", "dog"), ("b", "Ann", "dog"), ("a", "Bob", "cat")]
    >>> table_of(said, ("cat", "dog")).codes.tolist()
    [[0, 0], [1, -1]]
    """
    code = {name: number for number, name in enumerate(classes)}
    last = {(item, reader): label for item, reader, label in said}
    unknown = sorted({label for label in last.values() if label is not None and label not in code})
    if unknown:
        raise InputError(
            f"{len(unknown)} answers name classes that the data set does not have, "
            f"as {unknown[0]!r}. {did_you_mean(unknown[0], classes)}"
        )
    items = {item: row for row, item in enumerate(dict.fromkeys(item for item, _ in last))}
    readers = {name: column for column, name in enumerate(dict.fromkeys(name for _, name in last))}
    codes = np.full((len(items), len(readers)), -1, np.int64)
    for (item, reader), label in last.items():
        codes[items[item], readers[reader]] = -1 if label is None else code[label]
    named = [("g", groups[item]) if groups and item in groups else ("i", item) for item in items]
    place = {name: number for number, name in enumerate(dict.fromkeys(named))}
    numbers = np.array([place[name] for name in named], np.int64)
    return Answers(codes, tuple(classes), numbers, tuple(readers), tuple(items))
