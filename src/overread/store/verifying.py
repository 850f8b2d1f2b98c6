"""Is the trail whole? One sentence for each fault."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from overread.store.chain import Walk
from overread.store.opinions import entry_of
from overread.store.samples import Head, head_of, read_columns, start_of
from overread.store.tables import masks, opinions

AT_ONCE = 2000  # rows


def faults(connection: Connection, head: str | None) -> list[str]:
    """All that is wrong with the samples, the trail and the masks; `head` is a hash that must occur in the trail."""
    end = head_of(connection)
    if end is None:
        return ["The store holds no samples: nothing was ever registered, or its head was removed."]
    walk = Walk(end.start)
    entries = connection.execution_options(yield_per=AT_ONCE).execute(
        sa.select(opinions).order_by(opinions.c.number)
    )
    for row in entries:
        walk.step(entry_of(row._asdict()))
    return [
        *_of_samples(connection, end),
        *walk.faults,
        *_of_end(walk, end),
        *_of_head(walk, head),
        *_of_masks(connection),
    ]


def _of_samples(connection: Connection, end: Head) -> list[str]:
    columns = read_columns(connection)
    if len(columns.ids) != end.samples:
        return [f"{end.samples:,} samples were registered, and {len(columns.ids):,} are there."]
    if start_of(columns) != end.start:
        return ["The samples were changed after they were registered: their ids, given labels or groups."]
    return []


def _of_end(walk: Walk, end: Head) -> list[str]:
    """Does the trail end where the store says?"""
    if walk.number < end.number:
        return [
            f"The end was cut off: the store's last entry is {end.number}, and the trail ends with {walk.number}."
        ]
    if walk.number > end.number:
        return [f"{walk.name} was inserted: the store's last entry is {end.number}."]
    if walk.hash != end.hash:
        return [f"The head is not that of {walk.name}, with which the trail ends."]
    return []


def _of_head(walk: Walk, head: str | None) -> list[str]:
    if head is None or head.strip().lower() in walk.numbers:
        return []
    return [
        f"No entry has the hash {head}: the end of the trail was cut off, or it was written anew, "
        "or the hash is another store's."
    ]


def _of_masks(connection: Connection) -> list[str]:
    found = []
    kept = connection.execution_options(yield_per=50).execute(sa.select(masks.c.hash, masks.c.png))
    names = set()
    for name, png in kept:
        names.add(name)
        if hashlib.sha256(bytes(png)).hexdigest() != name:
            found.append(f"The mask {name} was changed: its bytes have another hash.")
    named = sa.select(sa.func.min(opinions.c.number), opinions.c.mask).where(opinions.c.mask.is_not(None))
    for number, name in connection.execute(named.group_by(opinions.c.mask)):
        if name not in names:
            found.append(f"The mask {name} of entry {number} was removed.")
    return found
