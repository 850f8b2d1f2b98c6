"""The curator: pages of the queue, filters, histories, people, rounds."""

from __future__ import annotations

import json
import sys
import time

import pytest

from overread.reviewing import running
from overread.reviewing.refusing import Refused


def pages(boss, **query):
    """All items of the queue, page by page."""
    found, after = [], ""
    while after is not None:
        answer = boss.get("/api/curator/items", params={"limit": 4, "after": after, **query})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        after = page["after"]
    return found


def names(items):
    return [one["item"] for one in items]


@pytest.fixture
def desk(serve, labels_run):
    """Ten items; ann and bob agree on the first, disagree on the second, ann alone skipped the third."""
    desk = serve(labels_run, readers=2)
    ann, bob = desk.person("ann", ["reader"]), desk.person("bob", ["reader"])
    for person, label in ((ann, "nv"), (bob, "mel")):
        person.say(person.items()[0], "label", label="nv", seconds=3)
        person.say(person.items()[0], "label", label=label, seconds=5, reason="why not")
    ann.read("skip")
    return desk


def test_pages_hold_everything_once(desk):
    boss = desk.person()
    assert names(pages(boss)) == [str(row) for row in range(0, 30, 3)]
    page = boss.get("/api/curator/items?limit=3").json()
    assert (page["total"], page["matching"], len(page["items"])) == (10, 10, 3)
    assert len(boss.get("/api/curator/items?limit=100000").json()["items"]) == 10
    assert boss.get("/api/curator/items?after=x").status_code == 422


def test_a_row_tells_where_an_item_stands(desk, draw):
    first, second, third, *_ = pages(desk.person())
    assert (first["id"], first["group"], first["given"], first["suggested"]) == (
        "Doe^John 0",
        "p0",
        draw.evil,
        "mel",
    )
    assert (first["status"], first["current"]) == ("agreed", "nv")
    assert (second["status"], second["current"]) == ("disputed", None)
    assert [(one["reader"], one["label"]) for one in second["opinions"]] == [("ann", "nv"), ("bob", "mel")]
    assert third["status"] == "given"
    assert [one["outcome"] for one in third["opinions"]] == ["skip"]


def test_filters(desk, draw):
    boss = desk.person()
    assert names(pages(boss, status="disputed")) == ["3"]
    assert names(pages(boss, status="agreed")) == ["0"]
    assert len(pages(boss, status="given")) == 8
    assert names(pages(boss, reader="ann")) == ["0", "3", "6"]
    assert names(pages(boss, reader="bob", status="agreed")) == ["0"]
    assert names(pages(boss, outcome="skip")) == ["6"]
    assert names(pages(boss, group="p4")) == ["9"]
    assert len(pages(boss, given=draw.evil)) == 10
    assert (
        pages(boss, given="nv")
        == pages(boss, given="unknown")
        == pages(boss, group="p0", status="disputed")
        == []
    )
    found = boss.get("/api/curator/filters").json()
    assert found["given"] == [{"name": draw.evil, "count": 10}]
    assert found["groups"][0] == {"name": "p0", "count": 1}
    assert found["readers"] == ["ann", "bob"]
    assert "undo" not in found["outcomes"]


def test_history(desk):
    boss = desk.person()
    found = boss.get("/api/curator/items/3/history").json()
    assert [(one["reader"], one["label"], one["reason"]) for one in found["entries"]] == [
        ("ann", "nv", "why not"),
        ("bob", "mel", "why not"),
    ]
    assert found["entries"][0]["evidence"]["page"] == "review"
    assert len(found["entries"][0]["hash"]) == 64
    assert boss.get("/api/curator/items/1/history").status_code == 404


def test_people(desk):
    boss = desk.person()
    found = {one["name"]: one for one in boss.get("/api/curator/people").json()["people"]}
    assert (found["ann"]["answered"], found["ann"]["seconds_median"], found["ann"]["roles"]) == (
        2,
        4.0,
        ["reader"],
    )
    made = boss.post("/api/curator/invites", json={"name": "cat", "roles": ["reader", "adjudicator"]}).json()
    address, token = made["link"].split("/enter#")
    assert address == "http://127.0.0.1:8765"
    assert {one["name"]: one["pending"] for one in boss.get("/api/curator/people").json()["people"]}["cat"]
    cat = desk.enter(token)
    assert cat.get("/api/session").json()["roles"] == ["reader", "adjudicator"]
    assert boss.post("/api/curator/people/close", json={"name": "cat"}).json() == {"ok": True}
    assert cat.get("/api/session").status_code == 401
    again = boss.post("/api/curator/invites", json={"name": "cat", "roles": ["reader"]}).json()
    assert desk.enter(again["link"].split("#")[1]).get("/api/session").json()["roles"] == ["reader"]


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("invites", {"name": "cat", "roles": []}, 422),
        ("invites", {"name": "cat", "roles": ["admin"]}, 422),
        ("invites", {"name": "\n", "roles": ["reader"]}, 422),
        ("invites", {"name": "boss", "roles": ["reader"]}, 409),
        ("people/close", {"name": "boss"}, 409),
        ("people/close", {"name": "nobody"}, 404),
    ],
)
def test_the_curator_cannot_go_wrong(serve, labels_run, path, body, code):
    boss = serve(labels_run).person()
    assert boss.post(f"/api/curator/{path}", json=body).status_code == code


