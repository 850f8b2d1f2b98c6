"""The rounds: pick, ask, store, update, measure; each is finished in files before the next begins."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from overread.files import write_whole
from overread.store.queue import Item
from overread.verbs.cleaning.asking import ask_oracle, enqueue, write_queue
from overread.verbs.cleaning.desk import Desk, Labels, labels_of
from overread.verbs.cleaning.first import First
from overread.verbs.cleaning.measuring import Look, answers_of, row_of, stopping
from overread.verbs.cleaning.model import Lesson, Model, count_of, learned, method_of, method_of_rounds
from overread.verbs.cleaning.picking import picked, trusted_now
from overread.verbs.cleaning.reading import doubts

DONE, WAITING, STOPPED, EXHAUSTED = "done", "waiting", "stopped", "exhausted"
Table = list[dict[str, Any]]


@dataclass(frozen=True)
class Rounds:
    """How the rounds ended."""

    table: Table  # rounds.csv
    end: str  # done; waiting for people; stopped by the rule; exhausted: nothing is left to ask
    look: Look
    items: list[Item]  # of the last round


def cleaned(desk: Desk, first: First, tell: Callable[[str], None]) -> Rounds:
    """Goes through the rounds, from the first that is not in rounds.csv."""
    table = read_rounds(desk)
    if table:
        number, labels = len(table) - 1, standing(desk)
        look = looked(desk, first, labels, newest(desk, first, labels, number), number)
    else:
        look = finished(desk, first, first.model, 0, table, tell)
    for number in range(len(table), desk.config.rounds + 1):
        if desk.config.stop_after is not None and stopping(desk, look.answers).stop:
            return Rounds(table, STOPPED, look, [])
        items = desk.store.queue(number) or put(desk, first, look, number)
        if not items:
            return Rounds(table, EXHAUSTED, look, [])
        if not answered(desk, items, look.labels, number):
            return Rounds(table, WAITING, look, items)
        look = finished(desk, first, look.model, number, table, tell)
    return Rounds(table, DONE, look, [])


def put(desk: Desk, first: First, look: Look, number: int) -> list[Item]:
    """Picks the labels of a round and puts them into the queue."""
    rows = picked(desk, first, look, share_of(desk, number), number)
    return enqueue(desk, rows, look.labels, look.found, number)


def finished(
    desk: Desk, first: First, before: Model | None, number: int, table: Table, tell: Callable[[str], None]
) -> Look:
    """Learns from the labels as they stand, measures, and writes the row of a round; round 0 has bought nothing."""
    started, labels = time.perf_counter(), standing(desk)
    model = updated(desk, first, labels, before, number)
    look = looked(desk, first, labels, model, number)
    items = desk.store.queue(number) if number else []
    table.append(row_of(desk, look, items, cost_of(desk, number), time.perf_counter() - started))
    write_rounds(desk, table)
    tell(in_words(table[-1]))
    return look


def answered(desk: Desk, items: list[Item], labels: Labels, number: int) -> bool:
    """Whether all of a round is answered; the simulated expert does so at once."""
    if desk.config.expert == "oracle":
        ask_oracle(desk, items, labels, number)
        return True
    state = desk.store.progress(number, desk.config.readers)
    if state.answered < state.items:
        write_queue(desk, items)
    return state.answered == state.items


def updated(desk: Desk, first: First, labels: Labels, before: Model | None, number: int) -> Model | None:
    """The networks after a round; those before it where there is nothing to learn from."""
    rows = np.flatnonzero(learnable(desk, first, labels))
    if len(rows) < 2 or (number == 0 and desk.config.update == "all" and first.model is not None):
        return before
    name = method_of_rounds(desk.config)
    nets = nets_to_go_on_with(desk, before, name)
    return learned(desk, Lesson(stage_of(number), name, method_of(name, desk.config), labels, rows, nets))


def nets_to_go_on_with(desk: Desk, before: Model | None, method: str) -> Any:
    """The networks of the round before; None where a round begins anew, or where there are too few of them."""
    if desk.config.retrain or before is None:
        return None
    wanted = 1 if method == "ce" else 2 if method.startswith("co-teaching") else 1
    return before.nets if count_of(before.nets) >= wanted else None


def learnable(desk: Desk, first: First, labels: Labels) -> Any:
    """[P] bool: what a round learns from."""
    return trusted_now(first, labels) if desk.config.update == "clean" else ~labels.closed


def newest(desk: Desk, first: First, labels: Labels, number: int) -> Model | None:
    """The networks that round `number` left."""
    for done in range(number, -1, -1):
        if desk.file(f"{stage_of(done)}.npz").exists():
            nothing = np.zeros(0, np.int64)
            return learned(desk, Lesson(stage_of(done), method_of_rounds(desk.config), None, labels, nothing))
    return first.model


def looked(desk: Desk, first: First, labels: Labels, model: Model | None, number: int) -> Look:
    """What is known after a round."""
    found = doubts(desk, first.read, labels, number)
    count = int(learnable(desk, first, labels).sum())
    return Look(number, labels, answers_of(desk, labels, number), found, model, count)


def standing(desk: Desk) -> Labels:
    """The labels of the pool as they stand."""
    return labels_of(desk.manifest, desk.rows, desk.store.current())


def stage_of(number: int) -> str:
    return f"round-{number}"


def budget_of(desk: Desk) -> int:
    """Labels to buy in all."""
    return desk.config.budget or max(desk.config.rounds, len(desk.rows) // 10)


def share_of(desk: Desk, number: int) -> int:
    """Labels to buy in one round: equal shares of the budget."""
    budget, rounds = budget_of(desk), desk.config.rounds
    return budget * number // rounds - budget * (number - 1) // rounds


def cost_of(desk: Desk, number: int) -> int:
    """Answers that all readers gave in rounds 1 to `number`, those that were taken back too; a skip is none."""
    answers = (entry for done in range(1, number + 1) for entry in desk.store.opinions(round=done))
    return sum(entry.outcome not in ("skip", "undo") for entry in answers)


def read_rounds(desk: Desk) -> Table:
    """The finished rounds, as text."""
    path = desk.run.path / "rounds.csv"
    if not path.is_file():
        return []
    table = pd.read_csv(path, dtype=str, keep_default_na=False).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in table]


def write_rounds(desk: Desk, table: Table) -> None:
    frame = pd.DataFrame(table)
    if "seconds" in frame:
        frame = frame[[*(name for name in frame if name != "seconds"), "seconds"]]
    write_whole(desk.run.path / "rounds.csv", lambda part: frame.to_csv(part, index=False))


def in_words(row: dict[str, Any]) -> str:
    """A round in one line."""
    shown = [
        name for name in ("test_true_macro_f1", "test_given_macro_f1", "val_given_macro_f1") if name in row
    ]
    quality = f", {shown[0].replace('_', ' ')} {row[shown[0]]:.3f}" if shown else ""
    asked = f"{row['asked']} labels asked, {row['changed']} changed" if row["round"] else "nothing asked yet"
    return f"Round {row['round']}: {asked}; about {row['wrong_left']:.0f} wrong ones left{quality}"
