"""The current label: who is believed. Pure functions of what was said; docs/store.md tells the rule to users."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
STATUSES = ("disputed", "unsure", "given", "unreadable", "out-of-scope", "agreed", "authority")
CLOSED = ("unreadable", "out-of-scope")
VOTES = ("label", "keep")


class Said(NamedTuple):
    """What the rule looks at of an entry."""

    number: int
    reader: str
    outcome: str
    value: str | None  # the label, or the hash of the mask; None: the given mask
    authority: bool
    structure: str | None = None
    undoes: int | None = None


class Standing(NamedTuple):
    """Where the matter of one label, or one mask, stands."""

    status: str
    value: str | None = None  # the label, or the hash of the mask; None: the given mask
    is_voted: bool = False  # `value` counts; else the given label stands
    verified: bool = False
    readers: int = 0
    by: tuple[int, ...] = ()  # the entries that decide it


GIVEN = Standing("given")


def standing(said: Sequence[Said]) -> Standing:
    """The rule, on all that was said of one label, in order.

    What was undone does not count, nor does a skip. The last word of an authority is final; without one the last
    opinion of each reader counts: a label stands where more than half of those who name one (by `label` or `keep`)
    name it, and is *verified* where nobody names another, finds the image unreadable or out of scope.

    >>> standing([Said(1, "ann", "label", "nv", False), Said(2, "bob", "keep", "mel", False)]).status
    'disputed'
    >>> standing([Said(1, "ann", "label", "nv", False), Said(2, "bob", "unsure", None, False)])
    Standing(status='agreed', value='nv', is_voted=True, verified=True, readers=2, by=(1,))
    """
    if len(said) == 1 and said[0].outcome in VOTES:  # nearly all
        only = said[0]
        return Standing(
            "authority" if only.authority else "agreed", only.value, True, True, 1, (only.number,)
        )
    counting = [one for one in without_undone(said) if one.outcome != "skip"]
    if not counting:
        return GIVEN
    last = {one.reader: one for one in counting}
    final = next((one for one in reversed(counting) if one.authority), None)
    if final is None:
        return _consensus(list(last.values()))
    if final.outcome in VOTES:
        return Standing("authority", final.value, True, True, len(last), (final.number,))
    return Standing(final.outcome, readers=len(last), by=(final.number,))


def _consensus(last: Sequence[Said]) -> Standing:
    """Where readers stand, by the last opinion of each."""
    votes = Counter(one.value for one in last if one.outcome in VOTES)
    everybody = tuple(one.number for one in last)
    if not votes:
        named = Counter(one.outcome for one in last)
        outcome, most = named.most_common(1)[0]
        alone = list(named.values()).count(most) == 1
        return Standing(outcome if alone else "unsure", readers=len(last), by=everybody)
    value, most = votes.most_common(1)[0]
    if 2 * most <= votes.total():
        return Standing("disputed", readers=len(last), by=everybody)
    contested = len(votes) > 1 or any(one.outcome in CLOSED for one in last)
    by = tuple(one.number for one in last if one.outcome in VOTES and one.value == value)
    return Standing("agreed", value, True, not contested, len(last), by)


def without_undone(said: Sequence[Said]) -> Sequence[Said]:
    """What was not withdrawn, without the withdrawals."""
    undone = {one.undoes for one in said if one.outcome == "undo"}
    if not undone:
        return said
    return [one for one in said if one.outcome != "undo" and one.number not in undone]


def of_structures(said: Sequence[Said], structures: Sequence[str]) -> dict[str, Standing]:
    """Where each structure of an image stands; what names no structure speaks of them all."""
    return {name: standing([s for s in said if s.structure in (None, name)]) for name in structures}


def of_image(each: Mapping[str, Standing]) -> Standing:
    """Where an image stands by its structures: as the one that most needs another look; verified where all are."""
    worst = min(each.values(), key=lambda one: STATUSES.index(one.status))
    readers = max(one.readers for one in each.values())
    return Standing(worst.status, verified=all(one.verified for one in each.values()), readers=readers)


@dataclass(frozen=True)
class Current:
    """Where N labels stand, in the order in which the samples were registered.

    Of masks `label` is the hash of the current mask, "" where the given one stands.
    """

    ids: Array  # [N] text
    given: Array  # [N] text; "" where there was none, and of masks
    label: Array  # [N] text: the current label
    status: Array  # [N] text of STATUSES
    verified: Array  # [N] bool: never asked again, and trusted
    readers: Array  # [N] int32: how many said something

    @property
    def askable(self) -> Array:
        """[N] bool: worth asking about: not verified, not unreadable, not out of scope."""
        return np.asarray(~self.verified & ~np.isin(self.status, CLOSED))


def current_of(ids: Array, given: Array, found: Mapping[int, Standing]) -> Current:
    """The columns, from the `found` standings of the few rows of which something was said."""
    label, status = given.copy(), np.full(len(ids), "given", dtype=object)
    verified, readers = np.zeros(len(ids), bool), np.zeros(len(ids), np.int32)
    if found:
        rows, each = np.fromiter(found, np.int64, len(found)), list(found.values())
        status[rows] = [one.status for one in each]
        verified[rows] = [one.verified for one in each]
        readers[rows] = [one.readers for one in each]
        voted = {row: one.value or "" for row, one in found.items() if one.is_voted}
        label[list(voted)] = list(voted.values())
    return Current(ids, given, label, status, verified, readers)
