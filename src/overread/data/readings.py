"""Long tables of several annotators, a row an image and reader: gathered by image, and settled by majority."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from overread.data.manifest import Strings
from overread.data.problems import Problem, counted
from overread.data.samples import Samples, is_missing, strings
from overread.readers.answers import Answers, table_of
from overread.readers.consensus import leading

CLASH = {"groups": "group", "splits": "split", "true": "true label", "verified": "word in 'verified'"}


class Said(NamedTuple):
    """A row: who said what."""

    reader: str
    label: str  # "" where the reader gave none


@dataclass(frozen=True)
class OneImage:
    """What was said of an image, in the order of the table. All slices of a volume share it."""

    name: str
    said: tuple[Said, ...]

    @property
    def last(self) -> dict[str, str]:
        """The last word of each reader; who gave no label is left out."""
        return {one.reader: one.label for one in self.said if one.label}


def gathered(samples: Samples, readers: Strings) -> Samples:
    """Rows of an image become one sample, without a label yet; `readers` [N] say whose each row is.

    The id of an image is what the column `id` says where that is the same in all its rows, else its path.
    """
    rows: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(samples.images):
        rows[os.path.normpath(str(name).strip().replace("\\", "/"))].append(row)
    every = list(rows.values())
    first = np.array([own[0] for own in every], dtype=np.int64)
    labels = strings(samples.labels)
    labels[is_missing(labels)] = ""
    said = [tuple(Said(str(readers[row]).strip(), str(labels[row])) for row in own) for own in every]
    found = samples.take(first)
    own_ids = all(len({samples.ids[row] for row in own}) == 1 for own in every)
    return replace(
        found,
        ids=found.ids if own_ids else found.images,
        labels=strings([""] * len(first)),
        readings=strings(
            OneImage(str(samples.images[own[0]]), one) for own, one in zip(every, said, strict=True)
        ),
        problems=[*samples.problems, *_clashes(samples, every), *_nameless(samples, readers)],
    )


def mapped(readings: Strings, new: Mapping[str, str]) -> Strings:
    """The readings with other names of classes."""
    return strings(
        replace(one, said=tuple(said._replace(label=new.get(said.label, said.label)) for said in one.said))
        for one in readings
    )


def labels_in(samples: Samples) -> set[str]:
    """The names of classes that samples bear, or that readers gave."""
    read = () if samples.readings is None else samples.readings
    true = () if samples.true is None else samples.true
    return {*samples.labels, *true, *(said.label for one in read for said in one.said)}


def agreed(samples: Samples) -> Samples:
    """The samples with the consensus of their readers as labels; "" where nobody gave one."""
    if samples.readings is None or not len(samples):
        return samples
    readings = mapped(samples.readings, {name: "" for name in labels_in(samples) if _is_empty(name)})
    answers = answers_of_images({str(row): one for row, one in enumerate(readings)})
    names = strings([*answers.classes, ""])
    place = {item: row for row, item in enumerate(answers.items)}
    codes = leading(answers)
    labels = strings(
        names[codes[place[str(row)]]] if str(row) in place else "" for row in range(len(samples))
    )
    return replace(samples, labels=labels, readings=readings)


def answers_of_images(images: Mapping[str, OneImage], groups: dict[str, str] | None = None) -> Answers:
    """The last word of each reader on each image, by the names that these have here."""
    said = [(name, *word) for name, one in images.items() for word in one.last.items()]
    return table_of(said, sorted({label for _, _, label in said}) or [""], groups)


def _is_empty(name: str) -> bool:
    return bool(is_missing(strings([name]))[0])


def _clashes(samples: Samples, every: list[list[int]]) -> list[Problem]:
    """Images whose rows contradict each other in what is no reader's opinion."""
    problems = []
    for field, name in CLASH.items():
        column = getattr(samples, field)
        if column is None:
            continue
        odd = [own for own in every if len({str(column[row]) for row in own}) > 1]
        shown = tuple(f"{samples.images[own[0]]}: {_listed(column, own)}" for own in odd)
        what = f"{counted(len(odd), 'image has', 'images have')} more than one {name} in the rows of their readers"
        cure = f"write the same {name} in all rows of an image."
        problems += [Problem(what, cure, shown)] if odd else []
    return problems


def _listed(column: Strings, rows: list[int]) -> str:
    return ", ".join(f"'{name}'" for name in Counter(str(column[row]) for row in rows))


def _nameless(samples: Samples, readers: Strings) -> list[Problem]:
    lacking = is_missing(readers)
    images = tuple(str(name) for name in samples.images[lacking])
    what = f"{counted(len(images), 'row names', 'rows name')} no reader"
    cure = "write who read the image, or remove these rows."
    return [Problem(what, cure, images)] if images else []
