"""The same on PostgreSQL, where several reviews may share a label store."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = str(Path(__file__).parents[2] / "scripts" / "postgres")
NOT_INSTALLED = 3


@pytest.fixture
def database():
    """The URL of a PostgreSQL of our own; the test is skipped where it is not installed."""
    done = subprocess.run([SCRIPT, "start"], capture_output=True, text=True, check=False)
    if done.returncode == NOT_INSTALLED:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    folder = done.stdout.strip()
    yield f"postgresql://postgres@/postgres?host={folder}"
    subprocess.run([SCRIPT, "stop", folder], check=True)


def test_readers_disagree_and_an_adjudicator_ends_it(serve, labels_run, make_run, database):
    desk = serve(labels_run, db=database, readers=2)
    ann, bob = desk.person("ann", ["reader"]), desk.person("bob", ["reader"])
    boss = desk.person()
    ann.say(ann.items()[0], "label", label="nv", seconds=2)
    number = bob.say(bob.items()[0], "label", label="nv")["answer"]["number"]
    again = bob.post("/api/undo", json={"number": number}).json()["item"]
    bob.say(again, "label", label="mel", reason="ä ☃")
    [case] = boss.items(queue="adjudicate")
    boss.say(case, "label", label="nv", queue="adjudicate")
    [first, *_] = boss.get("/api/curator/items?status=authority").json()["items"]
    assert (first["item"], first["current"]) == ("0", "nv")
    history = boss.get("/api/curator/items/0/history").json()["entries"]
    assert [one["outcome"] for one in history] == ["label", "label", "undo", "label", "label"]
    assert history[3]["reason"] == "ä ☃"
    assert desk.review.store.verify() == []
    assert boss.get("/api/curator/round").json()["command"].endswith(f"--db {desk.review.database.shown}")
    # another server sees what was said here
    other = serve(make_run(30), db=database, readers=2)
    cat = other.person("cat", ["reader"])
    assert cat.items()[0]["item"] == "3"
    cat.read("keep")
    assert boss.get("/api/progress").json()["brief"]["done"] == 1
    assert "cat" in [one["name"] for one in boss.get("/api/curator/people").json()["people"]]
