"""What a file of answers is read into, and what of it cannot be understood."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from overread.cells import safe_cell
from overread.data.problems import Problem, counted, quoted
from overread.file_names import names_of_files
from overread.rle.runs import BadRuns
from overread.store import OUTCOMES

Array = np.ndarray[Any, np.dtype[Any]]
WORDS = tuple(name for name in OUTCOMES if name not in ("label", "undo"))  # answers that are no label
WHOLE = ("unsure", "unreadable", "out-of-scope", "skip")  # said of an image without naming a structure


@dataclass(frozen=True)
class Answer:
    """What somebody said of a label, or of a mask."""

    where: str  # in the file, for a message
    id: str
    reader: str
    outcome: str
    label: str | None = None
    structure: str | None = None
    mask: Array | None = None  # bool [H, W]
    reason: str = ""
    seconds: float | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def said(self) -> tuple[object, ...]:
        """What it says, to compare it with another."""
        mask = None if self.mask is None else (self.mask.shape, np.packbits(self.mask).tobytes())
        return self.outcome, self.label, mask, self.reason


@dataclass(frozen=True)
class Known:
    """The run that a file answers for."""

    run: Path
    ids: Sequence[str]
    classes: Sequence[str]  # of labels
    structures: Sequence[str]  # of masks
    size: Callable[[int], tuple[int, int]]  # (height, width) of the image of a row
    readers: Mapping[str, str] = field(default_factory=dict)  # names of people by what the file calls them
    everybody: str = ""  # who said all of it, where the file names nobody

    def row_by_id(self) -> dict[str, int]:
        """The rows by id; also as a spreadsheet was given it."""
        named = {str(name): row for row, name in enumerate(self.ids)}
        return {**{safe_cell(name): row for name, row in named.items()}, **named}

    def row_by_file(self) -> dict[str, int]:
        """The rows by the name that an export gives their picture."""
        return {f"{name}.png": row for row, name in enumerate(names_of_files([str(one) for one in self.ids]))}


@dataclass
class Faults:
    """What is wrong with a file, by kind."""

    found: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def add(self, what: str, cure: str, where: str) -> None:
        """One more; `what` goes on after "N answers"."""
        self.found.setdefault((what, cure), []).append(where)

    def problems(self) -> list[Problem]:
        """All of them, for one message."""
        return [
            Problem(f"{counted(len(places), 'answer')}: {what}", cure, tuple(places))
            for (what, cure), places in self.found.items()
        ]


def decoded(make: Callable[[], Array], where: str, faults: Faults) -> Array | None:
    """A mask out of run lengths; None where these are broken, which is told."""
    try:
        return make()
    except BadRuns as error:
        faults.add("the mask cannot be read", "export the annotations again.", f"{where}: it {error}")
        return None


def check(answers: Iterable[Answer], known: Known, faults: Faults) -> list[Answer]:
    """The answers that fit the run. What does not is told."""
    good, rows = [], known.row_by_id()
    for one in answers:
        if one.id not in rows:
            faults.add(
                "of no image of this run",
                f"is {known.run} the run that was exported?",
                f"{one.where}: {one.id!r}",
            )
            continue
        for what, cure, shown in _misfits(one, known, rows[one.id]):
            faults.add(what, cure, f"{one.where}: {shown}")
            break
        else:
            good.append(one)
    for first, second in contradictions(good):
        faults.add(
            "two of one reader on the same thing differ",
            "keep one of them.",
            f"{first.where} and {second.where}",
        )
    return good


def _misfits(one: Answer, known: Known, row: int) -> Iterator[tuple[str, str, str]]:
    """What does not fit: the words, the cure, what to show."""
    if not one.reader:
        yield "nobody is named who gave it", "say who: --reader NAME", repr(one.id)
    if one.outcome == "label" and not known.structures and one.label not in known.classes:
        names = f"write a class ({quoted(known.classes)}), or {', '.join(WORDS)}."
        yield "not understood", names, repr(one.label)
    if one.structure is not None and one.structure not in known.structures:
        yield (
            "of no structure of this run",
            f"its structures: {quoted(known.structures)}.",
            repr(one.structure),
        )
    if known.structures and one.structure is None and one.outcome not in WHOLE:
        yield "it names no structure", f"name one of {quoted(known.structures)}.", repr(one.id)
    if one.mask is not None and one.mask.shape != (size := known.size(row)):
        yield (
            "the mask has not the size of its image",
            f"{size[0]} x {size[1]} is expected.",
            f"{one.mask.shape}",
        )


def contradictions(answers: Iterable[Answer]) -> Iterator[tuple[Answer, Answer]]:
    """Pairs in which a reader says two things of one label or mask."""
    first: dict[tuple[str, str, str | None], Answer] = {}
    for one in answers:
        before = first.setdefault((one.id, one.reader, one.structure), one)
        if before.said != one.said:
            yield before, one
