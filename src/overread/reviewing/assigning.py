"""Who reads what next: the first item that still needs readers, hidden repeats, disagreements, skipped ones last."""

from __future__ import annotations

import time
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import numpy as np

from overread.reviewing.refusing import Refused
from overread.reviewing.table import Table, Word
from overread.reviewing.tickets import ADJUDICATE, READ, REPEAT, Ticket, Tickets

Array = np.ndarray[Any, np.dtype[Any]]
LEASE = 1800.0  # seconds that an item is kept for a reader who does not ask for it again
APART = 10  # own answers between a read and its hidden repeat


class Assigner:
    """Hands out the items of a round. Not for several threads at once."""

    def __init__(self, table: Table, tickets: Tickets, repeats: float, blind: bool) -> None:
        self.table, self.tickets, self.repeats = table, tickets, repeats
        self.order = (
            shuffled(table) if blind else np.arange(len(table))
        )  # the queue's order tells who is suspected
        self._place = np.argsort(self.order)
        self._passed: dict[str, int] = {}  # reader -> places before this one are no longer for him

    def next(self, reader: str, ahead: int) -> list[Ticket]:
        """What a reader is to read now, and `ahead` more, each with its ticket; the same until he answers."""
        hand = [one for one in self.tickets.open_of(reader) if one.kind != ADJUDICATE and self._is_open(one)]
        while len(hand) <= ahead:
            found = self._repeat(reader, hand) or self._fresh(reader, hand) or self._skipped(reader, hand)
            if found is None:
                break
            hand.append(found)
        return self._shown(hand[: ahead + 1])

    def next_disputed(self, reader: str, ahead: int) -> list[Ticket]:
        """The same of items that wait for an adjudicator's word."""
        hand = [one for one in self.tickets.open_of(reader) if one.kind == ADJUDICATE and self._is_open(one)]
        had = {one.item for one in hand}
        for place in self.table.disputed:
            if len(hand) > ahead:
                break
            item = self.item(place)
            if item not in had and not self.tickets.holders(item, reader, time.time() - LEASE):
                hand.append(self.tickets.issue(reader, item, ADJUDICATE))
        return self._shown(hand[: ahead + 1])

    def _shown(self, hand: list[Ticket]) -> list[Ticket]:
        for ticket in hand:
            self.tickets.touch(ticket)
        return hand

    def item(self, place: int) -> tuple[int, int]:
        return int(self.table.rows[place]), int(self.table.parts[place])

    def place(self, ticket: Ticket) -> int:
        """The index of a ticket's item."""
        found = self.table.index.get(ticket.item)
        if found is None:
            raise Refused(409, "This image is no longer in the queue.")
        return found

    def _is_open(self, ticket: Ticket) -> bool:
        """Whether it is still asked; tickets of what was settled meanwhile are given up."""
        place = self.table.index.get(ticket.item)
        state = self.table.states.get(-1 if place is None else place)
        gone = place is None or (
            state is not None and state.settled and ticket.kind in (READ, REPEAT, ADJUDICATE)
        )
        if ticket.kind == ADJUDICATE and place is not None:
            gone = gone or state is None or not state.disputed
        if gone:
            self.tickets.give_up(ticket)
        return not gone

    def _fresh(self, reader: str, hand: list[Ticket]) -> Ticket | None:
        """The first item that he has neither answered nor skipped and that still needs a reader."""
        for place in self.table.reopened:
            for name in self._passed:
                self._passed[name] = min(self._passed[name], int(self._place[place]))
        self.table.reopened.clear()
        had = {one.item for one in hand}
        for place in self._candidates(reader):
            item = self.item(place)
            state = self.table.states.get(place)
            answered = state.answered if state else set()
            holders = self.tickets.holders(item, reader, time.time() - LEASE) - answered
            if item not in had and len(answered) + len(holders) < self.table.readers:
                return self.tickets.issue(reader, item, READ)
        return None

    def _candidates(self, reader: str) -> Iterator[int]:
        """Items in order that are not answered, skipped or settled; remembers how far nothing is left for him."""
        begin = self._passed.get(reader, 0)
        is_over = True
        for turn in range(begin, len(self.order)):
            place = int(self.order[turn])
            state = self.table.states.get(place)
            if state and (self.table.is_done(place) or reader in state.answered or reader in state.skips):
                if is_over:
                    self._passed[reader] = turn + 1
                continue
            is_over = False
            yield place

    def _skipped(self, reader: str, hand: list[Ticket]) -> Ticket | None:
        """What he skipped longest ago and nobody has answered since."""
        had = {one.item for one in hand}
        last = {place: word.number for place, word in self.table.own_words(reader) if word.outcome == "skip"}
        for place, _ in sorted(last.items(), key=lambda one: one[1]):
            state = self.table.states[place]
            waits = reader in state.skips and reader not in state.answered and not self.table.is_done(place)
            if waits and self.item(place) not in had:
                return self.tickets.issue(reader, self.item(place), READ)
        return None

    def _repeat(self, reader: str, hand: list[Ticket]) -> Ticket | None:
        """Now and then an item that he has answered before, without telling him."""
        if not self.repeats:
            return None
        firsts, repeated = firsts_of(self.table, reader)
        out = [one.about for one in hand if one.kind == REPEAT]
        if int(self.repeats * len(firsts)) <= len(repeated) + len(out):
            return None
        taken = {*repeated, *out}
        had = {one.item for one in hand}
        old = [
            (place, word)
            for place, word in firsts[: max(0, len(firsts) - APART)]
            if word.number not in taken
            and self.item(place) not in had
            and not self.table.states[place].settled
        ]
        if not old:
            return None
        place, word = min(old, key=lambda one: lot(reader, one[1].number))
        return self.tickets.issue(reader, self.item(place), REPEAT, word.number)


def firsts_of(table: Table, reader: str) -> tuple[list[tuple[int, Word]], set[int]]:
    """A reader's first answers, in order, one an item; and the numbers of those that were repeated."""
    firsts: dict[int, Word] = {}
    repeated = set()
    for place, word in table.own_words(reader):
        if word.outcome == "skip" or word.authority or word.revises is not None:
            continue
        if word.repeats is not None:
            repeated.add(word.repeats)
        else:
            firsts.setdefault(place, word)
    return list(firsts.items()), repeated


def lot(*parts: object) -> bytes:
    """A draw that the same things always give again."""
    return sha256(repr(parts).encode("utf-8", "surrogatepass")).digest()


def shuffled(table: Table) -> Array:
    """The items in an order that tells nothing."""
    keys = [lot(table.number, *both) for both in zip(table.rows.tolist(), table.parts.tolist(), strict=True)]
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)
