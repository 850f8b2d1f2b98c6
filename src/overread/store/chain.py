"""The chain: each entry carries the hash of the one before, so that nothing can be changed behind it unnoticed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from overread.store.opinions import Entry

FAR = 1000  # entries that may be missing before one whose number was changed


def canonical(value: Any) -> bytes:
    """The one way to write a value as JSON: keys in order, no spaces, UTF-8.

    >>> canonical({"b": 0.5, "a": "é"}).decode()
    '{"a":"é","b":0.5}'
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def hash_of(content: Mapping[str, Any]) -> str:
    """h = sha256(canonical(everything of an entry but `hash`)), in hex. `before` is part of it: h_n covers h_{n-1}.

    >>> hash_of({"number": 1, "before": "0", "hash": "whatever"}) == hash_of({"before": "0", "number": 1})
    True
    """
    return hashlib.sha256(canonical({k: v for k, v in content.items() if k != "hash"})).hexdigest()


def lines_of_samples(
    rows: Iterable[tuple[str, str | None, str]], structures: Sequence[str]
) -> Iterator[bytes]:
    """A line of canonical JSON for the structures, and one for the [id, given, group] of each sample in order."""
    yield canonical(list(structures)) + b"\n"
    for row in rows:
        yield canonical(list(row)) + b"\n"


def hash_of_lines(lines: Iterable[bytes]) -> str:
    """What entry 1 follows: sha256 of the samples' lines, one after the other."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line)
    return digest.hexdigest()


class Walk:
    """Goes through the entries in order, compares each with the one before, and says in `faults` what is wrong."""

    def __init__(self, start: str) -> None:
        self.number, self.hash, self.name = 0, start, "the start"
        self.faults: list[str] = []
        self.numbers = {start: 0}  # of each hash met, the number under which its entry was written
        self._shift = 0  # by how much numbers differ from those under which entries were written

    def step(self, entry: Entry) -> None:
        """One entry more."""
        written = self._written(entry)
        if written == entry.number:
            self._compare(entry)
        elif written is not None:
            self._renumbered(entry, written)
        else:
            self._gap(entry)
            self.faults.append(f"{told(entry)} was changed after it was written.")
        self.numbers[entry.hash] = entry.number if written is None else written
        self.number, self.hash, self.name = entry.number, entry.hash, told(entry)

    def _written(self, entry: Entry) -> int | None:
        """The number under which an entry was written; None where its hash fits none."""
        before = self.numbers.get(entry.before)
        others = range(entry.number + 1, entry.number + FAR) if before is None else (before + 1,)
        content = vars(entry)
        fits = (n for n in (entry.number, *others) if hash_of({**content, "number": n}) == entry.hash)
        return next(fits, None)

    def _compare(self, entry: Entry) -> None:
        """An entry that is whole in itself: does it follow the one before?"""
        self._shift = 0
        if not self._gap(entry) and entry.before != self.hash:
            self.faults.append(
                f"{told(entry)} does not follow {self.name}: one of the two was inserted, or written anew."
            )

    def _gap(self, entry: Entry) -> bool:
        """Whether numbers are missing before an entry, which is then said."""
        first, last = self.number + 1, entry.number - 1
        if entry.number < first:
            self.faults.append(f"{told(entry)} was inserted: the trail begins with entry 1.")
        elif first <= last:
            which = f"Entry {first} was" if first == last else f"Entries {first} to {last} were"
            self.faults.append(f"{which} removed: {told(entry)} comes after {self.name}.")
        return entry.number != first

    def _renumbered(self, entry: Entry, written: int) -> None:
        """An entry that is whole under another number: something came or went before it."""
        shift = entry.number - written
        if shift > self._shift:
            self.faults.append(f"{self.name} was inserted: {told(entry)} was written as entry {written}.")
        elif shift < self._shift:
            self.faults.append(
                f"An entry was removed after {self.name}: {told(entry)} was written as entry {written}."
            )
        self._shift = shift


def told(entry: Entry) -> str:
    """How a fault names an entry."""
    return f"Entry {entry.number} (sample {entry.sample!r}, reader {entry.reader!r})"
