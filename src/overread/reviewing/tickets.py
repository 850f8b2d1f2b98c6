"""Tickets: what a reader was given to read. An answer names its ticket, and a ticket takes one answer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from secrets import token_urlsafe

from overread.reviewing.accounts import Accounts
from overread.reviewing.refusing import Refused
from overread.reviewing.table import Table, Word

READ, REPEAT, ADJUDICATE, AGAIN = "read", "repeat", "adjudicate", "again"


@dataclass(frozen=True)
class Ticket:
    """An item in somebody's hands."""

    name: str
    row: int
    part: int
    reader: str
    kind: str
    issued: float
    about: int | None = None  # of a repeat: the number of the first answer

    @property
    def item(self) -> tuple[int, int]:
        return self.row, self.part

    @property
    def key(self) -> str:
        """Of the answer, in the label store: the same ticket never gives two."""
        return f"review:{self.name}"

    @property
    def key_of_revision(self) -> str:
        return f"review:{self.name}:revised"


class Tickets:
    """The tickets of a round. Which of them are used is read from the label store alone."""

    def __init__(self, accounts: Accounts, table: Table) -> None:
        self._accounts, self._table = accounts, table
        self._all: dict[str, Ticket] = {}
        self._open: dict[str, dict[str, Ticket]] = {}  # reader -> name -> ticket, in order of issue
        self._held: dict[
            tuple[int, int], dict[str, float]
        ] = {}  # item -> reader -> when he last asked for it
        self._of_item: dict[
            tuple[str, tuple[int, int]], list[Ticket]
        ] = {}  # all that a reader was ever given
        rows = accounts.query(
            "SELECT ticket, row, part, reader, kind, issued, about FROM tickets WHERE round = ? ORDER BY issued",
            (table.number,),
        )
        for row in rows:
            self._keep(Ticket(*row))

    def _keep(self, ticket: Ticket) -> None:
        self._all[ticket.name] = ticket
        self._of_item.setdefault((ticket.reader, ticket.item), []).append(ticket)
        if ticket.key not in self._table.keys:
            self._open.setdefault(ticket.reader, {})[ticket.name] = ticket
            self._held.setdefault(ticket.item, {})[ticket.reader] = ticket.issued

    def issue(self, reader: str, item: tuple[int, int], kind: str, about: int | None = None) -> Ticket:
        """A new one."""
        ticket = Ticket(token_urlsafe(12), *item, reader, kind, time.time(), about)
        self._accounts.query(
            "INSERT INTO tickets VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (ticket.name, self._table.number, *item, reader, kind, ticket.issued, about),
        )
        self._keep(ticket)
        return ticket

    def of(self, name: str, reader: str) -> Ticket:
        """The ticket of this name, if it is this reader's."""
        ticket = self._all.get(name)
        if ticket is None:
            raise Refused(409, "This image is no longer asked about. Reload the page.")
        if ticket.reader != reader:
            raise Refused(403, "This image was given to somebody else.")
        return ticket

    def open_of(self, reader: str) -> list[Ticket]:
        """What a reader has not answered yet, in order of issue."""
        mine = self._open.get(reader, {})
        for name in [name for name, one in mine.items() if one.key in self._table.keys]:
            self._drop(mine.pop(name))
        return list(mine.values())

    def open_on(self, reader: str, item: tuple[int, int]) -> Ticket | None:
        """The open ticket of a reader on an item."""
        return next((one for one in self.open_of(reader) if one.item == item), None)

    def give_up(self, ticket: Ticket) -> None:
        """It is not asked any more."""
        if self._open.get(ticket.reader, {}).pop(ticket.name, None):
            self._drop(ticket)

    def _drop(self, ticket: Ticket) -> None:
        self._held.get(ticket.item, {}).pop(ticket.reader, None)

    def touch(self, ticket: Ticket) -> None:
        """Its reader still has it before him."""
        self._held.setdefault(ticket.item, {})[ticket.reader] = time.time()

    def holders(self, item: tuple[int, int], reader: str, since: float) -> set[str]:
        """Who else has an item in hands."""
        held = self._held.get(item, {})
        return {name for name, then in held.items() if name != reader and then > since}

    def was_assigned(self, reader: str, item: tuple[int, int]) -> bool:
        return (reader, item) in self._of_item

    def was_adjudicated(self, reader: str, item: tuple[int, int]) -> bool:
        """Whether an item was given to somebody to end a disagreement."""
        return any(one.kind == ADJUDICATE for one in self._of_item.get((reader, item), ()))

    def by_answer(self, word: Word) -> Ticket | None:
        """The ticket that an entry answered."""
        name = (word.key or "").removeprefix("review:").removesuffix(":revised")
        return self._all.get(name)
