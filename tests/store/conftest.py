"""Label stores on SQLite and on a PostgreSQL server of our own, and hands that change what nobody should."""

from __future__ import annotations

import io
import itertools
import sqlite3
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.store import LabelStore

SCRIPT = str(Path(__file__).parents[2] / "scripts" / "postgres")
NOT_INSTALLED = 3
KINDS = ("sqlite", "postgresql")
NUMBERS = itertools.count()


def started(*settings):
    """The folder of a new PostgreSQL server; the test is skipped where it is not installed."""
    done = subprocess.run([SCRIPT, "start", *settings], capture_output=True, text=True, check=False)
    if done.returncode == NOT_INSTALLED:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="session")
def server():
    """The folder of a running PostgreSQL."""
    folder = started("max_connections=60")
    yield folder
    subprocess.run([SCRIPT, "stop", folder], check=True)


@pytest.fixture
def own_server():
    """The folder of a running PostgreSQL for one test alone, which may kill it."""
    folder = started()
    yield folder
    subprocess.run([SCRIPT, "stop", folder], check=True)


@pytest.fixture
def database(server):
    """The URL of a new place in it: a schema, which is made quicker than a database."""
    import psycopg

    name, base = f"test{next(NUMBERS)}", f"postgresql://postgres@/postgres?host={server}"
    with psycopg.connect(base, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{base}&options=-csearch_path%3D{name}"


@pytest.fixture(params=KINDS)
def url(request, tmp_path):
    """Where a store can be made: once a SQLite file, once a PostgreSQL database."""
    return (
        request.getfixturevalue("database") if request.param == "postgresql" else str(tmp_path / "l.sqlite")
    )


@pytest.fixture
def opened(url):
    """The open stores of a test, which are closed at its end."""
    stores = []

    def open_store(**options):
        stores.append(LabelStore.open(url, **options))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture
def store(opened):
    """A store of four samples with labels."""
    made = opened()
    made.register(["a", "b", "c", "d"], ["nv", "mel", "nv", None], ["p1", "p1", "p2", "p3"])
    return made


@pytest.fixture
def masks(opened):
    """A store of two images with a heart and lungs."""
    made = opened()
    made.register(["x", "y"], structures=["heart", "lungs"])
    return made


@pytest.fixture
def tamper(url):
    """tamper(sql): changes what the triggers of the store protect, as an intruder would."""
    return lambda *statements: change(url, statements)


def change(url, statements):
    """Runs statements past triggers and foreign keys."""
    if "://" not in url:
        with sqlite3.connect(url) as connection:
            names = [
                row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            ]
            for statement in (*(f"DROP TRIGGER {name}" for name in names), *statements):
                connection.execute(statement)
        connection.close()
        return
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in statements:
            connection.execute(statement)


def png(mask):
    """A mask as PNG, 0 and 255."""
    out = io.BytesIO()
    Image.fromarray(np.asarray(mask, np.uint8) * np.uint8(255)).save(out, "PNG")
    return out.getvalue()


def square(size=8, side=3):
    """A mask with a square in its corner, as PNG."""
    mask = np.zeros((size, size), bool)
    mask[:side, :side] = True
    return png(mask)


@pytest.fixture
def drawn():
    """drawn(side=3): a mask with a square of that side, as PNG."""
    return lambda side=3: square(side=side)
