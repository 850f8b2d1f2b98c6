"""How a store is opened: paths, URLs, versions of its tables."""

from __future__ import annotations

import sqlite3
import threading

import pytest
import sqlalchemy as sa

from overread.errors import InputError
from overread.store import LabelStore, Opinion
from overread.store.connecting import connect
from overread.store.schema import MIGRATIONS, REVISIONS
from overread.store.tables import metadata


def test_the_migrations_make_the_tables_that_the_code_uses(opened):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    store = opened()
    with store._database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_all_migrations_are_listed():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(found[::-1]) == REVISIONS


def test_opening_again_keeps_everything(opened):
    first = opened()
    first.register(["a"], ["x"])
    first.append(Opinion("a", "ann", "keep"))
    assert opened(create=False).head() == first.head()


def test_tables_of_a_newer_overread_are_refused(opened):
    store = opened()
    with store._database.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0099'"))
    with pytest.raises(InputError, match=r"made by a newer Overread .*0099.* pip install -U overread"):
        opened()


def test_a_database_without_tables_is_no_store(url, opened):
    if "://" not in url:
        sqlite3.connect(url).execute("CREATE TABLE t (x)").connection.close()
    with pytest.raises(InputError, match="holds no label store"):
        opened(create=False)


def test_many_open_a_new_store_at_once(url):
    """All see one and the same."""
    problems = []

    def work():
        try:
            store = LabelStore.open(url)
            store.register(["a"], ["x"])
            store.append(Opinion("a", "ann", "keep"))
            store.close()
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    store = LabelStore.open(url)
    assert (store.head()[0], store.verify()) == (6, [])
    store.close()


def test_sqlite_is_set_to_lose_nothing(tmp_path):
    with connect(tmp_path / "l.sqlite").reading() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 60_000}


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://u@h/d", "mysql://... cannot hold a label store. Expected a path"),
        ("sqlite://", "cannot hold a label store"),
        ("://", "is no database"),
    ],
)
def test_what_cannot_hold_a_store(url, message):
    with pytest.raises(InputError, match=message):
        LabelStore.open(url)


def test_paths_that_cannot_hold_a_store(tmp_path):
    with pytest.raises(InputError, match=r"There is no label store .*l\.sqlite"):
        LabelStore.open(tmp_path / "l.sqlite", create=False)
    assert not (tmp_path / "l.sqlite").exists()
    with pytest.raises(InputError, match=r"The folder .*nowhere of the label store does not exist"):
        LabelStore.open(tmp_path / "nowhere" / "l.sqlite")
    (tmp_path / "text").write_text("not a database, but long enough to be read as one" * 10)
    with pytest.raises(InputError, match="text is no SQLite database"):
        LabelStore.open(tmp_path / "text")


def test_sqlite_by_url(tmp_path):
    store = LabelStore.open(f"sqlite:///{tmp_path}/l.sqlite")
    store.close()
    assert (tmp_path / "l.sqlite").is_file()


def test_a_password_is_told_to_nobody(tmp_path):
    with pytest.raises(InputError) as error:
        LabelStore.open(f"postgresql://ann:secret@/db?host={tmp_path}&connect_timeout=2")
    assert "secret" not in str(error.value)
    assert "cannot be used" in str(error.value)


def test_without_the_driver_the_extra_is_named(monkeypatch):
    def missing(*_args, **_options):
        raise ModuleNotFoundError("psycopg")

    monkeypatch.setattr(sa, "create_engine", missing)
    with pytest.raises(InputError, match=r"pip install 'overread\[postgres\]'"):
        connect("postgresql://ann@host/db")
