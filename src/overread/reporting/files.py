"""A run folder, read for the report: every file checked, all problems in one message."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Protocol

import numpy as np

from overread.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]
Json = Mapping[str, Any]
COLUMNS = ("rank", "id", "given", "suggested", "score", "p_wrong", "flagged")
NEEDED: dict[str, type] = {"samples": int, "flagged": int, "classes": list}


@dataclass(frozen=True)
class Suspects:
    """suspects.csv, most suspicious first: what the page lists, and the two columns it draws."""

    rows: Sequence[Mapping[str, str]]  # [N]
    score: Array  # [N] float64
    p_wrong: Array  # [N] float64, NaN where unknown
    flagged: Array  # [N] bool


@dataclass(frozen=True)
class Run:
    """What the report reads. Absent optional files are empty."""

    folder: Path
    info: Json  # run.json
    summary: Json  # summary.json
    suspects: Suspects
    gallery: Sequence[Json] = ()
    config: str = ""  # config.toml as text
    ids: Array = field(default_factory=lambda: np.empty(0, object))  # [N], rows of `losses`
    losses: Array | None = None  # [N, E]


class Facts(Protocol):
    """What every kind of run has: run.json and summary.json."""

    @property
    def info(self) -> Json: ...

    @property
    def summary(self) -> Json: ...


def verb_of(folder: Path) -> str:
    """Which verb wrote a run folder; `audit` where that cannot be read, which is told later."""
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not a folder. Expected the run folder that `overread audit -o RUN` or `overread train "
            "-o RUN` wrote."
        )
    verb = read_object(folder / "run.json", []).get("verb")
    return verb if verb in ("train", "clean") else "audit"


def is_of_masks(folder: Path) -> bool:
    """Whether a run's labels are masks; False where that cannot be read, which is told later."""
    return read_object(folder / "summary.json", []).get("task") == "segmentation"


def read_run(folder: Path, more: Sequence[str] = ()) -> Run:
    """Reads the run folder of an audit, `more` columns of suspects.csv too; raises `InputError` that names every file
    that is missing or broken."""
    problems: list[str] = []
    info = read_object(folder / "run.json", problems)
    summary = read_object(folder / "summary.json", problems)
    _check_summary(summary, folder / "summary.json", problems)
    suspects = _read_suspects(folder / "suspects.csv", (*COLUMNS, *more), problems)
    gallery = read_gallery(folder / "gallery.json", problems)
    ids, losses = _read_losses(folder / "evidence.npz", problems)
    if suspects is None or problems:
        refuse_folder(folder, problems, "audit")
    return Run(folder, info, summary, suspects, gallery, config_of(folder), ids, losses)


def refuse_folder(folder: Path, problems: list[str], verb: str) -> NoReturn:
    listed = "\n".join(f"  - {problem}" for problem in problems)
    raise InputError(
        f"{folder} is not a whole run folder:\n{listed}\n"
        f"Cure: run `overread {verb}` again with the same -o and `--resume`, or name the folder it wrote."
    )


def config_of(folder: Path) -> str:
    """config.toml as text; empty where there is none."""
    path = folder / "config.toml"
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _read_json(path: Path, problems: list[str], optional: bool = False) -> Any:
    if not path.is_file():
        if not optional:
            problems.append(f"{path.name} is missing.")
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        problems.append(f"{path.name} cannot be read as JSON: {error}.")
        return None


def read_object(path: Path, problems: list[str]) -> Json:
    value = _read_json(path, problems)
    if value is not None and not isinstance(value, dict):
        problems.append(f"{path.name} holds a {type(value).__name__}; expected an object.")
    return value if isinstance(value, dict) else {}


def _check_summary(summary: Json, path: Path, problems: list[str]) -> None:
    if not summary:
        return
    for key, kind in NEEDED.items():
        if key not in summary:
            problems.append(f"{path.name} lacks {key!r}.")
        elif not isinstance(summary[key], kind) or isinstance(summary[key], bool):
            problems.append(f"{path.name}: {key!r} should be {kind.__name__}, is {summary[key]!r:.80}.")


def _read_suspects(path: Path, columns: Sequence[str], problems: list[str]) -> Suspects | None:
    if not path.is_file():
        problems.append(f"{path.name} is missing.")
        return None
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                problems.append(f"{path.name} lacks the column {', '.join(missing)}.")
                return None
            rows = list(reader)
        return Suspects(
            rows=rows,
            score=np.array([float(row["score"]) for row in rows]),
            p_wrong=np.array([float(row["p_wrong"] or "nan") for row in rows]),
            flagged=np.array([bool(int(row["flagged"])) for row in rows], bool),
        )
    except (OSError, ValueError, TypeError, csv.Error) as error:
        problems.append(
            f"{path.name} cannot be read as a table with numbers in score, p_wrong, flagged: {error}."
        )
        return None


def read_gallery(path: Path, problems: list[str]) -> list[Json]:
    """The entries of gallery.json; none where there is no such file."""
    value = _read_json(path, problems, optional=True)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        problems.append(f"{path.name} should be a list of objects.")
        return []
    return value


def _read_losses(path: Path, problems: list[str]) -> tuple[Array, Array | None]:
    nothing = np.empty(0, object)
    if not path.is_file():
        return nothing, None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if "losses" not in arrays.files:
                return nothing, None
            ids, losses = arrays["ids"], arrays["losses"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        problems.append(f"{path.name} is broken: {error}.")
        return nothing, None
    if losses.ndim != 2 or len(losses) != len(ids):
        problems.append(f"{path.name}: losses should be [{len(ids)}, epochs], are {list(losses.shape)}.")
        return nothing, None
    return ids, losses
