"""A CSV or TSV file as columns of text: nothing is converted, nothing is dropped in silence."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from overread.data.formats.columnar import json_columns, parquet_columns
from overread.data.manifest import Ints, Strings
from overread.data.problems import Problem, counted, quoted, refuse, short
from overread.data.samples import strings
from overread.errors import InputError, did_you_mean

SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Sheet:
    """A table of R rows, every cell text as it stands in the file."""

    path: Path
    columns: dict[str, Strings]  # each [R]
    lines: Ints  # [R] the line of the file, the header is 1
    notes: list[str]
    problems: list[Problem]
    files: dict[str, Strings] = field(
        default_factory=dict
    )  # of columns that hold files [R] what these were called
    folders: Strings | None = (
        None  # [R] where the paths of each row start, "images/", from the folder of the table
    )

    def at_home(self, names: Iterable[str]) -> Sheet:
        """The sheet with the paths in the columns `names` from the folder of the table."""
        if self.folders is None:
            return self
        return replace(self, columns=self.columns | {name: self._from_home(name) for name in names if name})

    def _from_home(self, name: str) -> Strings:
        both = zip(
            self.folders if self.folders is not None else (), map(str, self.columns[name]), strict=True
        )
        return strings(
            cell if not cell.strip() or os.path.isabs(cell) else f"{folder}{cell}" for folder, cell in both
        )

    def lacks(self, name: str, flag: str) -> str:
        """The sentence that says that column `name`, asked for by `flag`, is not there."""
        near = did_you_mean(name, self.columns)
        return (
            f"There is no column '{short(name)}' ({flag}). {near if near.startswith('Did') else ''}".rstrip()
        )


def read_sheet(path: Path) -> Sheet:
    """Reads a table; `;`, tab and `|` between cells and a byte-order mark are fine."""
    if path.suffix.lower() in (".parquet", ".jsonl"):
        texts, called = (
            parquet_columns(path) if path.suffix.lower() == ".parquet" else (json_columns(path), {})
        )
        found = {name: strings(text) for name, text in texts.items()}
        files = {name: strings(text) for name, text in called.items()}
        count = len(next(iter(found.values())))
        return Sheet(path, found, np.arange(1, count + 1), [], [], files)
    text, notes = _text(path)
    header, rows = _rows(path, text)
    names = [name.strip() for name in header]
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        refuse(path, [Problem(f"columns occur twice: {quoted(twice)}", "give each column its own name.")])
    good = [(line, row) for line, row in rows if len(row) == len(names)]
    ragged = [f"line {line}: {counted(len(row), 'cell')}" for line, row in rows if len(row) != len(names)]
    problems = []
    if ragged:
        what = f"{counted(len(ragged), 'row does', 'rows do')} not have the {len(names)} cells of the header"
        problems.append(
            Problem(what, "mend these lines; a cell that holds a separator needs quotes.", tuple(ragged))
        )
    cells = list(zip(*(row for _, row in good), strict=True)) or [()] * len(names)
    columns = {name: strings(column) for name, column in zip(names, cells, strict=True) if name}
    return Sheet(path, columns, np.array([line for line, _ in good], dtype=np.int64), notes, problems)


def _text(path: Path) -> tuple[str, list[str]]:
    """The file as text: UTF-8, UTF-16 with its mark, or else Windows-1252, which is then said."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace"), []
    if b"\0" in data[:4096]:
        raise InputError(
            f"{path} is not a text table (it holds binary data). Expected: CSV or TSV, best in UTF-8."
        )
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        note = f"{path.name} is not UTF-8; it was read as Windows-1252. Check names with accents."
        return data.decode("cp1252", errors="replace"), [note]


def _rows(path: Path, text: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and (line, cells) of each row that is not blank."""
    separator = ""
    if text[:4].lower() == "sep=":  # Excel's own first line
        separator, text = text[4:5], "\n" + text.partition("\n")[2]
    if not text.strip():
        raise InputError(
            f"{path} is empty. Expected: a first line with the names of the columns, then a line an image."
        )
    separator = separator or _separator(path, text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        filled = (row for row in reader if any(cell.strip() for cell in row))
        header = next(filled)
        rows = [(reader.line_num, _trimmed(row, len(header))) for row in filled]
    except csv.Error as error:
        why = f"line {reader.line_num}: {error}"
        raise InputError(
            f"{path} cannot be read as a table: {why}. A quote that is opened must be closed."
        ) from None
    if not rows:
        raise InputError(f"{path} has a header but no rows.")
    return header, rows


def _separator(path: Path, text: str) -> str:
    """The sign that cuts the header into most cells; a tab for `.tsv`."""
    if path.suffix.lower() in (".tsv", ".tab"):
        return "\t"
    first = text.lstrip("\r\n").splitlines()[0]
    return max(SEPARATORS, key=lambda sign: len(next(csv.reader([first], delimiter=sign))))


def _trimmed(row: list[str], width: int) -> list[str]:
    """`row` without empty cells beyond the header, which spreadsheets leave behind."""
    while len(row) > width and not row[-1].strip():
        row = row[:-1]
    return row
