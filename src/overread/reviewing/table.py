"""Where a round stands: its items by index, what was said of each, who has answered what. In memory, kept up to date
by what is appended to the label store."""

from __future__ import annotations

import json
from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from overread.store.connecting import Database
from overread.store.reading import plain_rows
from overread.store.standing import CLOSED, GIVEN, VOTES, Said, Standing, standing, without_undone
from overread.store.tables import head, opinions, queue, samples

Array = np.ndarray[Any, np.dtype[Any]]
WHOLE = -1  # in place of a structure's number: the item is the image as a whole
ENDS = (*VOTES, *CLOSED)  # what an authority can say to end a matter


class Word(NamedTuple):
    """An entry of the label store, as far as a round looks at it."""

    number: int
    row: int
    structure: str | None
    reader: str
    outcome: str
    value: str | None  # label, or hash of the mask
    authority: bool
    round: int | None
    undoes: int | None
    seconds: float | None
    key: str | None
    at: str
    reason: str
    evidence: str  # JSON

    @property
    def said(self) -> Said:
        return Said(
            self.number, self.reader, self.outcome, self.value, self.authority, self.structure, self.undoes
        )

    @property
    def repeats(self) -> int | None:
        """Of a hidden repeat, the number of the reader's first answer."""
        return self._told("repeats")

    @property
    def revises(self) -> int | None:
        """Of an answer that was revised after the reveal, the number of the first."""
        return self._told("revises")

    @property
    def kept(self) -> bool:
        """Whether the given mask was kept by handing it in again."""
        return '"kept"' in self.evidence

    def _told(self, name: str) -> int | None:
        return json.loads(self.evidence).get(name) if f'"{name}"' in self.evidence else None


@dataclass
class State:
    """What was said of an item, and what follows from it."""

    words: list[Word] = field(default_factory=list)  # all of them, in order
    standing: Standing = GIVEN
    answered: set[str] = field(default_factory=set)  # readers
    skips: dict[str, int] = field(default_factory=dict)  # reader -> number of the last skip
    settled: bool = False  # an authority has ended it
    disputed: bool = False  # it waits for one

    @property
    def counting(self) -> list[Word]:
        """What was not withdrawn."""
        kept = {one.number for one in without_undone([word.said for word in self.words])}
        return [word for word in self.words if word.number in kept and word.outcome != "undo"]


