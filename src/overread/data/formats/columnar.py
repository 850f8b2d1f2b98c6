"""Tables that are no text of separated cells: Parquet, and a JSON object a line. All cells become text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from overread.data.address import address
from overread.data.formats.embedded import columns_of, lacking
from overread.data.formats.extras import need
from overread.errors import InputError

Columns = dict[str, list[str]]
TEXT = ("string", "large_string", "string_view")
LIMIT = 4 << 30  # bytes of text and numbers once they are unpacked


def json_columns(path: Path) -> Columns:
    """The columns of a file with a JSON object a line; what a line lacks is an empty cell."""
    rows: list[dict[str, Any]] = []
    try:
        for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), 1):
            row = json.loads(line) if line.strip() else None
            if row is not None and not isinstance(row, dict):
                raise ValueError(f"line {number} is no object")
            rows += [row] if row else []
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read as JSON lines: {why}. Expected an object a line.") from None
    if not rows:
        raise InputError(f"{path} has no rows.")
    names = list(dict.fromkeys(str(name) for row in rows for name in row))
    return {name: [as_text(row.get(name)) for row in rows] for name in names}


def parquet_columns(path: Path) -> tuple[Columns, Columns]:
    """The columns of a Parquet file, and of those that hold files what these were called, "" where nothing says.

    A class of Hugging Face's is its name; a cell that holds a file is the address of that (embedded.py), or the path
    where it holds but a path. Other nested columns are left out.
    """
    need("parquet", "pyarrow", str(path), "Parquet")
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            return _columns(file, path)
    except (OSError, ValueError, KeyError, pyarrow.ArrowException) as error:
        raise InputError(f"{path} cannot be read as Parquet: {str(error)[:200]}") from None


def _columns(file: Any, path: Path) -> tuple[Columns, Columns]:
    from pyarrow.types import is_nested

    schema, files = file.schema_arrow, columns_of(file.schema_arrow)
    plain = [
        field.name
        for place, field in enumerate(schema)
        if place not in files and not is_nested(field.type) and "binary" not in str(field.type)
    ]
    named = {schema[place].name: leaf for place, leaf in files.items()}
    paths = {name: f"{name}.path" for name, leaf in named.items() if leaf != name}
    if not (plain or named) or not file.metadata.num_rows:
        raise InputError(f"{path} has no rows of text, numbers or images.")
    _check_size(file, {*plain, *paths.values()}, path)
    classes = class_names(schema.metadata or {})
    table = file.read(columns=plain)
    columns = {
        name: [as_text(cell, classes.get(name)) for cell in table.column(name).to_pylist()] for name in plain
    }
    called = {name: _called(file, name, paths.get(name)) for name in named}
    for (place, leaf), name in zip(files.items(), named, strict=True):
        empty = zip(lacking(file, leaf), called[name], strict=True)
        columns[name] = [
            own if lacks else address(path.name, column=place, row=row)
            for row, (lacks, own) in enumerate(empty)
        ]
    if {len(cells) for cells in columns.values()} != {file.metadata.num_rows}:
        raise ValueError("its columns are not all of the same length")
    return {name: columns[name] for name in schema.names if name in columns}, called


def _called(file: Any, name: str, leaf: str | None) -> list[str]:
    """What the files in a column were called."""
    kind = file.schema_arrow.field(name).type
    if leaf is None or "path" not in {one.name for one in kind} or str(kind.field("path").type) not in TEXT:
        return [""] * file.metadata.num_rows
    return [as_text((cell or {}).get("path")) for cell in file.read(columns=[leaf]).column(name).to_pylist()]


def _check_size(file: Any, names: set[str], path: Path) -> None:
    """Refuses columns of text and numbers that would fill the memory."""
    groups = [file.metadata.row_group(group) for group in range(file.metadata.num_row_groups)]
    chunks = [group.column(place) for group in groups for place in range(group.num_columns)]
    if sum(one.total_uncompressed_size for one in chunks if one.path_in_schema in names) > LIMIT:
        raise InputError(f"{path}: its text and numbers unpack to more than {LIMIT >> 30} GiB.")


def class_names(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """The names of classes that Hugging Face writes into a schema."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        return {name: one["names"] for name, one in features.items() if one.get("_type") == "ClassLabel"}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def as_text(cell: Any, names: list[str] | None = None) -> str:
    """A cell as text: "" for none, 1 for 1.0, a class by its name.

    >>> as_text(None), as_text(1.0), as_text(1, ["no", "yes"]), as_text("0012")
    ('', '1', 'yes', '0012')
    """
    if cell is None or (names and cell == -1):  # Hugging Face's class of what has none
        return ""
    if names and isinstance(cell, int) and 0 <= cell < len(names):
        return str(names[cell])
    if isinstance(cell, bool | float) and cell == cell // 1:
        return str(int(cell))
    return str(cell)
