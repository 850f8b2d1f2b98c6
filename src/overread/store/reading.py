"""What was said, as columns and pages."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from overread.errors import look_up
from overread.store.opinions import Entry, entry_of
from overread.store.samples import Columns
from overread.store.standing import Current, Said, Standing, current_of, of_image, of_structures, standing
from overread.store.tables import opinions, samples

PAGE = 5000  # entries


def page(connection: Connection, after: int, round: int | None) -> list[Entry]:
    """The next entries after number `after`, at most PAGE."""
    query = sa.select(opinions).where(opinions.c.number > after).order_by(opinions.c.number).limit(PAGE)
    if round is not None:
        query = query.where(opinions.c.round == round)
    return [entry_of(row._asdict()) for row in connection.execute(query)]


def said_by_place(connection: Connection, until: int | None = None) -> dict[int, list[Said]]:
    """What was said of each sample of which anything was said, in order, by the sample's place."""
    o = opinions.c
    value = sa.func.coalesce(o.label, o.mask)
    columns = (samples.c.place, o.number, o.reader, o.outcome, value, o.authority, o.structure, o.undoes)
    query = sa.select(*columns).join(samples, samples.c.id == o.sample).order_by(o.number)
    found: dict[int, list[Said]] = {}
    for row in plain_rows(connection, query if until is None else query.where(o.number <= until)):
        found.setdefault(row[0], []).append(Said._make(row[1:]))
    return found


def plain_rows(connection: Connection, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
    """All rows as the driver gives them (of SQLite, 0 and 1 for false and true): for many of them, twice as quick."""
    cursor = connection.execute(query).cursor
    assert cursor is not None
    return list(cursor.fetchall())


def current(connection: Connection, columns: Columns, structure: str | None) -> Current:
    """Where each sample stands, or one structure of each."""
    said = said_by_place(connection)
    if structure is not None:
        look_up("structure", structure, dict.fromkeys(columns.structures))
        found = {place: of_structures(each, [structure])[structure] for place, each in said.items()}
    elif columns.structures:
        found = {place: of_image(of_structures(each, columns.structures)) for place, each in said.items()}
    else:
        found = {place: standing(each) for place, each in said.items()}
    return current_of(columns.ids, columns.given, found)


def standings(
    connection: Connection, columns: Columns, until: int | None
) -> dict[tuple[str, str | None], Standing]:
    """Where each label (or mask of a structure) stands of which something was said, up to entry `until`."""
    found: dict[tuple[str, str | None], Standing] = {}
    for place, said in said_by_place(connection, until).items():
        name = str(columns.ids[place])
        each = of_structures(said, columns.structures) if columns.structures else {None: standing(said)}
        found.update({(name, structure): one for structure, one in each.items()})
    return found
