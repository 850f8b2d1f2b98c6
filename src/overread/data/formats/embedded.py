"""The files that lie in the cells of a Parquet file: `train.parquet#column=0&row=7`. Nothing in them is run.

A group of rows is read at once and kept while its rows are wanted, so that a file is gone through once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from overread.data.faults import BadImage, told
from overread.data.formats.extras import need
from overread.data.formats.shelf import Shelf

LIMIT = 2 << 30  # bytes of a group of rows
AT_ONCE = 16  # rows that are unpacked before they are counted
BYTES = ("binary", "large_binary", "binary_view")
Cells = list[bytes | None]


@dataclass(frozen=True)
class Held:
    """Where the rows of a file lie."""

    columns: dict[int, str]  # those that hold files: by place, the name by which Parquet knows their bytes
    ends: list[int]  # of each group, the row behind it

    def place(self, row: int) -> tuple[int, int]:
        """Group, and the row in it."""
        group = bisect_right(self.ends, row)
        return group, row - (self.ends[group - 1] if group else 0)


def columns_of(schema: Any) -> dict[int, str]:
    """The columns of files in a schema, by place: plain bytes, and Hugging Face's {bytes, path}.

    The value is the name by which Parquet knows the bytes.
    """
    from pyarrow.types import is_struct

    found = {}
    for place, field in enumerate(schema):
        inner = {one.name: str(one.type) for one in field.type} if is_struct(field.type) else {}
        if str(field.type) in BYTES:
            found[place] = field.name
        elif inner.get("bytes") in BYTES:
            found[place] = f"{field.name}.bytes"
    return found


def cell(path: str, name: str, part: Mapping[str, str]) -> bytes:
    """The bytes of a cell. Raises `BadImage`."""
    held = _held(path, name)
    column, row = part.get("column", ""), part.get("row", "")
    if not column.isdecimal() or int(column) not in held.columns:
        raise BadImage(
            name, f"column {column!r} holds no files; those that do, counted from 0: {list(held.columns)}"
        )
    if not row.isdecimal() or not held.ends or int(row) >= held.ends[-1]:
        raise BadImage(name, f"has {(held.ends or [0])[-1]:,} rows, counted from 0; there is no {row!r}")
    group, place = held.place(int(row))
    with told(name):
        cells = _groups.get(path, lambda: _read(path, held.columns[int(column)], group), column, group)
    found = cells[place]
    if not found:
        raise BadImage(name, "its cell is empty")
    return found


def lacking(file: Any, leaf: str) -> list[bool]:
    """Of each row whether its cell is empty; statistics say so where there are some, else the cells are looked at."""
    metadata = file.metadata
    nulls = 0
    for group in range(metadata.num_row_groups):
        chunk = _chunk(metadata.row_group(group), leaf)
        if chunk is None or chunk.statistics is None or not chunk.statistics.has_null_count:
            nulls = -1
            break
        nulls += chunk.statistics.null_count
    if nulls in (0, metadata.num_rows):
        return [nulls > 0] * metadata.num_rows
    groups = range(metadata.num_row_groups)
    return [cell is None for group in groups for cell in _cells(file, leaf, group)]


def _held(path: str, name: str) -> Held:
    need("parquet", "pyarrow", name, "Parquet")
    import pyarrow
    import pyarrow.parquet

    def made() -> Held:
        with pyarrow.parquet.ParquetFile(path) as file:
            rows = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
            return Held(columns_of(file.schema_arrow), list(accumulate(rows)))

    try:
        return _files.get(path, made)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise BadImage(name, f"cannot be read as Parquet: {str(error)[:200]}") from None


def _read(path: str, leaf: str, group: int) -> Cells:
    """The cells of a group, as long as they fit into the limit."""
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        chunk = _chunk(file.metadata.row_group(group), leaf)
        if chunk is not None and chunk.total_uncompressed_size > LIMIT:
            raise BadImage("", _too_large(chunk.total_uncompressed_size))
        cells: Cells = []
        size = 0
        for one in _cells(file, leaf, group):
            size += len(one or b"")
            if size > LIMIT:
                raise BadImage("", _too_large(size))
            cells.append(one)
    return cells


def _too_large(size: int) -> str:
    return (
        f"its rows lie in groups of {size / 2**30:.1f} GiB and more, {LIMIT >> 30} are the limit: write it with "
        "smaller ones (row_group_size=100)"
    )


def _cells(file: Any, leaf: str, group: int) -> Iterator[bytes | None]:
    """The cells of a group, some at a time."""
    batches = file.iter_batches(AT_ONCE, row_groups=[group], columns=[leaf], use_threads=False)
    for batch in batches:
        for value in batch.column(0).to_pylist():
            yield value.get("bytes") if isinstance(value, dict) else value


def _chunk(group: Any, leaf: str) -> Any:
    """What the file says of a column in a group; None where it is not there."""
    chunks = (group.column(place) for place in range(group.num_columns))
    return next((chunk for chunk in chunks if chunk.path_in_schema == leaf), None)


_files: Shelf[Held] = Shelf(lambda _: 0)
_groups: Shelf[Cells] = Shelf(lambda cells: sum(len(one or b"") for one in cells))