class Table:
    """One round. Not for several threads at once."""

    def __init__(self, database: Database, number: int, readers: int, structures: tuple[str, ...]) -> None:
        self.database, self.number, self.readers, self.structures = database, number, readers, structures
        self.rows, self.parts = np.zeros(0, np.int32), np.zeros(0, np.int16)  # [n] sample, structure
        self.states: dict[int, State] = {}  # of items of which something was said
        self.own: dict[str, list[int]] = {}  # reader -> numbers of entries that stand, in order
        self.words: dict[int, tuple[int, Word]] = {}  # number -> item, entry
        self.keys: dict[str, int] = {}  # key -> number
        self.undone: set[int] = set()
        self.disputed: list[int] = []  # items that wait for an adjudicator, in order
        self.done = 0  # items that are answered
        self.seen = 0  # number of the last entry that is counted
        self.reopened: set[int] = set()  # items of which something was withdrawn since somebody looked
        self.index: dict[tuple[int, int], int] = {}
        self.of_row: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, budget: int | None) -> None:
        """Reads the items, the first `budget` of them, and all that was said."""
        with self.database.reading() as connection:
            listed = list(_items(connection, self.number))[:budget]
            numbers = {name: place for place, name in enumerate(self.structures)}
            self.rows = np.array([row for row, _ in listed], np.int32)
            self.parts = np.array([numbers.get(name, WHOLE) for _, name in listed], np.int16)
            self.index = {
                both: place
                for place, both in enumerate(zip(self.rows.tolist(), self.parts.tolist(), strict=True))
            }
            if self.structures:
                for place, row in enumerate(self.rows.tolist()):
                    self.of_row.setdefault(row, []).append(place)
            self._take_in(connection)

    def update(self) -> None:
        """Takes in what was appended since."""
        with self.database.reading() as connection:
            if connection.execute(sa.select(head.c.number)).scalar() != self.seen:
                self._take_in(connection)

    def _take_in(self, connection: Connection) -> None:
        for word in words(connection, opinions.c.number > self.seen):
            self.seen = word.number
            for item in self._about(word):
                self._add(item, word)

    def _about(self, word: Word) -> Iterator[int]:
        """The items that an entry speaks of."""
        if not self.structures:
            found = self.index.get((word.row, WHOLE))
            return iter(() if found is None else (found,))
        return (
            item
            for item in self.of_row.get(word.row, ())
            if word.structure in (None, self.structure(item)) or self.parts[item] == WHOLE
        )

    def structure(self, item: int) -> str | None:
        part = int(self.parts[item])
        return None if part == WHOLE else self.structures[part]

    def _add(self, item: int, word: Word) -> None:
        state = self.states.setdefault(item, State())
        before = self.is_done(item), state.disputed
        state.words.append(word)
        self.words[word.number] = item, word
        if word.key:
            self.keys[word.key] = word.number
        if word.undoes is not None:
            self.undone.add(word.undoes)
            self.reopened.add(item)
            self._forget(word.undoes)
        elif word.round == self.number:
            self.own.setdefault(word.reader, []).append(word.number)
        self._follow(item, state)
        self.done += self.is_done(item) - before[0]
        if state.disputed and not before[1]:
            insort(self.disputed, item)
        elif before[1] and not state.disputed:
            self.disputed.remove(item)

    def _forget(self, number: int) -> None:
        """An entry that was withdrawn is nobody's any more."""
        reader = self.words[number][1].reader if number in self.words else ""
        if number in (own := self.own.get(reader, [])):
            own.remove(number)

    def _follow(self, item: int, state: State) -> None:
        """What follows from what was said."""
        counting = state.counting
        mine = [word for word in counting if word.round == self.number]
        state.standing = standing([word.said for word in counting])
        state.answered = {word.reader for word in mine if word.outcome != "skip"}
        state.skips = {word.reader: word.number for word in mine if word.outcome == "skip"}
        heard = any(word.authority for word in counting)
        state.settled = any(word.authority and word.outcome in ENDS for word in counting)
        open_still = not state.standing.verified and state.standing.status not in CLOSED
        state.disputed = len(state.answered) >= self.readers and open_still and not heard

    def is_done(self, item: int) -> bool:
        """Whether as many readers as are needed have answered an item, or an authority has settled it."""
        state = self.states.get(item)
        return state is not None and (state.settled or len(state.answered) >= self.readers)

    def answers_of(self, reader: str, item: int) -> list[Word]:
        """What a reader said of an item in this round and has not withdrawn, skips left out."""
        state = self.states.get(item)
        mine = state.counting if state else []
        return [w for w in mine if w.reader == reader and w.round == self.number and w.outcome != "skip"]

    def own_words(self, reader: str) -> list[tuple[int, Word]]:
        """Item and entry of all that a reader said in this round and has not withdrawn."""
        return [self.words[number] for number in self.own.get(reader, [])]


def words(connection: Connection, condition: Any) -> list[Word]:
    """The entries of which `condition` holds, in order."""
    o = opinions.c
    value = sa.func.coalesce(o.label, o.mask)
    columns = (
        o.number, samples.c.place, o.structure, o.reader, o.outcome, value, o.authority, o.round, o.undoes,
        o.seconds, o.key, o.at, o.reason, o.evidence,
    )  # fmt: skip
    query = sa.select(*columns).join(samples, samples.c.id == o.sample).where(condition).order_by(o.number)
    return [Word._make(row)._replace(authority=bool(row[6])) for row in plain_rows(connection, query)]


def _items(connection: Connection, number: int) -> Iterator[tuple[int, str]]:
    """Row and structure of the items of a round, in the order in which they are asked."""
    q = queue.c
    query = (
        sa.select(samples.c.place, q.structure)
        .join(samples, samples.c.id == q.sample)
        .where(q.round == number)
        .order_by(q.place, q.sample, q.structure)
    )
    return ((row[0], row[1]) for row in plain_rows(connection, query))


def why_of(
    connection: Connection, number: int, asked: list[tuple[str, str | None]]
) -> dict[tuple[str, str], Any]:
    """What the queue keeps of some items: by (id, structure or "")."""
    q = queue.c
    names = [name for name, _ in asked]
    query = sa.select(q.sample, q.structure, q.place, q.why).where(q.round == number, q.sample.in_(names))
    return {(row[0], row[1]): (row[2], json.loads(row[3])) for row in connection.execute(query)}


def items_of(database: Database, number: int) -> int:
    """How many items a round has."""
    count = sa.select(sa.func.count()).select_from(queue).where(queue.c.round == number)
    with database.reading() as connection:
        return int(connection.execute(count).scalar() or 0)
