"""Makes the tables, and brings those of an older Overread up to date."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from overread.errors import InputError
from overread.store.connecting import Database

REVISIONS = ("0001",)  # all migrations, oldest first
MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(database: Database, create: bool) -> None:
    """Tables as this version of Overread wants them; refuses where they are a newer one's, or (not `create`) none."""
    with database.reading() as connection:
        found = revision_of(connection)
    if found is None and not create:
        raise InputError(f"{database.shown} holds no label store.")
    if found is not None and found not in REVISIONS:
        raise InputError(
            f"The label store {database.shown} was made by a newer Overread (its tables are of version {found}, "
            f"and this one knows {', '.join(REVISIONS)}). Update Overread: pip install -U overread"
        )
    if found != REVISIONS[-1]:
        with database.writing() as connection:
            migrate(connection)


def revision_of(connection: Connection) -> str | None:
    """The version of the tables; None where there are none."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def migrate(connection: Connection) -> None:
    """Runs what is missing of migrations/versions, in the transaction of `connection`."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
