"""Eight writers, killed a hundred times at random moments: nothing that was acknowledged is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from overread.store import LabelStore

KILLS, SAMPLES, WRITERS = 100, 200, 8
HERD = Path(__file__).parent / "herd.py"


def registered(url):
    store = LabelStore.open(url)
    store.register([f"s{number}" for number in range(SAMPLES)], ["mel"] * SAMPLES)
    store.close()


def torment(url, folder, *more):
    """Runs the herd, and returns what it noted: (key, number, hash) of each acknowledged opinion."""
    done = subprocess.run(
        [sys.executable, str(HERD), url, str(folder), str(KILLS), "0", *more],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for file in folder.glob("*.jsonl") for line in file.read_text("utf-8").splitlines()]
    return [tuple(one) for line in lines for one in json.loads(line)]


def check(url, acknowledged):
    """Nothing is lost, nothing stands twice, the chain is whole."""
    store = LabelStore.open(url, create=False)
    entries = list(store.opinions())
    assert store.verify() == []
    assert store.head() == (entries[-1].number, entries[-1].hash)
    store.close()
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    there = {entry.key: (entry.number, entry.hash) for entry in entries}
    assert len(there) == len(entries)  # no key twice
    lost = [key for key, number, name in acknowledged if there.get(key) != (number, name)]
    assert lost == []
    assert len(set(acknowledged)) == len(acknowledged) > 300  # enough was going on for kills to strike
    each = Counter(key.split(":")[0] for key, _, _ in acknowledged)
    assert len(each) == WRITERS
    assert len(entries) - len(acknowledged) <= 3 * WRITERS  # what came in with its writer's last breath


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="writers are forked, which this system cannot do")
def test_nothing_is_lost_on_sqlite(tmp_path):
    url = str(tmp_path / "labels.sqlite")
    registered(url)
    check(url, torment(url, tmp_path))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="writers are forked, which this system cannot do")
def test_nothing_is_lost_on_postgresql(own_server, tmp_path):
    """The server itself is killed four times too, and recovers."""
    url = f"postgresql://postgres@/postgres?host={own_server}"
    registered(url)
    check(url, torment(url, tmp_path, own_server))
