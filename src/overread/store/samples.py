"""The samples of a store: registered once, never changed, read back as columns."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from overread.errors import InputError
from overread.store.chain import hash_of_lines, lines_of_samples
from overread.store.tables import head, samples

Array = np.ndarray[Any, np.dtype[Any]]
BLOCK = 50_000  # rows at a time
BETWEEN = "\x1f"  # the unit separator, which no text of the store holds


class Columns(NamedTuple):
    """N samples in the order of the manifest."""

    ids: Array  # [N] text
    given: Array  # [N] text, "" where there is none
    groups: Array  # [N] text
    structures: tuple[str, ...]  # of masks


class Head(NamedTuple):
    """The one row of the table of this name."""

    samples: int
    structures: str
    start: str
    number: int
    hash: str


def head_of(connection: Connection) -> Head | None:
    """Where the trail ends; None before samples are registered."""
    columns = (head.c.samples, head.c.structures, head.c.start, head.c.number, head.c.hash)
    row = connection.execute(sa.select(*columns)).one_or_none()
    return Head(*row) if row else None


def needed_head(connection: Connection) -> Head:
    """Where the trail ends; an `InputError` before samples are registered."""
    found = head_of(connection)
    if found is None:
        raise InputError("The label store knows no samples yet: register them first.")
    return found


def as_columns(
    ids: Sequence[str],
    given: Sequence[str | None] | None,
    groups: Sequence[str] | None,
    structures: Sequence[str],
) -> Columns:
    """What is to be registered, as columns of text. Raises `InputError` where it cannot be."""
    count = len(ids)
    labels = [""] * count if given is None else ["" if one is None else str(one) for one in given]
    names = [""] * count if groups is None else [str(one) for one in groups]
    ids = [str(one) for one in ids]
    if not count or len(labels) != count or len(names) != count:
        raise InputError(
            f"A label store needs samples, and as many labels and groups: there are {count:,}, {len(labels):,} "
            f"and {len(names):,}."
        )
    if len(set(ids)) != count:
        twice = Counter(ids).most_common(1)[0][0]
        raise InputError(f"The id {twice!r} occurs twice; each sample needs its own.")
    if odd := [one for column in (ids, labels, names) for one in column if _odd(one)]:
        raise InputError(f"{odd[0]!r} holds signs that no database takes. Rename it.")
    texts = [np.array(column, dtype=object) for column in (ids, labels, names)]
    return Columns(texts[0], texts[1], texts[2], tuple(structures))


def _odd(text: str) -> bool:
    if text.isascii() and text.isprintable():  # nearly always, and quick
        return False
    return any(sign in "\0\x1f" or "\ud800" <= sign <= "\udfff" for sign in text)


def lines_of(columns: Columns) -> Iterator[bytes]:
    """The samples as lines, of which the trail begins with the hash."""
    rows = zip(columns.ids, columns.given, columns.groups, strict=True)
    return lines_of_samples(((name, label or None, group) for name, label, group in rows), columns.structures)


def start_of(columns: Columns) -> str:
    """The hash of the samples."""
    return hash_of_lines(lines_of(columns))


def register(connection: Connection, new: Columns) -> None:
    """Writes the samples; where the same ones stand there already, nothing. Others are refused."""
    start, found = start_of(new), head_of(connection)
    if found is not None:
        if found.start != start:
            raise InputError(_other_samples(read_columns(connection), new))
        return
    for rows in _rows(new):
        connection.execute(samples.insert(), rows)
    named = json.dumps(list(new.structures), ensure_ascii=False)
    first = {
        "one": 1,
        "samples": len(new.ids),
        "structures": named,
        "start": start,
        "number": 0,
        "hash": start,
    }
    connection.execute(head.insert(), [first])


def _rows(columns: Columns) -> Iterator[list[dict[str, Any]]]:
    for begin in range(0, len(columns.ids), BLOCK):
        part = slice(begin, begin + BLOCK)
        each = zip(columns.ids[part], columns.given[part], columns.groups[part], strict=True)
        yield [
            {"place": begin + place, "id": name, "given": label or None, "group": group}
            for place, (name, label, group) in enumerate(each)
        ]


def read_columns(connection: Connection, groups: bool = True) -> Columns:
    """The samples as they stand in the store; without `groups` these are empty, and it is quicker."""
    found = needed_head(connection)
    wanted = [samples.c.id, sa.func.coalesce(samples.c.given, ""), *([samples.c.group] if groups else [])]
    blocks = [_block(connection, wanted, begin) for begin in range(0, found.samples, BLOCK)]
    ids, given, *more = (np.concatenate(column) for column in zip(*blocks, strict=True))
    names = more[0] if groups else np.full(len(ids), "", dtype=object)
    return Columns(ids, given, names, tuple(json.loads(found.structures)))


def _block(connection: Connection, wanted: Sequence[Any], begin: int) -> list[Array]:
    """Columns of the rows from `begin` on. A million small rows are slow to fetch, so the database joins them."""
    join = sa.func.group_concat if connection.dialect.name == "sqlite" else sa.func.string_agg
    named = [cell.label(f"cell{number}") for number, cell in enumerate(wanted)]
    part = (
        sa.select(*named)
        .where(samples.c.place >= begin, samples.c.place < begin + BLOCK)
        .order_by(samples.c.place)
        .subquery()
    )
    joined = [join(cell, BETWEEN) for cell in part.c]
    row = connection.execute(sa.select(sa.func.count(), *joined)).one()
    if not row[0]:
        return [np.empty(0, dtype=object)] * len(named)
    return [np.array(text.split(BETWEEN), dtype=object) for text in row[1:]]


def _other_samples(old: Columns, new: Columns) -> str:
    """What differs between the samples of the store and those that are to be registered."""
    before, now = (dict(zip(c.ids, zip(c.given, c.groups, strict=True), strict=True)) for c in (old, new))
    both = [name for name in now if name in before]
    kinds = {
        "are not in the store": [name for name in now if name not in before],
        "of the store are missing": [name for name in before if name not in now],
        "have another given label": [name for name in both if before[name][0] != now[name][0]],
        "have another group": [name for name in both if before[name][1] != now[name][1]],
    }
    told = [
        f"{len(names):,} {what} ({', '.join(map(repr, names[:3]))}{', ...' if len(names) > 3 else ''})"
        for what, names in kinds.items()
        if names
    ]
    if old.structures != new.structures:
        told.append(f"the structures were {list(old.structures)} and are {list(new.structures)}")
    return (
        f"The label store holds other samples: {'; '.join(told) or 'they come in another order'}. "
        "A store belongs to one data set: name another store (--db), or use the data that it was made with."
    )
