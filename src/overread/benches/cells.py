"""Cells: each is one JSON file once it is finished, and is never run again; shards take their turns."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from overread.benches.plan import Cell, Record
from overread.errors import InputError
from overread.files import write_json
from overread.run import now

Say = Callable[[str], None]


def parse_shard(text: str | None) -> tuple[int, int]:
    """What `--shard` says: the i-th of n parts, counted from 1.

    >>> parse_shard("2/8"), parse_shard(None)
    ((2, 8), (1, 1))
    """
    if text is None:
        return 1, 1
    found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    part, parts = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= part <= parts:
        raise InputError(f"--shard {text!r} is not i/n with i from 1 to n. An example: --shard 2/8")
    return part, parts


def shard_of(cells: Sequence[Cell], shard: tuple[int, int]) -> list[Cell]:
    """Every n-th cell from the i-th on: dear cells, which stand together, are dealt out.

    >>> [cell.seed for cell in shard_of([Cell("a", "b", seed) for seed in range(5)], (2, 2))]
    [1, 3]
    """
    return list(cells[shard[0] - 1 :: shard[1]])


def file_of(out: Path, cell: Cell) -> Path:
    return out / "cells" / f"{cell.name}.json"


def run_cells(
    out: Path, cells: Sequence[Cell], run: Callable[[Cell], Record], say: Say, tidy: Callable[[Cell], None]
) -> None:
    """Runs the cells that have no file yet, writes it when each is finished, and only then tidies up."""
    for number, cell in enumerate(cells, 1):
        if file_of(out, cell).exists():
            continue
        say(f"Cell {number} of {len(cells)}: {cell.name}")
        started = time.perf_counter()
        record = run(cell)
        about = {"condition": cell.condition, "method": cell.method, "seed": cell.seed}
        spent = {"seconds": round(time.perf_counter() - started, 1), "finished": now()}
        write_json(file_of(out, cell), {"cell": cell.name, **about, **spent, **record})
        tidy(cell)


def read_records(out: Path, cells: Sequence[Cell]) -> list[Record]:
    """The records of the cells that are finished, in their order."""
    files = (file_of(out, cell) for cell in cells)
    return [json.loads(file.read_text(encoding="utf-8")) for file in files if file.exists()]
