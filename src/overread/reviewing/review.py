"""A review that is going on: the run, its label store, who reads what."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from overread.reviewing.accounts import Accounts
from overread.reviewing.assigning import Assigner
from overread.reviewing.images import Images, Kept
from overread.reviewing.masks import MaskPictures
from overread.reviewing.neighbours import Neighbours
from overread.reviewing.refusing import Refused
from overread.reviewing.running import Runner
from overread.reviewing.settings import ReviewSettings
from overread.reviewing.source import AUDIT_ROUND, Source
from overread.reviewing.table import Table
from overread.reviewing.tickets import Ticket, Tickets
from overread.store import LabelStore
from overread.store.connecting import Database
from overread.store.queue import newest_round


@dataclass(frozen=True)
class Round:
    """The round that is asked about now."""

    table: Table
    tickets: Tickets
    assigner: Assigner


class Review:
    """All that requests are answered from. `turn` is held while somebody looks at, or changes, where the round is."""

    def __init__(
        self,
        source: Source,
        store: LabelStore,
        database: Database,
        accounts: Accounts,
        settings: ReviewSettings,
    ) -> None:
        self.source, self.store, self.database = source, store, database
        self.accounts, self.settings = accounts, settings
        self.images, self.masks, self.neighbours = Images(source), MaskPictures(source), Neighbours(source)
        self.measured = Kept(1 << 20)  # what is slow to compute and changes with the trail
        self.curating: Any = None  # columns of the curator's page
        self.runner = Runner(source)
        self._turn = threading.RLock()
        self._round: Round | None = None

    @property
    def readers(self) -> int:
        """How many readers each item needs."""
        return self.settings.readers or 1

    @contextmanager
    def turn(self) -> Iterator[Round]:
        """The round as it stands now, for one request at a time."""
        with self._turn:
            if self._round is None or self._is_over(self._round):
                self._round = self._begun()
            self._round.table.update()
            yield self._round

    def _is_over(self, current: Round) -> bool:
        if self.source.verb == "audit":
            return False
        with self.database.reading() as connection:
            return newest_round(connection) != current.table.number

    def _begun(self) -> Round:
        """Reads the newest round."""
        with self.database.reading() as connection:
            number = AUDIT_ROUND if self.source.verb == "audit" else newest_round(connection)
        if number is None:
            raise Refused(409, "Nothing is asked yet.")
        table = Table(self.database, number, self.readers, self.source.structures)
        table.read(self.settings.budget)
        tickets = Tickets(self.accounts, table)
        self.curating = None
        self.neighbours = Neighbours(self.source)  # a new round has new evidence
        return Round(table, tickets, Assigner(table, tickets, self.settings.repeats, self.settings.blind))

    def check_open(self) -> None:
        """Refuses answers while the next round is made."""
        if self.runner.is_running:
            raise Refused(409, "The next round is being made. Come back in a while.")

    def close(self) -> None:
        self.accounts.close()
        self.store.close()
        self.database.engine.dispose()


def round_name(source: Source, number: int) -> str:
    return "Review of the audit" if source.verb == "audit" else f"Round {number}"


def item_name(ticket_or_item: Ticket | tuple[int, int]) -> str:
    """How URLs name an item."""
    row, part = ticket_or_item.item if isinstance(ticket_or_item, Ticket) else ticket_or_item
    return str(row) if part < 0 else f"{row}.{part}"


def item_of(name: str) -> tuple[int, int]:
    """Row and structure of an item's name."""
    row, dot, part = name.partition(".")
    if not plain(row) or (dot and not plain(part)):
        raise Refused(404, "There is no such item.")
    return int(row), int(part) if dot else -1


def plain(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 9
