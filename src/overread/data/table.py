"""Reads a table of images with labels or masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from overread.data.columns import Columns, choose_columns
from overread.data.manifest import Strings
from overread.data.mask_columns import add_masks
from overread.data.options import DataOptions
from overread.data.problems import Problem, counted
from overread.data.readings import gathered
from overread.data.samples import Samples, is_missing, strings
from overread.data.sheet import Sheet, read_sheet


def read_table(path: Path, options: DataOptions) -> Samples:
    """The samples of a table. Relative image paths start from its folder."""
    return samples_of(read_sheet(path), path.absolute().parent, options)


def samples_of(sheet: Sheet, root: Path, options: DataOptions) -> Samples:
    """The samples that a table lists; relative image paths start from `root`."""
    columns = choose_columns(sheet, options)
    sheet = sheet.at_home([columns.image, *columns.masks.given.values(), *columns.masks.true.values()])
    images = sheet.columns[columns.image]
    named = np.array([bool(str(image).strip()) for image in images], dtype=bool)
    samples = Samples(
        kind="table",
        root=root,
        ids=_trimmed(sheet.columns[columns.id]) if columns.id else _own_names(sheet, columns.image),
        images=images,
        labels=_optional(sheet, columns.label)
        if options.labels == "optional" or columns.masks.given
        else _trimmed(sheet.columns[columns.label]),
        groups=_optional(sheet, columns.group),
        splits=_optional(sheet, columns.split),
        true=_trimmed(sheet.columns[columns.true]) if columns.true else None,
        verified=_trimmed(sheet.columns[columns.verified]) if columns.verified else None,
        guessed=dict(columns.guessed),
        notes=[*sheet.notes, *_spaces(sheet, columns)],
        problems=[*sheet.problems, *_nameless(sheet, named)],
    )
    found = add_masks(samples, sheet, columns.masks, options.labels == "optional").take(np.flatnonzero(named))
    if not options.reader_col:
        return found
    return gathered(found, _trimmed(sheet.columns[options.reader_col])[named])


def _own_names(sheet: Sheet, image: str) -> Strings:
    """[N] what the images are called: by their paths, or in the table that holds them, where these names differ."""
    names = sheet.files.get(image)
    is_name = names is not None and "" not in names and len(set(names)) == len(names)
    return _trimmed(names) if names is not None and is_name else sheet.columns[image]


def _trimmed(column: Strings) -> Strings:
    return strings(str(cell).strip() for cell in column)


def _optional(sheet: Sheet, name: str) -> Strings:
    """[N] the column with "" where a cell is empty or `nan`; all "" where there is no such column."""
    if not name:
        return strings([""] * len(sheet.lines))
    column = _trimmed(sheet.columns[name])
    column[is_missing(column)] = ""
    return column


def _nameless(sheet: Sheet, named: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[Problem]:
    lines = tuple(f"line {line}" for line in sheet.lines[~named])
    what = f"{counted(len(lines), 'row has', 'rows have')} no image"
    return [Problem(what, "write the path of the image, or remove these rows.", lines)] if lines else []


def _spaces(sheet: Sheet, columns: Columns) -> list[str]:
    """A note where labels had spaces around them."""
    if not columns.label:
        return []
    labels = sheet.columns[columns.label]
    count = sum(label != str(label).strip() for label in labels)
    return [f"{counted(count, 'label')} had spaces around it; they were taken off."] if count else []
