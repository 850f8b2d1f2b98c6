"""Where a round stands: read from the database once, and then kept up to date by what was appended since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from overread.store.reading import plain_rows
from overread.store.standing import CLOSED, VOTES
from overread.store.tables import opinions, queue

ENDS = (*VOTES, *CLOSED)  # what an authority can say to end a matter


class Progress(NamedTuple):
    """How far a round is."""

    items: int
    answered: int  # by as many readers as are needed, or settled by an authority
    readers: dict[str, int]  # how many items each has answered


class Word(NamedTuple):
    """What a round looks at of an entry."""

    number: int
    sample: str
    structure: str | None
    reader: str
    outcome: str
    authority: bool
    round: int | None
    undoes: int | None


class Round:
    """The items of a round by index, and who has answered, skipped or settled which."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.items: list[tuple[str, str]] = []  # sample and structure, in the order in which to ask
        self._seen = -1  # number of the last entry that is counted; -1: nothing was read
        self._forget()

    def _forget(self) -> None:
        self._of_sample: dict[str, list[int]] = {}
        self._answers: dict[str, dict[int, set[int]]] = {}  # reader -> item -> entries
        self._skips: dict[str, dict[int, int]] = {}  # reader -> item -> last entry
        self._settled: dict[int, set[int]] = {}  # item -> entries
        self._said: dict[int, tuple[str, list[int]]] = {}  # entry -> reader, items
        self._passed: dict[str, int] = {}  # reader -> items before this one are answered, skipped or settled

    def update(self, connection: Connection, last: int) -> None:
        """Takes in what was appended, up to entry `last`."""
        if self._seen < 0 or last < self._seen:  # the latter where a back-up was put in place
            self._read(connection)
        elif last > self._seen:
            for word in _words(connection, opinions.c.number > self._seen):
                self._add(word)
        self._seen = last

    def has_grown(self, connection: Connection) -> bool:
        """Whether items were added since; they are taken in then."""
        count = sa.select(sa.func.count()).select_from(queue).where(queue.c.round == self.number)
        if connection.execute(count).scalar() == len(self.items):
            return False
        self._read(connection)
        return True

    def _read(self, connection: Connection) -> None:
        self._forget()
        q = queue.c
        asked = (
            sa.select(q.sample, q.structure)
            .where(q.round == self.number)
            .order_by(q.place, q.sample, q.structure)
        )
        self.items = [(row[0], row[1]) for row in connection.execute(asked)]
        for index, (sample, _) in enumerate(self.items):
            self._of_sample.setdefault(sample, []).append(index)
        here = opinions.c.sample.in_(sa.select(q.sample).where(q.round == self.number))
        wanted = (
            opinions.c.round == self.number,
            sa.and_(opinions.c.authority, here),
            sa.and_(opinions.c.undoes.is_not(None), here),
        )
        words = {word.number: word for condition in wanted for word in _words(connection, condition)}
        for number in sorted(words):
            self._add(words[number])

    def _add(self, word: Word) -> None:
        """Counts one entry more."""
        if word.undoes is not None:
            self._withdraw(word.undoes)
            return
        where = list(self._about(word))
        ends = word.authority and word.outcome in ENDS
        if not where or not (ends or word.round == self.number):
            return
        self._said[word.number] = word.reader, where
        for index in where:
            if ends:
                self._settled.setdefault(index, set()).add(word.number)
            if word.round != self.number:
                continue
            if word.outcome == "skip":
                self._skips.setdefault(word.reader, {})[index] = word.number
            else:
                self._answers.setdefault(word.reader, {}).setdefault(index, set()).add(word.number)

    def _about(self, word: Word) -> Iterator[int]:
        """The items that an entry speaks of: one on a whole image of all its structures, and the other way round."""
        for index in self._of_sample.get(word.sample, ()):
            if word.structure is None or self.items[index][1] in ("", word.structure):
                yield index

    def _withdraw(self, number: int) -> None:
        reader, where = self._said.pop(number, ("", []))
        for index in where:
            self._settled.get(index, set()).discard(number)
            answers, skips = self._answers.get(reader, {}), self._skips.get(reader, {})
            if index in answers:
                answers[index].discard(number)
                if not answers[index]:
                    del answers[index]
            if skips.get(index) == number:
                del skips[index]
        self._passed.clear()

    def fresh(self, reader: str) -> int | None:
        """The first item that `reader` has neither answered nor skipped, and nobody settled."""
        index = self._passed.get(reader, 0)
        answers, skips = self._answers.get(reader, {}), self._skips.get(reader, {})
        while index < len(self.items) and (index in answers or index in skips or self._settled.get(index)):
            index += 1
        self._passed[reader] = index
        return index if index < len(self.items) else None

    def skipped(self, reader: str) -> int | None:
        """The item that `reader` skipped longest ago and has not answered, and nobody settled."""
        answers = self._answers.get(reader, {})
        waiting = [
            (number, index)
            for index, number in self._skips.get(reader, {}).items()
            if index not in answers and not self._settled.get(index)
        ]
        return min(waiting)[1] if waiting else None

    def progress(self, readers: int) -> Progress:
        """How far it is, where `readers` have to answer each item."""
        given = Counter(index for answers in self._answers.values() for index in answers)
        done = sum(
            given[index] >= readers or bool(self._settled.get(index)) for index in range(len(self.items))
        )
        return Progress(len(self.items), done, {name: len(one) for name, one in self._answers.items() if one})


def _words(connection: Connection, condition: Any) -> list[Word]:
    """The entries of which `condition` holds, in order."""
    columns = [opinions.c[name] for name in Word._fields]
    query = sa.select(*columns).where(condition).order_by(opinions.c.number)
    return [Word._make(row) for row in plain_rows(connection, query)]
