"""The queue: which samples are to be asked about in which round, and who has answered what."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from overread.errors import InputError
from overread.store.chain import canonical
from overread.store.standing import CLOSED, VOTES
from overread.store.tables import opinions, queue

Asked = tuple[str, int, Mapping[str, Any]] | tuple[str, int, Mapping[str, Any], str | None]


@dataclass(frozen=True)
class Item:
    """One question of a round."""

    round: int
    place: int  # the order in which to ask
    sample: str
    structure: str | None  # masks: None is the whole image
    why: Mapping[str, Any]  # JSON: why it is asked, what to show


class Progress(NamedTuple):
    """How far a round is."""

    items: int
    answered: int  # by at least one reader, or settled by an authority
    readers: dict[str, int]  # how many items each has answered


def enqueue(connection: Connection, round: int, asked: Iterable[Asked]) -> int:
    """Adds items to a round; what it holds already stays as it is. Says how many are new."""
    there = {(row.sample, row.structure) for row in connection.execute(_items(round))}
    rows = []
    for one in asked:
        sample, place, why, structure = one if len(one) == 4 else (*one, None)
        if (sample, structure or "") in there:
            continue
        there.add((sample, structure or ""))
        text = canonical(dict(why)).decode()
        rows.append(
            {"round": round, "sample": sample, "structure": structure or "", "place": int(place), "why": text}
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
    for row in connection.execute(_items(round)):
        yield _item(row)


def _items(round: int) -> sa.Select[Any]:
    return sa.select(queue).where(queue.c.round == round).order_by(queue.c.place, queue.c.sample)


def _item(row: Any) -> Item:
    return Item(row.round, row.place, row.sample, row.structure or None, json.loads(row.why))


def next_item(connection: Connection, reader: str, round: int, after: int) -> Item | None:
    """The first item from place `after` on that `reader` has neither answered nor skipped, and nobody settled."""
    looked = _same_item().where(opinions.c.reader == reader, opinions.c.round == round)
    fresh = _items(round).where(queue.c.place >= after, ~looked.exists(), ~_settled().exists()).limit(1)
    row = connection.execute(fresh).one_or_none()
    return _item(row) if row else None


def skipped_item(connection: Connection, reader: str, round: int) -> Item | None:
    """The item that `reader` skipped longest ago and has not answered since, and nobody settled."""
    own = opinions.alias("own")
    mine = (own.c.reader == reader, own.c.round == round)
    answered = _same_item().where(
        opinions.c.reader == reader, opinions.c.round == round, opinions.c.outcome != "skip"
    )
    query = (
        sa.select(queue, sa.func.max(own.c.number).label("last"))
        .join(own, _about_item(own))
        .where(queue.c.round == round, *mine, own.c.outcome == "skip", _stands(own))
        .where(~answered.exists(), ~_settled().exists())
        .group_by(*queue.c)
        .order_by(sa.literal_column("last"))
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return _item(row) if row else None


def undone_since(connection: Connection, number: int) -> bool:
    """Whether an entry after `number` withdraws one."""
    query = (
        sa.select(opinions.c.number).where(opinions.c.number > number, opinions.c.outcome == "undo").limit(1)
    )
    return connection.execute(query).one_or_none() is not None


def progress(connection: Connection, round: int, readers: int) -> Progress:
    """How far a round is; an item is answered when `readers` have answered it, or an authority has settled it."""
    asked = connection.execute(
        sa.select(queue.c.sample, queue.c.structure).where(queue.c.round == round)
    ).all()
    by_item: dict[tuple[str, str], set[str]] = {(row[0], row[1]): set() for row in asked}
    answers = (
        sa.select(queue.c.sample, queue.c.structure, opinions.c.reader)
        .join(opinions, _about_item(opinions))
        .where(queue.c.round == round, opinions.c.round == round, _answers(opinions), _stands(opinions))
    )
    for sample, structure, reader in connection.execute(answers):
        by_item[sample, structure].add(reader)
    settled = sa.select(queue.c.sample, queue.c.structure).where(queue.c.round == round, _settled().exists())
    closed = {(row[0], row[1]) for row in connection.execute(settled)}
    done = sum(item in closed or len(who) >= readers for item, who in by_item.items())
    return Progress(
        len(by_item), done, dict(Counter(name for who in by_item.values() for name in sorted(who)))
    )


def _about_item(table: Any) -> Any:
    """Whether an opinion speaks of an item: one on the whole image of all its structures, and the other way round."""
    named = sa.or_(
        queue.c.structure == "", table.c.structure.is_(None), table.c.structure == queue.c.structure
    )
    return sa.and_(table.c.sample == queue.c.sample, named)


def _answers(table: Any) -> Any:
    return table.c.outcome.not_in(("skip", "undo"))


def _stands(table: Any) -> Any:
    """Whether an entry was not withdrawn."""
    undo = opinions.alias("undo")
    return ~sa.exists().where(undo.c.undoes == table.c.number)


def _same_item() -> sa.Select[Any]:
    """What was said of an item of the query around this one, and stands."""
    about = sa.and_(_about_item(opinions), opinions.c.outcome != "undo", _stands(opinions))
    return sa.select(opinions.c.number).where(about).correlate(queue)


def _settled() -> sa.Select[Any]:
    """What ends the matter of an item: the word of an authority."""
    ends = opinions.c.outcome.in_((*VOTES, *CLOSED))
    return _same_item().where(opinions.c.authority, ends)
