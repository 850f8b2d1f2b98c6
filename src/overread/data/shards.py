"""Folders of tables, as data sets lie on hubs: Parquet in shards, and splits with their own metadata."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from overread.data.forms import IGNORED, TABLES
from overread.data.manifest import Strings
from overread.data.options import DataOptions
from overread.data.problems import counted, quoted
from overread.data.samples import SPLITS, strings
from overread.data.sheet import Sheet, read_sheet
from overread.errors import InputError

SHARD = re.compile(
    r"(?P<split>.+?)-(?P<number>\d{5})-of-(?P<count>\d{5})(-[0-9a-f]+)?\.parquet", re.IGNORECASE
)
NAMED = re.compile(
    rf"(?P<split>{'|'.join(sorted(SPLITS, key=len, reverse=True))})([-_.].*)?\.parquet", re.IGNORECASE
)
SAVED = (
    ("dataset_dict.json",),
    ("dataset_info.json", "state.json"),
)  # beside the Arrow files of save_to_disk


@dataclass(frozen=True)
class Shard:
    """A table of a folder, and the split that its name tells."""

    path: Path
    split: str


def sheet_of(path: Path, options: DataOptions) -> Sheet | None:
    """The table that a file or a folder is; None of a folder that is none.

    Paths in it start from `path`, or from the folder of the file.
    """
    if not path.is_dir():
        return read_sheet(path)
    table = next((path / name for name in TABLES if (path / name).is_file()), None)
    if table:
        return read_sheet(table)
    shards = shards_in(path, options)
    return joined(path, shards, options) if shards else None


def shards_in(folder: Path, options: DataOptions) -> list[Shard]:
    """The tables of the data set in a folder: in it, in its `data`, or in the one folder below that has some."""
    if any(all((folder / name).is_file() for name in names) for names in SAVED):
        raise InputError(
            f"{folder} was written by save_to_disk of Hugging Face's datasets, as Arrow. Write each split as Parquet "
            "(ds['train'].to_parquet('my-data/train.parquet')), and give that folder."
        )
    for base in (folder, folder / "data"):
        if found := _in(base, options):
            return found
    below = {inner: found for inner in _folders(folder) if (found := _parquet(inner, options))}
    if len(below) > 1:
        names = quoted(inner.name for inner in below)
        raise InputError(f"{folder} holds several data sets: {names}. Give one of them: {next(iter(below))}")
    return next(iter(below.values()), [])


def joined(folder: Path, shards: list[Shard], options: DataOptions) -> Sheet:
    """The rows of all shards, with a column `split` where they have none and paths from `folder`."""
    sheets = [_placed(folder, shard, read_sheet(shard.path)) for shard in shards]
    counts = [len(sheet.lines) for sheet in sheets]
    names = list(dict.fromkeys(name for sheet in sheets for name in sheet.columns))
    columns = {name: _column([sheet.columns.get(name) for sheet in sheets], counts) for name in names}
    if "split" not in columns and not options.split_col:
        splits = (shard.split for shard, count in zip(shards, counts, strict=True) for _ in range(count))
        columns["split"] = strings(splits)
    files = list(dict.fromkeys(name for sheet in sheets for name in sheet.files))
    return Sheet(
        folder,
        columns,
        np.arange(1, sum(counts) + 1),
        [*(note for sheet in sheets for note in sheet.notes), *_told(folder, shards, options)],
        [problem for sheet in sheets for problem in sheet.problems],
        {name: _column([sheet.files.get(name) for sheet in sheets], counts) for name in files},
        _column([sheet.folders for sheet in sheets], counts),
    )


def _in(base: Path, options: DataOptions) -> list[Shard]:
    """The tables of splits that have a folder each, or the Parquet files."""
    inner = _splits(base, options)
    tables = [
        Shard(folder / name, folder.name) for folder in inner for name in TABLES if (folder / name).is_file()
    ]
    first = {shard.path.parent: shard for shard in reversed(tables)}  # of each folder the first that counts
    return [first[folder] for folder in inner if folder in first] or _parquet(base, options)


def _parquet(base: Path, options: DataOptions) -> list[Shard]:
    """The Parquet files of a folder whose names tell a split, and those in folders of splits."""
    own = [Shard(base / name, split) for name in _files(base) if (split := _split(name, options))]
    return own + [
        Shard(inner / name, inner.name) for inner in _splits(base, options) for name in _files(inner)
    ]


def _split(name: str, options: DataOptions) -> str:
    """The split that the name of a Parquet file tells, or "".

    `train-00000-of-00002.parquet` tells train, and so does `plain_text-train-00000-of-00002.parquet`.
    """
    if Path(name).stem in (options.split_map or {}):
        return Path(name).stem
    found = SHARD.fullmatch(name) or NAMED.fullmatch(name)
    if not found:
        return ""
    words = [word for word in re.split(r"[-_.]", found["split"]) if word.lower() in SPLITS]
    return words[0] if len(words) == 1 else found["split"]


def _splits(base: Path, options: DataOptions) -> list[Path]:
    """The folders of a folder that are called like splits."""
    names = {*SPLITS, *(name.lower() for name in options.split_map or {})}
    return [inner for inner in _folders(base) if inner.name.lower() in names]


def _folders(base: Path) -> list[Path]:
    return [base / entry.name for entry in _entries(base) if os.path.isdir(entry.path)]  # no error of a link


def _files(base: Path) -> list[str]:
    names = [entry.name for entry in _entries(base) if os.path.isfile(entry.path)]
    return [name for name in names if name.lower().endswith(".parquet")]


def _entries(base: Path) -> list[os.DirEntry[str]]:
    """What lies in a folder, by name, without what is hidden; nothing where it cannot be read."""
    try:
        with os.scandir(base) as entries:
            seen = [one for one in entries if one.name[0] != "." and one.name.lower() not in IGNORED]
    except OSError:
        return []
    return sorted(seen, key=lambda one: one.name)


def _column(parts: Iterable[Strings | None], counts: list[int]) -> Strings:
    """A column of all shards; empty where a shard has none."""
    each = ([""] * count if part is None else list(part) for part, count in zip(parts, counts, strict=True))
    return strings(cell for cells in each for cell in cells)


def _placed(folder: Path, shard: Shard, sheet: Sheet) -> Sheet:
    """A sheet whose rows know the folder that their paths start from."""
    own = shard.path.parent.relative_to(folder).as_posix()
    return replace(sheet, folders=strings(["" if own == "." else f"{own}/"] * len(sheet.lines)))


def _told(folder: Path, shards: list[Shard], options: DataOptions) -> list[str]:
    """What the user should know of the tables that were found, and of those that were not."""
    names = [shard.path.relative_to(folder).as_posix() for shard in shards]
    notes = [f"The samples are listed in {counted(len(names), 'table')}: {quoted(names, most=5)}."]
    read = (SHARD.fullmatch(shard.path.name) for shard in shards)
    have = Counter((found["split"], int(found["count"])) for found in read if found)
    for (split, count), here in have.items():
        if here < count:
            notes.append(
                f"Of the {count:,} files of {split!r} {count - here:,} are not there: the data are not complete."
            )
    base = shards[0].path.parent.parent
    if shards[0].path.name in TABLES and (
        bare := [
            inner.name
            for inner in _splits(base, options)
            if inner.name not in {shard.split for shard in shards}
        ]
    ):
        notes.append(f"Not read, for there is no table in them: {quoted(name + '/' for name in bare)}.")
    return notes