def test_new_roles_count_at_once(serve, labels_run):
    desk = serve(labels_run)
    ann = desk.person("ann", ["reader", "curator"])
    desk.review.accounts.invite("ann", ["reader"])
    assert ann.get("/api/curator/people").status_code == 403


def test_an_audit_has_one_round(serve, labels_run):
    boss = serve(labels_run).person()
    found = boss.get("/api/curator/round").json()
    assert (found["state"], found["can_run"], found["items"], found["answered"]) == ("open", False, 10, 0)
    assert found["command"] == f"overread export {labels_run} -o labels --to csv"
    assert "one round" in boss.refused("/api/curator/round/run", {}, 409)
    boss.read(count=10)
    assert boss.get("/api/curator/round").json()["state"] == "answered"


@pytest.fixture
def clean_run(labels_run):
    """The same samples as a run of `clean` that waits for round 1: samples 0 and 1."""
    from overread.store import LabelStore

    given = [line.split(",")[2] for line in (labels_run / "manifest.csv").read_text().splitlines()[1:]]
    info = {
        "verb": "clean",
        "state": "waiting",
        "command": ["overread", "clean", "data", "-o", "run", "--wait"],
    }
    (labels_run / "run.json").write_text(json.dumps(info))
    (labels_run / "config.toml").write_text("readers = 1\n")
    store = LabelStore.open(labels_run / "labels.sqlite")
    store.register([f"Doe^John {row}" for row in range(30)], given, [f"p{row // 2}" for row in range(30)])
    put(store, 1, (0, 1))
    yield labels_run
    store.close()


def put(store, number, rows):
    why = {"label": "nv", "suggested": "mel", "p_wrong": 0.7, "sampler": "entropy"}
    store.enqueue(number, [(f"Doe^John {row}", place, why) for place, row in enumerate(rows)])


def test_the_next_round_is_run_when_all_is_answered(serve, clean_run, monkeypatch):
    desk = serve(clean_run)
    boss = desk.person()
    assert boss.get("/api/session").json()["round_name"] == "Round 1"
    item = boss.items()[0]
    assert item["shown"]["given"] == "nv"
    assert item["shown"]["why"] == "Picked by the sampler entropy."
    assert "2 of this round are not answered" in boss.refused("/api/curator/round/run", {}, 409)
    last = boss.read(count=2)
    started = []

    def command(run):
        started.append(run)
        script = "import sys, time; print('learning', flush=True); time.sleep(1.5)"
        return [sys.executable, "-c", script], run

    monkeypatch.setattr(running, "command_of", command)
    state = boss.post("/api/curator/round/run", json={}).json()
    assert (state["state"], state["can_run"]) == ("running", False)
    assert started == [clean_run]
    assert boss.get("/api/next").json()["words"].startswith("The next round is being made")
    assert "being made" in boss.refused("/api/undo", {"number": last["answer"]["number"]}, 409)
    assert boss.post("/api/curator/round/run", json={}).status_code == 409
    put(desk.review.store, 2, (2, 3, 4))
    for _ in range(100):
        state = boss.get("/api/curator/round").json()
        if state["state"] != "running":
            break
        time.sleep(0.1)
    assert (state["round"], state["state"], state["items"], state["log"]) == (2, "open", 3, "learning")
    assert [one["item"] for one in boss.items()] == ["2", "3", "4"]
    assert "in this round" in boss.refused("/api/undo", {"number": last["answer"]["number"]}, 404)


def test_the_command_of_a_run(clean_run, monkeypatch):
    command, folder = running.command_of(clean_run)
    assert command[1:] == ["-m", "overread", "clean", "data", "-o", "run", "--resume", "--quiet"]
    assert folder == clean_run.parent
    words = ["clean", "d", "--answers", "q.csv", "-o", "r", "--config=c.toml", "--json", "--seed", "1"]
    assert running.again(words) == ["clean", "d", "-o", "r", "--seed", "1"]
    info = {"command": ["overread", "clean", "data", "-o", "../elsewhere/run"]}
    (clean_run / "run.json").write_text(json.dumps(info))
    with pytest.raises(Refused, match="in which folder"):
        running.command_of(clean_run)
    (clean_run / "run.json").write_text(json.dumps({"command": []}))
    with pytest.raises(Refused, match="not started from the command line"):
        running.command_of(clean_run)


def test_a_run_that_is_done_has_no_next_round(serve, clean_run):
    desk = serve(clean_run)
    (clean_run / "run.json").write_text(json.dumps({"state": "done"}))
    found = desk.person().get("/api/curator/round").json()
    assert (found["state"], found["can_run"]) == ("finished", False)
