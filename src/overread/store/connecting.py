"""SQLite or PostgreSQL: connections, and transactions that either write alone or read one moment."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from overread.errors import InputError, OverreadError

PATIENCE = 60  # seconds that a writer waits for the others
KINDS = "a path, sqlite:///FILE or postgresql://USER@HOST/DATABASE"
LOCK = 0x6F766572  # of PostgreSQL: one process at a time writes


@dataclass(frozen=True)
class Database:
    """An engine, and the only two ways in which the store uses it."""

    engine: Engine
    shown: str  # its URL without the password

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one moment, whatever is appended meanwhile."""
        level = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with self._told(), self._begun(**level) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that has the store to itself; what it wrote is on the disk when the block has ended."""
        with self._told(), self._begun(writes=True) as connection:
            if not self.is_sqlite:
                connection.exec_driver_sql("SET LOCAL synchronous_commit TO on")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
            yield connection

    @contextmanager
    def _begun(self, **options: Any) -> Iterator[Connection]:
        """A connection in a transaction, which ends with the block."""
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the database refuses, in words."""
        try:
            yield
        except OperationalError as error:
            why = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
            if "locked" in why:
                raise OverreadError(
                    f"The label store {self.shown} was busy for {PATIENCE} seconds. Nothing was stored; try again. "
                    "Many writers on one machine, or a network drive: use PostgreSQL (docs/store.md)."
                ) from error
            raise InputError(f"The label store {self.shown} cannot be used: {why}.") from error
        except DBAPIError as error:
            if "not a database" in str(error.orig):
                raise InputError(f"{self.shown} is no SQLite database.") from error
            raise


def connect(url: str | Path) -> Database:
    """The database of a path or URL; nothing is opened yet."""
    parsed = url_of(url)
    shown = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() == "sqlite":
        return Database(_sqlite(parsed), str(parsed.database))
    return Database(_postgres(parsed, shown), shown)


def url_of(url: str | Path) -> URL:
    """The URL of a path or a URL, with the driver that we use."""
    text = str(url)
    if "://" not in text:
        return URL.create("sqlite+pysqlite", database=text)
    try:
        parsed = make_url(text)
    except ArgumentError:
        raise InputError(f"{text!r} is no database. Expected {KINDS}.") from None
    drivers = {
        "sqlite": "sqlite+pysqlite",
        "postgresql": "postgresql+psycopg",
        "postgres": "postgresql+psycopg",
    }
    kind = parsed.drivername.partition("+")[0]
    if kind not in drivers or (kind == "sqlite" and parsed.database in (None, "", ":memory:")):
        raise InputError(f"{kind}://... cannot hold a label store. Expected {KINDS}.")
    return parsed.set(drivername=drivers[kind])


def _sqlite(url: URL) -> Engine:
    folder = Path(str(url.database)).absolute().parent
    if not folder.is_dir():
        raise InputError(f"The folder {folder} of the label store does not exist. Make it, or name another.")
    engine = sa.create_engine(url, connect_args={"timeout": PATIENCE}, pool_size=10, max_overflow=40)

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        _keep_a_log(connection)
        for setting in ("synchronous=FULL", "foreign_keys=ON", "cache_size=-65536"):
            connection.execute(f"PRAGMA {setting}").fetchall()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _keep_a_log(connection: Any) -> None:
    """Write-ahead logging. While another process turns it on SQLite does not wait by itself."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.02)


def _postgres(url: URL, shown: str) -> Engine:
    try:
        return sa.create_engine(url, pool_size=10, max_overflow=40, pool_pre_ping=True)
    except ModuleNotFoundError:
        raise InputError(
            f"{shown} needs a driver that is not installed: pip install 'overread[postgres]'"
        ) from None
