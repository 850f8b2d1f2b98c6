"""Groups (patients, lesions, slides): from a table of their own, and those that cross given splits."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from overread.data.columns import find_column
from overread.data.manifest import Strings
from overread.data.options import DataOptions
from overread.data.problems import Problem, counted
from overread.data.samples import Samples, is_missing, strings
from overread.data.sheet import Sheet, read_sheet
from overread.errors import InputError


def add_groups(samples: Samples, options: DataOptions) -> Samples:
    """The samples with the groups of `--groups FILE`; an image without a row in it is a problem."""
    if options.groups is None:
        return samples
    if options.group_col:
        raise InputError("--group-col and --groups both say which images belong together. Give one of them.")
    path = Path(options.groups).expanduser()
    sheet = read_sheet(path)
    image, group = _columns(sheet)
    names = [str(name).strip() for name in sheet.columns[group]]
    cells = [str(cell).strip() for cell in sheet.columns[image]]
    wanted = [_place(samples.root, name) for name in samples.images]
    bases = (samples.root, path.absolute().parent)
    tables = [{_place(base, cell): name for cell, name in zip(cells, names, strict=True)} for base in bases]
    best = max(tables, key=lambda table: sum(place in table for place in wanted))
    found = strings(best.get(place, "") for place in wanted)
    problems = [*sheet.problems, *_unmatched(samples, found, path), *_contradictions(cells, names, path)]
    return replace(
        samples,
        groups=found,
        guessed=samples.guessed | {"groups": f"{path.name}: {group} by {image}"},
        notes=[*samples.notes, *sheet.notes],
        problems=[*samples.problems, *problems],
    )


def groups_across_splits(samples: Samples) -> list[str]:
    """The groups that have images in more than one split."""
    splits: dict[str, set[str]] = {}
    for group, split in zip(samples.groups, samples.splits, strict=True):
        if group and split:
            splits.setdefault(group, set()).add(split)
    return sorted(group for group, found in splits.items() if len(found) > 1)


def _columns(sheet: Sheet) -> tuple[str, str]:
    """The image and the group column of a table of groups; of two columns the other one is the group."""
    image = find_column(sheet, "image")
    group = find_column(sheet, "group")
    others = [name for name in sheet.columns if name != image]
    if image and not group and len(others) == 1:
        group = others[0]
    if not image or not group:
        have = ", ".join(sheet.columns)
        raise InputError(
            f"--groups {sheet.path}: expected the columns image and group; the columns are: {have}."
        )
    return image, group


def _place(root: Path, name: object) -> str:
    """One spelling of where an image lies."""
    return os.path.normpath(os.path.join(root, str(name).strip().replace("\\", "/")))


def _unmatched(samples: Samples, found: Strings, path: Path) -> list[Problem]:
    lacking = is_missing(found)
    images = tuple(str(name) for name in samples.images[lacking])
    if not images:
        return []
    what = f"{len(images):,} of {counted(len(samples), 'image')} have no group in {path}"
    cure = f"give each image a row; paths start from {samples.root} or from the folder of the table."
    return [Problem(what, cure, images)]


def _contradictions(cells: list[str], names: list[str], path: Path) -> list[Problem]:
    first: dict[str, str] = {}
    twice = [cell for cell, name in zip(cells, names, strict=True) if first.setdefault(cell, name) != name]
    what = f"{counted(len(twice), 'image has', 'images have')} two groups in {path}"
    return [Problem(what, "keep one row for each image.", tuple(twice))] if twice else []
