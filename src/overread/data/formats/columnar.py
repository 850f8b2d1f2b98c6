"""Tables that are no text of separated cells: Parquet, and a JSON object a line. All cells become text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from overread.data.formats.extras import need
from overread.data.problems import quoted
from overread.errors import InputError

Columns = dict[str, list[str]]
LIMIT = 4 << 30  # bytes of a Parquet file once it is unpacked


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


def parquet_columns(path: Path) -> Columns:
    """The columns of a Parquet file that hold text or numbers; a class of Hugging Face's is its name."""
    need("parquet", "pyarrow", str(path), "Parquet")
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path)
        groups = [file.metadata.row_group(group) for group in range(file.metadata.num_row_groups)]
        if sum(group.total_byte_size for group in groups) > LIMIT:
            raise InputError(f"{path} unpacks to more than {LIMIT >> 30} GiB: write its images as files.")
        kinds = {field.name: field.type for field in file.schema_arrow}
        inside = [name for name, kind in kinds.items() if pyarrow.types.is_struct(kind)]
        plain = [name for name, kind in kinds.items() if not pyarrow.types.is_nested(kind)]
        plain = [name for name in plain if not pyarrow.types.is_binary(kinds[name])]
        table, names = file.read(columns=plain), class_names(file.schema_arrow.metadata or {})
    except (OSError, ValueError, KeyError, pyarrow.ArrowException) as error:
        raise InputError(f"{path} cannot be read as Parquet: {str(error)[:200]}") from None
    if not plain or not table.num_rows:
        held = f" It holds images inside ({quoted(inside)}): write them as files." if inside else ""
        raise InputError(f"{path} has no rows of text or numbers.{held}")
    cells = {name: table.column(name).to_pylist() for name in plain}
    return {name: [as_text(cell, names.get(name)) for cell in column] for name, column in cells.items()}


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
    if cell is None:
        return ""
    if names and isinstance(cell, int) and 0 <= cell < len(names):
        return str(names[cell])
    if isinstance(cell, bool | float) and cell == cell // 1:
        return str(int(cell))
    return str(cell)
