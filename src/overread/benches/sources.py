"""The data of a bench: a layout's rows as a table in OUT/data/NAME, DATA for every verb."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from overread.benches.layouts import Layout, Row, choose
from overread.benches.plan import Role
from overread.errors import InputError
from overread.files import check_free, write_text

NOTE = {
    "paper": "the paper's own data",
    "stand-in": "a stand-in for the paper's data",
    "phantoms": "generated phantoms in place of the paper's data: figures show that the bench runs, and a direction",
}


@dataclass(frozen=True)
class Source:
    """One data set as it is used."""

    name: str
    what: str
    role: str  # "paper", "stand-in" or "phantoms"
    table: Path  # the folder with labels.csv
    about: Mapping[str, Any]  # images of each split, digest of the rows
    rows: Sequence[Row] = field(default=(), repr=False)

    @property
    def words(self) -> str:
        """One line for every output.

        >>> Source("skin", "HAM10000", "stand-in", Path(), {"images": {"train": 10, "test": 2}}).words
        "HAM10000 (a stand-in for the paper's data); 10 train, 2 test images"
        """
        counts = ", ".join(f"{count:,} {split}" for split, count in self.about["images"].items())
        return f"{self.what} ({NOTE[self.role]}); {counts} images"


def prepare_all(
    roles: Sequence[Role], out: Path, data: Path | None, limits: Mapping[str, int]
) -> dict[str, Source]:
    """The data of all roles by their folders' names; what fills two roles is there once."""
    layouts = [role.phantoms if data is None else choose(role.layouts, data) for role in roles]
    return {layout.folder: prepare(layout, out, data, limits) for layout in dict.fromkeys(layouts)}


def prepare(layout: Layout, out: Path, data: Path | None, limits: Mapping[str, int]) -> Source:
    """Reads and checks the data of a layout; its table is written by `write_table`."""
    table = out / "data" / layout.folder
    rows = layout.read(table if data is None else data / layout.folder)
    rows = thinned(rows, limits)
    check_parts(layout, rows)
    counts = Counter(one["split"] for one in rows)
    images = {split: counts[split] for split in ("train", "val", "test") if counts[split]}
    said = sorted("\t".join(v for k, v in one.items() if k != "image") for one in rows)
    digest = hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]
    structures = [name.removeprefix("mask_") for name in rows[0] if name.startswith("mask_")]
    about = {"images": images, "digest": digest, **({"structures": structures} if structures else {})}
    return Source(layout.folder, layout.what, layout.role, table, about, rows)


def thinned(rows: Sequence[Row], limits: Mapping[str, int]) -> list[Row]:
    """About as many images of each split as `limits` has, drawn by whole groups.

    >>> rows = [{"group": str(n // 2), "split": "train"} for n in range(8)]
    >>> [one["group"] for one in thinned(rows, {"train": 4})]
    ['0', '0', '2', '2']
    """
    kept: set[str] = set()
    for split in sorted({one["split"] for one in rows}):
        sizes = Counter(one["group"] for one in rows if one["split"] == split)
        names, limit, taken = sorted(sizes), limits.get(split, len(rows)), 0
        for place in np.random.default_rng(0).permutation(len(names)):
            if taken >= limit:
                break
            kept.add(f"{split}\t{names[place]}")
            taken += sizes[names[place]]
    return [one for one in rows if f"{one['split']}\t{one['group']}" in kept]


def check_parts(layout: Layout, rows: Sequence[Row]) -> None:
    """Refuses data that lack a part, or a class in it."""
    for split in ("train", "test"):
        part = [one for one in rows if one["split"] == split]
        if not part:
            raise InputError(f"{layout.what} has no {split} part. Unpack the whole data set.")
        names = {one.get("label", "") for one in rows}
        if missing := names - {one.get("label", "") for one in part}:
            raise InputError(
                f"The {split} part of {layout.what} lacks {', '.join(sorted(missing))}. Unpack all of it."
            )


def write_table(source: Source) -> None:
    """Writes the table of a source, unless the same stands there."""
    text, path = io.StringIO(), source.table / "labels.csv"
    writer = csv.DictWriter(text, list(source.rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(source.rows)
    if path.is_file() and path.read_text(encoding="utf-8") == text.getvalue():
        return
    write_text(path, text.getvalue())


def check_out(out: Path, joins: bool) -> None:
    """Refuses a folder that holds something else; a bench only where it is to go on."""
    if (out / "bench.json").is_file():
        if not joins:
            raise InputError(
                f"{out} already holds a bench. --resume goes on with it; or give -o another folder."
            )
        return
    if not joins or {path.name for path in out.glob("*")} - {"data"}:  # another shard may draw phantoms there
        check_free(out)
