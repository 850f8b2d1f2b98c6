"""Opinions become entries: numbered, dated, chained, written in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from overread.errors import InputError
from overread.store.chain import canonical, hash_of
from overread.store.opinions import Entry, Opinion, entry_of
from overread.store.samples import needed_head
from overread.store.standing import Said, standing
from overread.store.tables import head, masks, opinions, samples

PART = 500  # values in one IN (...)


def append(connection: Connection, new: Sequence[Opinion]) -> list[Entry]:
    """Writes opinions that were checked, in a transaction that nobody else writes in, and returns their entries."""
    found = needed_head(connection)
    known = Known(connection, new, json.loads(found.structures))
    number, last = found.number, found.hash
    result, rows = [], []
    for opinion in new:
        if opinion.key is not None and opinion.key in known.keys:
            result.append(known.keys[opinion.key])
            continue
        number += 1
        row = row_of(opinion, number, last, known)
        last = row["hash"] = hash_of(row)
        entry = Entry(**row)
        known.add(entry)
        result.append(entry)
        rows.append({**row, "evidence": canonical(row["evidence"]).decode()})
    if rows:
        _write_masks(connection, new)
        connection.execute(opinions.insert(), rows)
        connection.execute(head.update().values(number=number, hash=last))
    return result


def row_of(opinion: Opinion, number: int, before: str, known: Known) -> dict[str, Any]:
    """What the chain covers of an entry: everything but its own hash."""
    known.check(opinion)
    kept = known.kept(opinion)
    return {
        **vars(opinion),
        **kept,
        "number": number,
        "at": datetime.now(UTC).isoformat(timespec="microseconds"),
        "seconds": None if opinion.seconds is None else float(opinion.seconds),
        "authority": bool(opinion.authority),
        "round": None if opinion.round is None else int(opinion.round),
        "undoes": None if opinion.undoes is None else int(opinion.undoes),
        "evidence": json.loads(json.dumps(dict(opinion.evidence))),
        "before": before,
    }


class Known:
    """What the store holds that new opinions touch: their keys, their samples, what was said of these."""

    def __init__(self, connection: Connection, new: Sequence[Opinion], structures: Sequence[str]) -> None:
        self.structures = structures
        keys = {one.key for one in new if one.key is not None}
        self.keys = {str(one.key): one for one in entries_where(connection, opinions.c.key, keys)}
        rows = _where(
            connection, sa.select(samples.c.id, samples.c.given), samples.c.id, {o.sample for o in new}
        )
        self._given: dict[str, str | None] = {row[0]: row[1] for row in rows}
        asked = {one.sample for one in new if one.outcome in ("keep", "undo")}
        self._said: dict[str, list[Said]] = {}
        for name, one in said_of(connection, asked):
            self._said.setdefault(name, []).append(one)

    def add(self, entry: Entry) -> None:
        """One entry more, for the opinions after it."""
        if entry.key is not None:
            self.keys[entry.key] = entry
        self._said.setdefault(entry.sample, []).append(_said(entry))

    def check(self, one: Opinion) -> None:
        """Refuses what does not fit this store."""
        if one.sample not in self._given:
            raise InputError(f"The label store knows no sample {one.sample!r}. Nothing was stored.")
        if one.structure is not None and one.structure not in self.structures:
            have = (
                f"Its structures are {', '.join(self.structures)}" if self.structures else "It holds labels"
            )
            raise InputError(
                f"The label store knows no structure {one.structure!r}. {have}. Nothing was stored."
            )
        if one.label is not None and self.structures:
            raise InputError(f"The label store holds masks; {one.label!r} of {one.sample!r} is a label.")
        if one.outcome == "keep" and self.structures and one.structure is None:
            raise InputError(
                f"'keep' of {one.sample!r} names no structure: of masks each is kept for itself."
            )
        if one.outcome == "undo":
            self._check_undo(one)

    def _check_undo(self, undo: Opinion) -> None:
        target = [said for said in self._said.get(undo.sample, ()) if said.number == undo.undoes]
        if not target:
            raise InputError(
                f"There is no entry {undo.undoes} on sample {undo.sample!r} to undo. Nothing was stored."
            )
        if target[0].outcome == "undo":
            raise InputError(
                f"Entry {undo.undoes} is an undo, which is not undone: append the opinion anew. Nothing was stored."
            )
        if target[0].reader != undo.reader and not undo.authority:
            raise InputError(
                f"Entry {undo.undoes} is by {target[0].reader!r}; {undo.reader!r} may undo it as an authority only. "
                "Nothing was stored."
            )

    def kept(self, one: Opinion) -> dict[str, Any]:
        """The label and the hash of the mask of an opinion; what stands now where it is kept."""
        if one.mask is not None:
            return {"label": None, "mask": hashlib.sha256(one.mask).hexdigest()}
        if one.outcome != "keep" or one.label is not None:
            return {"label": one.label, "mask": None}
        said = self._said.get(one.sample, ())
        if self.structures:
            about = [s for s in said if s.structure in (None, one.structure)]
            return {"label": None, "mask": standing(about).value}
        now = standing(said)
        label = now.value if now.is_voted else self._given[one.sample]
        if label is None:
            raise InputError(f"Sample {one.sample!r} has no label that could be kept. Nothing was stored.")
        return {"label": label, "mask": None}


def _write_masks(connection: Connection, new: Iterable[Opinion]) -> None:
    pngs = {hashlib.sha256(one.mask).hexdigest(): one.mask for one in new if one.mask is not None}
    there = {row[0] for row in _where(connection, sa.select(masks.c.hash), masks.c.hash, set(pngs))}
    if rows := [{"hash": name, "png": png} for name, png in pngs.items() if name not in there]:
        connection.execute(masks.insert(), rows)


def entries_where(connection: Connection, column: Any, values: set[Any]) -> Iterator[Entry]:
    """The entries whose `column` is one of `values`."""
    for row in _where(connection, sa.select(opinions).order_by(opinions.c.number), column, values):
        yield entry_of(row._asdict())


def said_of(connection: Connection, names: set[str]) -> Iterator[tuple[str, Said]]:
    """What was said of samples, in order for each."""
    for entry in entries_where(connection, opinions.c.sample, names):
        yield entry.sample, _said(entry)


def _said(entry: Entry) -> Said:
    value = entry.mask if entry.label is None else entry.label
    return Said(
        entry.number, entry.reader, entry.outcome, value, entry.authority, entry.structure, entry.undoes
    )


def _where(connection: Connection, query: Any, column: Any, values: set[Any]) -> Iterator[Any]:
    """The rows of a query whose `column` is one of many values."""
    listed: list[Any] = sorted(values)
    for begin in range(0, len(listed), PART):
        yield from connection.execute(query.where(column.in_(listed[begin : begin + PART])))
