"""The page of cleaning: what `clean.html` shows, from the files of the run folder."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from overread.errors import InputError
from overread.reporting import cleaning_figures, cleaning_words, pictures, summary, trained
from overread.reporting.cleaning_figures import Round
from overread.reporting.files import NEEDED, Json, config_of, read_gallery, read_object, refuse_folder
from overread.reporting.words import number

ROUNDS = ("round", "asked", "bought", "changed", "confirmed")  # columns that rounds.csv must have
SHOWN = ("macro_f1", "balanced_accuracy")
QUEUED = 12  # labels of a waiting round that the page lists


@dataclass(frozen=True)
class CleanRun:
    """What the page reads."""

    folder: Path
    info: Json  # run.json
    summary: Json  # summary.json
    metrics: Json  # metrics.json: empty where nothing was learned
    rounds: Sequence[Round]  # rounds.csv
    queue: Sequence[Mapping[str, str]] = ()  # queue.csv, where a round waits
    gallery: Sequence[Json] = ()
    config: str = ""

    @property
    def is_simulated(self) -> bool:
        """Whether the expert was the oracle."""
        return self.summary.get("expert") == "oracle"

    @property
    def is_known(self) -> bool:
        """Whether an experiment knows the true labels."""
        return any(number(row.get("still_wrong")) is not None for row in self.rounds)


def read_clean_run(folder: Path) -> CleanRun:
    """Reads a run folder; raises `InputError` that names every file that is missing or broken."""
    problems: list[str] = []
    info = read_object(folder / "run.json", problems)
    facts = read_facts(folder / "summary.json", problems)
    metrics = read_object(folder / "metrics.json", problems)
    rounds = read_rounds(folder / "rounds.csv", problems)
    queue = read_queue(folder / "queue.csv") if facts.get("state") == "waiting" else []
    gallery = read_gallery(folder / "gallery.json", problems)
    if problems:
        refuse_folder(folder, problems, "clean")
    return CleanRun(folder, info, facts, metrics, rounds, queue, gallery, config_of(folder))


def read_facts(path: Path, problems: list[str]) -> Json:
    """summary.json, with what the page cannot do without."""
    before = len(problems)
    facts = read_object(path, problems)
    needed = {"classes": NEEDED["classes"], "samples": int, "bought": int}
    if len(problems) == before:
        problems += [
            f"{path.name} lacks {key!r}."
            for key, kind in needed.items()
            if not isinstance(facts.get(key), kind)
        ]
    return facts


def read_rounds(path: Path, problems: list[str]) -> list[Round]:
    """rounds.csv as numbers; a cell that is empty is None."""
    rows = read_table(path, ROUNDS, problems)
    try:
        return [{name: float(cell) if cell else None for name, cell in row.items()} for row in rows]
    except ValueError as error:
        problems.append(f"{path.name} holds a cell that is no number: {error}.")
        return []


def read_queue(path: Path) -> list[dict[str, str]]:
    """queue.csv as a spreadsheet left it; none where people have moved it away, or made something else of it."""
    from overread.data.sheet import read_sheet  # brings pandas, which no other page needs

    try:
        columns = read_sheet(path).columns
    except InputError:
        return []
    if not {"id", "label"} <= set(columns):
        return []
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, map(str, row), strict=True)) for row in islice(rows, QUEUED)]


def read_table(path: Path, columns: Sequence[str], problems: list[str]) -> list[dict[str, str]]:
    """The rows of a table that must have `columns`."""
    if not path.is_file():
        problems.append(f"{path.name} is missing.")
        return []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restkey="", restval="")
            rows = [{str(name): str(cell) for name, cell in row.items()} for row in reader]
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
    except (OSError, ValueError, csv.Error) as error:
        problems.append(f"{path.name} cannot be read as a table: {error}.")
        return []
    if missing:
        problems.append(f"{path.name} lacks the column {', '.join(missing)}.")
    return [] if missing else rows


def content(run: CleanRun) -> dict[str, Any]:
    """Everything the template shows, by the names it uses."""
    facts = run.summary
    part = watched(run.rounds)
    told = summary.read_and_origin(run)
    return {
        "headline": cleaning_words.headline(facts),
        "lead": cleaning_words.lead(facts),
        "simulated": cleaning_words.simulated(run.info) if run.is_simulated else "",
        "known": run.is_known,
        "bought": facts["bought"],
        "notices": cleaning_words.notices(run.info, facts),
        "waiting": summary.part(facts, "waiting"),
        "queue": run.queue,
        "handing": handing_in(run.info),
        "tiles": cleaning_words.tiles(facts, run.rounds),
        "rounds": (table := rounds_table(run.rounds, part)),
        "unnamed": any(row["unnamed"] for row in table),
        "part": trained.PARTS.get(part, ""),
        "course": cleaning_words.course(run.rounds, part),
        "alike": same_by_truth(run.rounds, part),
        "figures": cleaning_figures.all_of(run.rounds, part),
        "measured": sorted(trained.measured(run.metrics), key=lambda row: (row["part"], row["labels"])),
        **doubts(facts),
        **classes(facts),
        "gallery": list(cards(run)),
        "agreement": (agreed := cleaning_words.agreement(facts)),
        "noted": any(row["words"] for row in agreed),
        "readers": facts.get("readers"),
        "several": (number(facts.get("readers")) or 0) > 1,
        "facts": cleaning_words.settings(run.info, facts),
        "limits": cleaning_words.limits(facts, run.is_simulated),
        "finished": str(run.info.get("finished") or ""),
        "version": str(facts.get("overread", "")),
        **told,
        "origin": [*told["origin"], *cleaning_words.chain(facts)],
        "config": run.config,
    }


def watched(rounds: Sequence[Round]) -> str:
    """The part that the curves are of: the test part, else the validation part; empty where neither was measured."""
    for part in trained.PARTS:
        if any(number(row.get(f"{part}_given_macro_f1")) is not None for row in rounds):
            return part
    return ""


def same_by_truth(rounds: Sequence[Round], part: str) -> bool:
    """Whether the true labels of the part say what the given ones say, in every round."""
    return all(
        row.get(f"{part}_given_{name}") == row.get(f"{part}_true_{name}") for row in rounds for name in SHOWN
    )


def rounds_table(rounds: Sequence[Round], part: str) -> list[dict[str, Any]]:
    """One row a round, and how much of what it asked was changed and, where the truth is known, repaired."""
    rows = []
    for before, row in zip([None, *rounds], rounds, strict=False):
        asked, changed = number(row["asked"]) or 0.0, number(row["changed"]) or 0.0
        rows.append(
            {
                **row,
                "unnamed": asked - changed - (number(row["confirmed"]) or 0.0),
                "share": changed / asked if asked else None,
                "quality": [row.get(f"{part}_given_{name}") for name in SHOWN],
                "gained": cleaning_figures.gained(before, row),
            }
        )
    return rows


def doubts(facts: Json) -> dict[str, Any]:
    """What is left, whether to stop, and whether asking does harm."""
    stop, forecast = summary.part(facts, "stop"), summary.part(facts, "forecast")
    run, needed = number(stop.get("run")), number(stop.get("needed"))
    is_counting = str(stop.get("words")).startswith("go on")
    return {
        "stop": stop,
        "progress": min(run / needed, 1.0) if is_counting and run is not None and needed else None,
        "forecast": forecast,
        "remaining": summary.part(forecast, "remaining"),
        "next_wrong": summary.part(forecast, "next_wrong"),
        "guard": summary.part(facts, "guard"),
        "rate": summary.part(facts, "noise_rate"),
    }


def classes(facts: Json) -> dict[str, Any]:
    """One row a class, and given against current."""
    names = facts["classes"]
    matrix = summary.heat(names, summary.several(facts, "given_vs_current"))
    became = dict(became_of(names, matrix))
    rows = []
    for name, entry in summary.part(facts, "per_class").items():
        entry = entry if isinstance(entry, Mapping) else {}
        asked, changed = number(entry.get("asked")), number(entry.get("changed"))
        share = changed / asked if asked and changed is not None else None
        counts = {key: entry.get(key) for key in ("samples", "asked", "changed", "now")}
        rows.append({**counts, "name": name, "share": share, "became": became.get(name, [])})
    small = len(names) <= summary.CELLS
    return {
        "classes": rows,
        "names": names,
        "matrix": matrix if small else [],
        "flows": summary.most_confused(names, matrix, 3 if small else summary.LISTED),
    }


def became_of(names: list[Any], matrix: list[dict[str, Any]]) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """What the labels of each class became most often, with counts."""
    for row in matrix:
        cells = [
            (cell["n"], names[at]) for at, cell in enumerate(row["cells"]) if cell["n"] and not cell["same"]
        ]
        yield row["name"], sorted(cells, key=lambda cell: -cell[0])[:3]


def cards(run: CleanRun) -> Iterator[dict[str, Any]]:
    """The changed images that gallery.json lists."""
    for entry in run.gallery:
        yield {
            "id": str(entry.get("id", "")),
            "round": entry.get("round"),
            "given": str(entry.get("given", "")),
            "current": str(entry.get("current", "")),
            "chance": number(entry.get("p_wrong")),
            "picture": pictures.inline(run.folder, entry.get("thumb")),
        }


def handing_in(info: Json) -> str:
    """The command that takes the answers: that of the run, which goes on with them."""
    command = info.get("command")
    words = [str(word) for word in command] if isinstance(command, list) else []
    plain = [word for word in words if word not in ("--resume", "--wait")]
    plain = plain or ["overread", "clean", "DATA", "-o", "RUN"]
    out = next((after for word, after in pairwise(plain) if word in ("-o", "--out")), "RUN")
    return shlex.join([*plain, "--resume", "--answers", f"{out}/queue.csv"])
