"""Asking the experts: a round goes into the queue of the label store, and its answers come from there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from overread.cleaning.experts import Oracle
from overread.cleaning.mistakes import Mistakes
from overread.data.manifest import Manifest
from overread.files import write_whole
from overread.store.queue import Item
from overread.verbs.cleaning.answers import round_of
from overread.verbs.cleaning.config import CleanConfig
from overread.verbs.cleaning.desk import Array, Desk, Labels
from overread.verbs.cleaning.reading import Doubts
from overread.verbs.findings import safe_cell


def enqueue(desk: Desk, rows: Array, labels: Labels, found: Doubts, number: int) -> list[Item]:
    """Puts `rows` of the pool into the queue as round `number`, once, and says what the round holds."""
    pool, names = desk.pool, desk.manifest.classes
    items: list[tuple[str, int, dict[str, Any]]] = [
        (
            str(pool.ids[row]),
            place,
            {
                "label": names[int(labels.given[row])],
                "p_wrong": round(float(found.p_wrong[row]), 6),
                "suggested": names[int(found.suspicion.suggested[row])],
                "sampler": desk.config.sampler,
            },
        )
        for place, row in enumerate(rows, 1)
    ]
    desk.store.enqueue(number, items)
    return desk.store.queue(number)


def oracle_of(config: CleanConfig, pool: Manifest) -> Oracle:
    """The simulated expert; it refuses data without true labels."""
    confusion = None if config.expert_confusion is None else Path(config.expert_confusion)
    mistakes = Mistakes(config.expert_error, confusion)
    return Oracle(pool, mistakes, config.readers, config.seed)


def ask_oracle(desk: Desk, items: list[Item], labels: Labels, number: int) -> None:
    """The simulated expert answers what is unanswered of a round; each answer is charged."""
    answered = {entry.sample for entry in desk.store.opinions(round=number)}
    rows = desk.rows_asked([item for item in items if item.sample not in answered])
    if len(rows):
        desk.store.append(oracle_of(desk.config, desk.pool).ask(rows, labels.given, number))


def write_queue(desk: Desk, items: list[Item]) -> None:
    """queue.csv: the round as a table, with a column for answers (docs/clean.md).

    What lies there of this round already stays: people may have begun to fill it in.
    """
    path, pool = desk.run.path / "queue.csv", desk.pool
    if path.is_file() and round_of(path) == items[0].round:
        return
    table = pd.DataFrame(
        {
            "round": [item.round for item in items],
            "place": [item.place for item in items],
            "id": [safe_cell(item.sample) for item in items],
            "image": [str(pool.path(int(row))) for row in desk.rows_asked(items)],
            "label": [safe_cell(str(item.why["label"])) for item in items],
            "suggested": [safe_cell(str(item.why["suggested"])) for item in items],
            "p_wrong": [item.why["p_wrong"] for item in items],
            "answer": "",
            "reader": "",
            "reason": "",
        }
    )
    write_whole(path, lambda part: table.to_csv(part, index=False))
