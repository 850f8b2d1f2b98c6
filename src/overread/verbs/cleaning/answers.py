"""A filled-in queue.csv: read, checked whole, and appended to the label store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from overread.data.problems import Problem, counted, quoted, refuse
from overread.data.sheet import Sheet, read_sheet
from overread.errors import InputError
from overread.run import read_info
from overread.store import OUTCOMES, Entry, LabelStore, Opinion
from overread.store.queue import Item
from overread.verbs.findings import safe_cell

WORDS = tuple(name for name in OUTCOMES if name not in ("label", "undo"))  # answers that are no label
READER = "reader"  # who answers where the column says nothing


class Said(NamedTuple):
    """A row of the table that has an answer."""

    line: int
    id: str
    answer: str
    reader: str
    reason: str


def check_answers(out: Path, expert: str, answers: Path | None, wait: bool) -> None:
    """Refuses answers, or waiting for them, where nobody is asked."""
    if expert == "oracle" and (answers is not None or wait):
        flag = "--wait" if answers is None else "--answers"
        raise InputError(f"{flag} is for --expert queue: the oracle answers by itself. Leave it out.")
    if answers is not None:
        waiting_round(out)


def waiting_round(out: Path) -> int:
    """The round that waits for answers: the one that comes after those in rounds.csv."""
    path = out / "rounds.csv"
    if not path.is_file() or read_info(out).get("state") == "done":
        raise InputError(f"{out} waits for no answers. Leave --answers out.")
    return len(read_sheet(path).lines)


def round_of(path: Path) -> int:
    """The round that a queue.csv is of."""
    sheet = read_sheet(path)
    try:
        return int(sheet.columns["round"][0])
    except (KeyError, IndexError, ValueError):
        raise InputError(
            f"{path} is no queue of a round any more: its column 'round' is missing or empty. Move it away; "
            "--resume without --answers writes it anew."
        ) from None


def take_answers(store: LabelStore, classes: tuple[str, ...], path: Path, number: int) -> int:
    """Appends the answers of a filled-in queue.csv to the label store; says how many are new.

    Taking the same table twice changes nothing. Raises `InputError` with all cells that cannot be understood.
    """
    items = {item.sample: item for item in store.queue(number)}
    ids = {safe_cell(name): name for name in items} | {name: name for name in items}
    labels = {safe_cell(name): name for name in classes} | {name: name for name in classes}
    sheet = read_sheet(path)
    rows = rows_said(sheet)
    said = [
        row._replace(id=ids.get(row.id, row.id), answer=labels.get(row.answer, row.answer)) for row in rows
    ]
    if problems := [*sheet.problems, *misunderstood(said, ids, labels, number)]:
        refuse(f"{path}; nothing was taken from it", problems)
    last = last_words(store, number)
    opinions = [opinion_of(row, items[row.id], labels, last) for row in said]
    new = [one for one in opinions if one is not None]
    if new:
        store.append(new)
    return len(new)


def rows_said(sheet: Sheet) -> list[Said]:
    """The rows that have an answer."""
    missing = [name for name in ("id", "answer") if name not in sheet.columns]
    if missing:
        raise InputError(f"{sheet.path} is no table of answers: it has no column {' and '.join(missing)}.")
    cells = {name: [str(cell).strip() for cell in column] for name, column in sheet.columns.items()}
    blank = [""] * len(cells["id"])
    more = (cells.get(name, blank) for name in ("reader", "reason"))
    rows = (Said(*row) for row in zip(sheet.lines, cells["id"], cells["answer"], *more, strict=True))
    return [row._replace(reader=row.reader or READER) for row in rows if row.answer]


def last_words(store: LabelStore, number: int) -> dict[tuple[str, str], Entry]:
    """By sample and reader: what was said last in a round and stands, or that it was taken back."""
    entries = list(store.opinions())
    undone = {entry.undoes for entry in entries}
    of_round = [entry for entry in entries if entry.round == number or entry.outcome == "undo"]
    return {(entry.sample, entry.reader): entry for entry in of_round if entry.number not in undone}


def standing_entries(store: LabelStore) -> list[Entry]:
    """What was said and not taken back, in order."""
    entries = list(store.opinions())
    undone = {entry.undoes for entry in entries}
    return [entry for entry in entries if entry.outcome != "undo" and entry.number not in undone]


def misunderstood(
    said: list[Said], ids: Mapping[str, str], labels: Mapping[str, str], number: int
) -> list[Problem]:
    """What is wrong with the answers, all of it."""
    strange = tuple(f"line {row.line}: {row.id!r}" for row in said if row.id not in ids)
    odd = tuple(f"line {row.line}: {row.answer!r}" for row in said if row.answer not in {*labels, *WORDS})
    both = tuple(contradictions(said))
    problems = []
    if strange:
        what = f"{counted(len(strange), 'row is', 'rows are')} of no image that round {number} asks about"
        problems.append(Problem(what, "leave the column id as it is in queue.csv.", strange))
    if odd:
        what = f"{counted(len(odd), 'answer is', 'answers are')} not understood"
        cure = f"write a class ({quoted(sorted(set(labels.values())))}), or {', '.join(WORDS)}."
        problems.append(Problem(what, cure, odd))
    if both:
        what = f"{counted(len(both), 'image has', 'images have')} two answers of one reader"
        problems.append(Problem(what, "keep one of them, or name both readers in the column reader.", both))
    return problems


def contradictions(said: list[Said]) -> Iterator[str]:
    """The rows in which a reader says something else than in a row before."""
    first: dict[tuple[str, str], Said] = {}
    for row in said:
        before = first.setdefault((row.id, row.reader), row)
        if before.answer != row.answer:
            yield (
                f"{row.id!r}: {row.reader!r} says {before.answer!r} (line {before.line}) and {row.answer!r} "
                f"(line {row.line})"
            )


def opinion_of(
    row: Said, item: Item, labels: Mapping[str, str], last: Mapping[tuple[str, str], Entry]
) -> Opinion | None:
    """A row as an opinion; None where it is what the reader said last. A class may bear the name of an outcome."""
    label, outcome = labels.get(row.answer), "label"
    if label is None:
        outcome = row.answer
        label = str(item.why["label"]) if outcome == "keep" else None  # what was shown
    before = last.get((item.sample, row.reader))
    if before is not None and (before.outcome, before.label, before.reason) == (outcome, label, row.reason):
        return None
    after = 0 if before is None else before.number
    return Opinion(
        sample=item.sample,
        reader=row.reader,
        outcome=outcome,
        label=label,
        reason=row.reason,
        evidence={"shown": "queue.csv", **item.why},
        round=item.round,
        key=f"queue.csv:{item.round}:{row.reader}:{item.sample}:{after}",
    )
