"""What the server reads of a run folder: the samples, their files, and which labels are suspected."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from overread.errors import InputError

MASK = "mask_"  # what a column of masks begins with, in manifest.csv
ALONE = 20  # labels to ask about where none is flagged
AUDIT_ROUND = 0  # rounds of `clean` begin with 1, so both can share a store


@dataclass(frozen=True)
class Source:
    """A run folder, as far as the page needs it. Rows are those of manifest.csv."""

    folder: Path
    verb: str  # audit or clean
    classes: tuple[str, ...]  # of labels
    structures: tuple[str, ...]  # of masks
    ids: list[str]
    given: list[str]  # labels; "" of masks
    groups: list[str]
    images: list[str]  # paths
    masks: list[list[str]] = field(default_factory=list)  # of each structure, a path for each row

    @property
    def task(self) -> str:
        return "segmentation" if self.structures else "classification"


@dataclass(frozen=True)
class Suspect:
    """A row of suspects.csv."""

    row: int  # of the sample
    structure: str | None
    flagged: bool
    why: dict[str, Any]  # what the queue keeps of it, and the page shows


def read_source(folder: Path) -> Source:
    """Reads run.json, summary.json and manifest.csv; an `InputError` where there is nothing to review."""
    info = read_json(folder / "run.json")
    verb, state = info.get("verb"), info.get("state")
    if verb not in ("audit", "clean"):
        raise InputError(
            f"{folder} holds a run of `overread {verb}`. Review is for one of `overread audit` or `overread clean`."
        )
    if verb == "audit" and state != "done":
        raise InputError(
            f"The audit in {folder} is not finished (state: {state}). `overread audit ... --resume` goes on with it."
        )
    summary = read_json(folder / "summary.json") if (folder / "summary.json").is_file() else {}
    columns = read_columns(folder / "manifest.csv")
    structures = tuple(name.removeprefix(MASK) for name in columns if name.startswith(MASK))
    classes = () if structures else tuple(summary.get("classes") or sorted(set(columns["given"])))
    return Source(
        folder,
        verb,
        classes,
        structures,
        columns["id"],
        columns.get("given", [""] * len(columns["id"])),
        columns["group"],
        columns["image"],
        [columns[MASK + name] for name in structures],
    )


def read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{path.parent} is not the folder of a run: there is no {path.name} in it. Name the one that "
            "`overread audit -o RUN` or `overread clean -o RUN` wrote."
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} holds a {type(value).__name__}; expected an object.")
    return value


def read_columns(path: Path) -> dict[str, list[str]]:
    """The columns of manifest.csv that the page needs; never the true labels."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            names = next(reader)
            wanted = [
                column
                for column, name in enumerate(names)
                if name in ("id", "image", "given", "group") or name.startswith(MASK)
            ]
            rows = [[row[column] for column in wanted] for row in reader]
    except (OSError, StopIteration, IndexError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {error or 'it is empty'}.") from None
    kept = {names[column]: [row[place] for row in rows] for place, column in enumerate(wanted)}
    masks = any(name.startswith(MASK) for name in kept)
    if missing := {"id", "image", "group", *(() if masks else ("given",))} - set(kept):
        raise InputError(f"{path} is not a run's manifest: column {', '.join(sorted(missing))} is missing.")
    return kept


def read_suspects(source: Source) -> Iterator[Suspect]:
    """suspects.csv, most suspicious first."""
    path = source.folder / "suspects.csv"
    rows = {name: row for row, name in enumerate(source.ids)}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for line in csv.DictReader(file):
                yield suspect_of(line, source, rows)
    except (OSError, KeyError, ValueError, csv.Error) as error:
        raise InputError(
            f"{path} cannot be read: {error!r}. `overread audit ... --resume` writes it anew."
        ) from None


def suspect_of(line: dict[str, str], source: Source, rows: dict[str, int]) -> Suspect:
    """One of its lines."""
    row = rows[line["id"]] if line["id"] in rows else rows[line["id"].removeprefix("'")]
    p_wrong = float(line["p_wrong"]) if line["p_wrong"] else None
    why: dict[str, Any] = {"rank": int(line["rank"]), "p_wrong": p_wrong, "why": line["why"]}
    if source.structures:
        why |= {"suggested_mask": line["suggested"], "agreement": float(line["agreement"])}
        return Suspect(row, line["structure"], line["flagged"] == "1", why)
    suggested = line["suggested"]
    if (
        suggested not in source.classes
    ):  # suspects.csv puts a quote before what a spreadsheet takes for a formula
        suggested = suggested.removeprefix("'")
    return Suspect(
        row, None, line["flagged"] == "1", {**why, "label": source.given[row], "suggested": suggested}
    )


def configured(folder: Path, name: str) -> Any:
    """A value of config.toml; None where there is none."""
    path = folder / "config.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")).get(name) if path.is_file() else None
