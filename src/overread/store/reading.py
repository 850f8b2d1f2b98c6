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


def said_by_sample(connection: Connection, until: int | None = None) -> dict[str, list[Said]]:
    """What was said of each sample of which anything was said, in order, by the sample's id."""
    o = opinions.c
    value = sa.func.coalesce(o.label, o.mask)
    query = sa.select(o.sample, o.number, o.reader, o.outcome, value, o.authority, o.structure, o.undoes)
    found: dict[str, list[Said]] = {}
    query = query.order_by(o.number)
    for row in plain_rows(connection, query if until is None else query.where(o.number <= until)):
        found.setdefault(row[0], []).append(Said._make(row[1:]))
    return found


def plain_rows(connection: Connection, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
    """All rows as the driver gives them (of SQLite, 0 and 1 for false and true): for many of them, twice as quick."""
    cursor = connection.execute(query).cursor
    assert cursor is not None
    return list(cursor.fetchall())


def places_said(connection: Connection) -> dict[str, int]:
    """The place of each sample of which anything was said. Of a million samples a dictionary would take longer."""
    query = sa.select(samples.c.id, samples.c.place).where(samples.c.id.in_(sa.select(opinions.c.sample)))
    return {row[0]: row[1] for row in plain_rows(connection, query)}


def current(connection: Connection, columns: Columns, structure: str | None) -> Current:
    """Where each sample stands, or one structure of each."""
    said = said_by_sample(connection)
    if structure is not None:
        look_up("structure", structure, dict.fromkeys(columns.structures))
        found = {name: of_structures(each, [structure])[structure] for name, each in said.items()}
    elif columns.structures:
        found = {name: of_image(of_structures(each, columns.structures)) for name, each in said.items()}
    else:
        found = {name: standing(each) for name, each in said.items()}
    places = places_said(connection)
    return current_of(columns.ids, columns.given, {places[name]: one for name, one in found.items()})


def standings(
    connection: Connection, columns: Columns, until: int | None
) -> dict[tuple[str, str | None], Standing]:
    """Where each label (or mask of a structure) stands of which something was said, up to entry `until`."""
    found: dict[tuple[str, str | None], Standing] = {}
    for name, said in said_by_sample(connection, until).items():
        each = of_structures(said, columns.structures) if columns.structures else {None: standing(said)}
        found.update({(name, structure): one for structure, one in each.items()})
    return found
