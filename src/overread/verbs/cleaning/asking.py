"""Asking the experts: a round goes into the queue of the label store, and its answers come from there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from overread.cleaning.experts import Oracle
from overread.cleaning.mistakes import Mistakes
from overread.data.sheet import read_sheet
from overread.errors import InputError
from overread.files import write_whole
from overread.store import OUTCOMES, Opinion
from overread.store.queue import Item
from overread.verbs.cleaning.desk import Array, Desk, Labels
from overread.verbs.cleaning.reading import Doubts
from overread.verbs.findings import safe_cell

ANSWERS = tuple(name for name in OUTCOMES if name not in ("label", "undo"))


def enqueue(desk: Desk, rows: Array, found: Doubts, number: int) -> list[Item]:
    """Puts `rows` of the pool into the queue as round `number`, once, and says what the round holds."""
    pool, names = desk.pool, desk.manifest.classes
    items: list[tuple[str, int, dict[str, Any]]] = [
        (
            str(pool.ids[row]),
            place,
            {
                "p_wrong": round(float(found.p_wrong[row]), 6),
                "suggested": names[int(found.suspicion.suggested[row])],
                "sampler": desk.config.sampler,
            },
        )
        for place, row in enumerate(rows, 1)
    ]
    desk.store.enqueue(number, items)
    return desk.store.queue(number)


def oracle_of(desk: Desk) -> Oracle:
    """The simulated expert, before anything is learned: it refuses data without true labels."""
    config = desk.config
    confusion = None if config.expert_confusion is None else Path(config.expert_confusion)
    mistakes = Mistakes(config.expert_error, confusion)
    return Oracle(desk.pool, mistakes, config.readers, config.seed)


def ask_oracle(desk: Desk, items: list[Item], labels: Labels, number: int) -> None:
    """The simulated expert answers what is unanswered of a round; each answer is charged."""
    answered = {entry.sample for entry in desk.store.opinions(round=number)}
    row_of = {str(name): row for row, name in enumerate(desk.pool.ids)}
    rows = np.array([row_of[item.sample] for item in items if item.sample not in answered], np.int64)
    if len(rows):
        desk.store.append(oracle_of(desk).ask(rows, labels.given, number))


def write_queue(desk: Desk, items: list[Item], labels: Labels) -> None:
    """queue.csv: the round as a table, with a column for answers (docs/clean.md)."""
    pool = desk.pool
    row_of = {str(name): row for row, name in enumerate(pool.ids)}
    rows = [row_of[item.sample] for item in items]
    table = pd.DataFrame(
        {
            "round": [item.round for item in items],
            "place": [item.place for item in items],
            "id": [safe_cell(item.sample) for item in items],
            "image": [str(pool.path(row)) for row in rows],
            "label": [safe_cell(pool.classes[labels.given[row]]) for row in rows],
            "suggested": [safe_cell(str(item.why["suggested"])) for item in items],
            "p_wrong": [item.why["p_wrong"] for item in items],
            "answer": "",
            "reader": "",
            "reason": "",
        }
    )
    write_whole(desk.run.path / "queue.csv", lambda part: table.to_csv(part, index=False))


def take_answers(desk: Desk, path: Path, number: int) -> int:
    """Appends the answers of a filled-in queue.csv to the label store; says how many rows had one.

    Taking the same table twice changes nothing. Raises `InputError` with all cells that cannot be understood.
    """
    sheet = read_sheet(path)
    missing = [name for name in ("id", "answer") if name not in sheet.columns]
    if missing:
        raise InputError(f"{path} is no table of answers: column {' and '.join(missing)} is missing.")
    asked = {item.sample for item in desk.store.queue(number)}
    cells = {name: [str(cell).strip() for cell in column] for name, column in sheet.columns.items()}
    blank = [""] * len(cells["id"])
    rows = zip(
        sheet.lines,
        cells["id"],
        cells["answer"],
        cells.get("reader", blank),
        cells.get("reason", blank),
        strict=True,
    )
    said = [row for row in rows if row[2]]
    if problems := list(_problems(said, asked, desk.manifest.classes, number)):
        raise InputError(f"{path}: " + "; ".join(problems[:5]) + f" ({len(problems)} in all).")
    opinions = [
        _opinion(desk, sample, answer, reader or "reader", reason, number)
        for _, sample, answer, reader, reason in said
    ]
    desk.store.append(opinions)
    return len(opinions)


def _problems(said: list[Any], asked: set[str], classes: tuple[str, ...], number: int) -> Iterable[str]:
    known = {_plain(name) for name in asked}
    for line, sample, answer, _, _ in said:
        if _plain(sample) not in known:
            yield f"line {line}: {sample!r} is not asked about in round {number}"
        if answer not in ANSWERS and _plain(answer) not in classes:
            yield f"line {line}: {answer!r} is neither a class nor {', '.join(ANSWERS)}"


def _opinion(desk: Desk, sample: str, answer: str, reader: str, reason: str, number: int) -> Opinion:
    outcome = answer if answer in ANSWERS else "label"
    return Opinion(
        sample=_plain(sample),
        reader=reader,
        outcome=outcome,
        label=_plain(answer) if outcome == "label" else None,
        reason=reason,
        evidence={"shown": "queue.csv"},
        round=number,
        key=f"queue.csv:{number}:{reader}:{_plain(sample)}:{answer}",
    )


def _plain(text: str) -> str:
    """The text without the quote that guards spreadsheets from formulas."""
    return text[1:] if text.startswith("'") and safe_cell(text[1:]) == text else text
