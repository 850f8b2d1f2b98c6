"""The queue: which samples are to be asked about in which round, in which order, and why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from overread.errors import InputError
from overread.store.chain import canonical
from overread.store.tables import queue

Asked = tuple[str, int, Mapping[str, Any]] | tuple[str, int, Mapping[str, Any], str | None]


@dataclass(frozen=True)
class Item:
    """One question of a round."""

    round: int
    place: int  # the order in which to ask
    sample: str
    structure: str | None  # masks: None is the whole image
    why: Mapping[str, Any]  # JSON: why it is asked, what to show


def enqueue(connection: Connection, round: int, asked: Iterable[Asked]) -> int:
    """Adds items to a round; what it holds already stays as it is. Says how many are new."""
    there = {(row.sample, row.structure) for row in connection.execute(_of_round(round))}
    rows = []
    for one in asked:
        sample, place, why, structure = one if len(one) == 4 else (*one, None)
        if (sample, structure or "") in there:
            continue
        there.add((sample, structure or ""))
        rows.append(
            {
                "round": round,
                "sample": sample,
                "structure": structure or "",
                "place": int(place),
                "why": canonical(dict(why)).decode(),
            }
        )
    if rows:
        _insert(connection, rows)
    return len(rows)


def _insert(connection: Connection, rows: list[dict[str, Any]]) -> None:
    try:
        connection.execute(queue.insert(), rows)
    except sa.exc.IntegrityError as error:
        raise InputError("The queue names samples that the label store does not know.") from error


def items(connection: Connection, round: int) -> Iterator[Item]:
    """The items of a round, in order."""
    for row in connection.execute(_of_round(round)):
        yield _item(row)


def newest_round(connection: Connection) -> int | None:
    """The round that was put into the queue last; None where nothing was."""
    return connection.execute(sa.select(sa.func.max(queue.c.round))).scalar()


def item(connection: Connection, round: int, sample: str, structure: str) -> Item:
    """One of them."""
    one = _of_round(round).where(queue.c.sample == sample, queue.c.structure == structure)
    return _item(connection.execute(one).one())


def _of_round(round: int) -> sa.Select[Any]:
    c = queue.c
    return sa.select(queue).where(c.round == round).order_by(c.place, c.sample, c.structure)


def _item(row: Any) -> Item:
    return Item(row.round, row.place, row.sample, row.structure or None, json.loads(row.why))
