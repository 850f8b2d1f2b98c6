"""`overread bench`: a published table on data at hand, cell by cell."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overread.benches import BENCHES
from overread.benches.cells import parse_shard, read_records, run_cells, shard_of
from overread.benches.desk import NOISE_SEED, Desk
from overread.benches.figures import check_drawing, draw
from overread.benches.plan import Bench, Cell, Record
from overread.benches.sources import NOTE, check_out, prepare_all, write_table
from overread.benches.tables import Table, as_markdown
from overread.errors import InputError, look_up
from overread.files import write_json, write_text
from overread.run import machine, now, versions


@dataclass(frozen=True)
class BenchResult:
    """What a bench gave: `tables` is table.json, `done` of `cells` cells are finished."""

    out: Path
    done: int
    cells: int
    tables: dict[str, Any]


def bench(
    name: str,
    out: str | Path,
    *,
    data: str | Path | None = None,
    quick: bool = False,
    seeds: Sequence[int] | None = None,
    shard: str | None = None,
    asked: Mapping[str, Any] | None = None,
    resume: bool = False,
    quiet: bool = False,
    command: Sequence[str] | None = None,
) -> BenchResult:
    """Runs the cells of the bench `name` that are not finished yet, and writes what is known of all.

    `data` is the folder above the data sets; without it generated phantoms take their place. With `shard` ("2/8")
    only this process's part of the cells is run: others may fill the same `out` beside it. `asked` are fields of
    every training (`network`, `weights`, `size`, `epochs`, `device`) that win over the bench's own.

    Writes table.md, table.json, the figures as PNG and provenance.json; OUT/cells holds a JSON file a cell.
    """
    plan: Bench = look_up("bench", name, BENCHES).load()
    part = parse_shard(shard)
    check_drawing()
    scale = plan.quick if quick else plan.full
    out, place = Path(out), None if data is None else Path(data)
    if place is not None and not place.is_dir():
        raise InputError(f"--data {place} is no folder. Name the one that holds the data sets' folders.")
    check_out(out, resume or part[1] > 1)
    sources = prepare_all(plan.roles, out, place, scale.limits)
    desk = Desk(plan, out, sources, quick, tuple(seeds or scale.seeds), asked or {}, quiet, command or [])
    settle(desk)
    for source in sources.values():
        write_table(source)
    cells = list(plan.cells(desk))

    def say(text: str) -> None:
        if not quiet:
            print(text, file=sys.stderr, flush=True)

    begun = now(), os.getloadavg() if hasattr(os, "getloadavg") else None
    run_cells(out, shard_of(cells, part), lambda cell: plan.run(cell, desk), say, desk.tidy)
    return written(desk, cells, begun)


def settle(desk: Desk) -> None:
    """Writes bench.json, or refuses where the folder's bench is another."""
    said = {
        "bench": desk.bench.name,
        "quick": desk.quick,
        "data": {name: [one.what, one.role, one.about["digest"]] for name, one in desk.sources.items()},
        "asked": {key: value for key, value in desk.asked.items() if key != "device"},
    }
    file = desk.out / "bench.json"
    if not file.is_file():
        write_json(file, said)
        return
    before = json.loads(file.read_text(encoding="utf-8"))
    if changed := [
        f"{key} was {before.get(key)!r}, now {said[key]!r}" for key in said if before.get(key) != said[key]
    ]:
        raise InputError(
            f"{desk.out} holds a bench with other data or flags: {'; '.join(changed)}. Use the same ones, or give "
            "-o a new folder."
        )


def written(desk: Desk, cells: Sequence[Cell], begun: tuple[str, Any]) -> BenchResult:
    """Writes tables, figures and provenance from the cells that are finished."""
    records, out = read_records(desk.out, cells), desk.out
    tables = list(desk.bench.tables(records)) if records else []
    found = provenance(desk, records, len(cells), begun)
    figures = dict(desk.bench.figures(records)) if records else {}
    caption = f"overread bench {desk.bench.name}: " + "; ".join(one.words for one in desk.sources.values())
    for name, panels in figures.items():
        if any(panel.lines for panel in panels):
            draw([panel for panel in panels if panel.lines], out / f"{name}.png", caption)
    said = {
        "bench": desk.bench.name,
        "title": desk.bench.title,
        "data": {name: one.words for name, one in desk.sources.items()},
        "quick": desk.quick,
        "cells": {"done": len(records), "of": len(cells)},
        "tables": [{"title": table.title, "lines": table.lines()} for table in tables],
    }
    write_json(out / "table.json", said)
    write_text(out / "table.md", page(desk, tables, found, list(figures)))
    write_json(out / "provenance.json", found)
    return BenchResult(out, len(records), len(cells), said)


def page(desk: Desk, tables: Sequence[Table], found: Mapping[str, Any], figures: Sequence[str]) -> str:
    """table.md."""
    done, of = found["cells"]["done"], found["cells"]["of"]
    size = "Quick: smaller images, fewer of them, fewer epochs." if desk.quick else "The full protocol."
    partly = "" if done == of else f" **{done} of {of} cells are finished.**"
    lines = [
        f"# {desk.bench.title}",
        "",
        f"Written by `overread bench {desk.bench.name}`. {size} Seeds: {', '.join(map(str, desk.seeds))}.{partly}",
        "",
        *(f"- {name}: {one.words}" for name, one in desk.sources.items()),
        "",
        f"The paper: {desk.bench.paper}",
        "",
        *(line for table in tables for line in as_markdown(table)),
        *(
            line
            for name in figures
            if (desk.out / f"{name}.png").is_file()
            for line in (f"![{name}]({name}.png)", "")
        ),
        *(f"- {note}" for note in (*desk.bench.notes, took(found))),
    ]
    return "\n".join(lines) + "\n"


def took(found: Mapping[str, Any]) -> str:
    """What it took, in a sentence."""
    minutes, load = found["seconds_of_cells"] / 60, found["load"]["at_start"]
    beside = f"; load average at the start {load[0]:.1f}" if load else ""
    where = f"{found['machine']['cpu']} ({found['machine']['cores']} cores{beside})"
    return f"The cells took {minutes:.1f} minutes in all, on {where}."


def provenance(desk: Desk, records: Sequence[Record], cells: int, begun: tuple[str, Any]) -> dict[str, Any]:
    """provenance.json: what was run, on what, with which data and seeds, and beside what else."""
    return {
        "bench": desk.bench.name,
        "command": list(desk.command),
        "started": begun[0],
        "finished": now(),
        "quick": desk.quick,
        "seeds": list(desk.seeds),
        "noise_seeds": [NOISE_SEED + seed for seed in desk.seeds],
        "learning": {**desk.scale.learning, **desk.asked},
        "data": {
            name: {"what": one.what, "is": NOTE[one.role], **one.about} for name, one in desk.sources.items()
        },
        "cells": {"done": len(records), "of": cells},
        "seconds_of_cells": round(sum(one["seconds"] for one in records), 1),
        "machine": machine(),
        "load": {
            "at_start": begun[1],
            "at_end": os.getloadavg() if hasattr(os, "getloadavg") else None,
            "words": "A load above the number of cores: other work ran beside, and times are upper bounds.",
        },
        "versions": versions(),
    }
