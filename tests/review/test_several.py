"""Several readers: overlap, disagreement and its end, blind reads, hidden repeats."""

from __future__ import annotations

import pytest

from overread.errors import InputError
from overread.reviewing import assigning


def test_each_item_is_read_once(serve, labels_run):
    desk = serve(labels_run)
    readers = [desk.person(name, ["reader"]) for name in ("ann", "bob", "cat")]
    seen = []
    while any(left := [one.items(ahead=1) for one in readers]):
        for reader, items in zip(readers, left, strict=True):
            if items:
                seen.append(reader.say(items[0])["item"])
    assert sorted(seen, key=int) == [str(row) for row in range(0, 30, 3)]
    assert readers[0].get("/api/next").json()["words"].startswith("All of this round is read.")


def test_each_item_is_read_by_as_many_as_are_needed(serve, labels_run):
    desk = serve(labels_run, readers=2)
    readers = [desk.person(name, ["reader"]) for name in ("ann", "bob", "cat")]
    for _ in range(12):
        for reader in readers:
            if items := reader.items(ahead=0):
                reader.say(items[0])
    said = [(one.sample, one.reader) for one in desk.review.store.opinions()]
    assert len(said) == len(set(said)) == 20
    assert desk.review.store.progress(0, 2).answered == 10


def test_a_reader_alone_waits_for_the_second(serve, labels_run):
    ann = serve(labels_run, readers=2).person("ann", ["reader"])
    ann.read(count=10)
    found = ann.get("/api/next").json()
    assert found["done"]
    assert found["words"] == "Nothing is left for you; 10 wait for other readers."


def test_what_somebody_left_lying_is_given_to_others(serve, labels_run, monkeypatch):
    desk = serve(labels_run)
    ann, bob = desk.person("ann", ["reader"]), desk.person("bob", ["reader"])
    held = {one["item"] for one in ann.items(ahead=7)}
    assert not held & {one["item"] for one in bob.items(ahead=7)}
    monkeypatch.setattr(assigning, "LEASE", -1.0)
    assert held & {one["item"] for one in bob.items(ahead=7)}


def test_the_adjudicator_ends_it(serve, labels_run):
    desk = serve(labels_run, readers=2)
    ann, bob = desk.person("ann", ["reader"]), desk.person("bob", ["reader"])
    judge = desk.person("judge", ["adjudicator"])
    assert judge.get("/api/next?queue=adjudicate").json()["words"] == "No readers disagree."
    ann.say(ann.items()[0], "label", label="nv", reason="a net")
    bob.say(bob.items()[0], "label", label="mel")
    assert ann.get("/api/progress").json()["brief"]["disagreements"] == 1
    [item] = judge.items(queue="adjudicate")
    assert item["kind"] == "adjudicate"
    assert [(one["who"], one["label"], one["reason"]) for one in item["opinions"]] == [
        ("Reader 1", "nv", "a net"),
        ("Reader 2", "mel", ""),
    ]
    done = judge.say(item, "label", label="nv", queue="adjudicate")
    assert done["next"]["done"]
    now = desk.review.store.current()
    assert (now.label[0], now.status[0], now.verified[0]) == ("nv", "authority", True)
    assert ann.get("/api/progress").json()["brief"]["disagreements"] == 0
    # the matter is ended: a reader who changes his mind does not open it again
    ann.say(ann.post(f"/api/items/{item['item']}/again", json={}).json(), "label", label="mel")
    assert judge.items(queue="adjudicate") == []
    assert desk.review.store.current().label[0] == "nv"


def test_agreement_needs_no_adjudicator(serve, labels_run):
    desk = serve(labels_run, readers=2)
    for name in ("ann", "bob"):
        person = desk.person(name, ["reader"])
        person.say(person.items()[0], "label", label="nv")
    assert desk.person("judge", ["adjudicator"]).items(queue="adjudicate") == []


def test_what_is_settled_is_not_asked(serve, labels_run):
    desk = serve(labels_run, readers=3)
    ann, bob, cat = (desk.person(name, ["reader"]) for name in ("ann", "bob", "cat"))
    judge = desk.person("judge", ["adjudicator"])
    waiting = cat.items(ahead=0)[0]
    tickets = [one.items(ahead=0)[0] for one in (ann, bob)]
    ann.say(tickets[0], "label", label="nv")
    bob.say(tickets[1], "label", label="mel")
    assert judge.items(queue="adjudicate") == []  # the third has not spoken
    cat.say(waiting, "unsure")
    judge.say(judge.items(queue="adjudicate")[0], "unreadable", queue="adjudicate")
    late = desk.person("dan", ["reader"])
    assert waiting["item"] not in [one["item"] for one in late.items(ahead=7)]


def test_an_item_that_is_settled_meanwhile_is_refused_in_words(serve, labels_run):
    desk = serve(labels_run)
    ann, judge = desk.person("ann", ["reader"]), desk.person("judge")
    first = ann.say(ann.items()[0], "unsure")["item"]
    again = ann.post("/api/items/3/again", json={})
    assert again.status_code in (200, 403)
    [case] = judge.items(queue="adjudicate")
    assert case["item"] == first
    judge.say(case, "label", label="nv", queue="adjudicate")
    assert judge.items(queue="adjudicate") == []


def test_blind_readers_see_nothing_before_they_commit(serve, labels_run):
    desk = serve(labels_run, blind=True)
    ann = desk.person("ann", ["reader"])
    [item, *rest] = ann.items(ahead=2)
    for one in (item, *rest):
        assert one["shown"] is None
        assert one["blind"]
        assert "mel" not in str(one)
    assert ann.get(f"/api/items/{item['item']}/neighbours").status_code == 403
    assert ann.get(f"/api/items/{item['item']}").json()["shown"] is None
    assert "hidden" in ann.refused("/api/answers", {"ticket": item["ticket"], "outcome": "keep"}, 409)
    done = ann.say(item, "label", label="nv")
    assert done["reveal"]["suggested"]
    assert done["reveal"]["given"]
    assert ann.get(done["reveal"]["neighbours"]).status_code == 200
    assert ann.get(f"/api/items/{item['item']}").json()["shown"] == done["reveal"]


def test_a_blind_reader_who_skips_has_seen_nothing(serve, labels_run):
    desk = serve(labels_run, blind=True)
    ann = desk.person("ann", ["reader", "adjudicator"])
    [item, *_] = ann.items()
    assert ann.say(item, "skip")["reveal"] is None
    assert ann.get(f"/api/items/{item['item']}").json()["shown"] is None
    assert ann.get(f"/api/items/{item['item']}/neighbours").status_code == 403
    body = {"ticket": item["ticket"], "outcome": "keep", "revise": True}
    assert "nothing to revise" in ann.refused("/api/answers", body, 409)


def test_blind_readers_may_revise_once_and_both_are_kept(serve, labels_run):
    desk = serve(labels_run, blind=True)
    ann = desk.person("ann", ["reader"])
    [item, *_] = ann.items()
    first = ann.say(item, "label", label="nv")["answer"]["number"]
    revised = ann.say(item, "label", label="mel", revise=True)
    assert revised["answer"]["revised"]
    assert (
        ann.say(item, "label", label="mel", revise=True)["answer"] == revised["answer"]
    )  # the answer got lost
    body = {"ticket": item["ticket"], "outcome": "label", "label": "nv", "revise": True}
    assert "already" in ann.refused("/api/answers", body, 409)
    one, two = desk.review.store.opinions()
    assert (one.label, one.evidence["blind"], one.evidence["shown"]) == ("nv", True, "image")
    assert (two.label, two.evidence["blind"], two.evidence["shown"]) == ("mel", False, "all")
    assert two.evidence["revises"] == first
    assert desk.review.store.current().readers.sum() == 1


def test_an_answer_that_was_taken_back_is_not_revised(serve, labels_run):
    ann = serve(labels_run, blind=True).person("ann", ["reader"])
    [item, *_] = ann.items()
    number = ann.say(item, "label", label="nv")["answer"]["number"]
    assert ann.post("/api/undo", json={"number": number}).status_code == 200
    body = {"ticket": item["ticket"], "outcome": "label", "label": "mel", "revise": True}
    assert "taken back" in ann.refused("/api/answers", body, 409)


def test_a_blind_reader_keeps_after_the_reveal(serve, labels_run):
    desk = serve(labels_run, blind=True)
    ann = desk.person("ann", ["reader"])
    [item, *_] = ann.items()
    given = ann.say(item, "label", label="nv")["reveal"]["given"]
    assert ann.say(item, "keep", revise=True)["answer"]["label"] == given


def test_the_order_of_a_blind_review_tells_nothing(serve, labels_run):
    order = [one["item"] for one in serve(labels_run, blind=True).person("ann").items(ahead=7)]
    assert order != [str(row) for row in range(0, 24, 3)]


def test_blind_agreement_is_of_the_first_words(serve, labels_run):
    desk = serve(labels_run, blind=True, readers=2)
    ann, bob = desk.person("ann", ["reader"]), desk.person("bob", ["reader"])
    for label, person in (("nv", ann), ("mel", bob)):
        for _ in range(6):
            item = person.items(ahead=0)[0]
            person.say(item, "label", label=label)
            person.say(item, "label", label="nv", revise=True)
    [raw, alpha] = ann.get("/api/progress").json()["agreement"]
    assert (raw["name"], raw["value"], raw["items"], raw["readers"]) == ("raw", 0.0, 6, 2)
    assert alpha["name"] == "krippendorff"


def test_hidden_repeats_measure_drift(serve, make_run):
    desk = serve(make_run(60, lambda row: row != 5), repeats=0.2)
    ann = desk.person("ann", ["reader"])
    asked = []
    for turn in range(30):
        [item, *_] = ann.items(ahead=0)
        assert item["kind"] == "read"
        assert item["answer"] is None
        asked.append(item["item"])
        ann.say(item, "label", label="nv" if turn < 15 else "mel")
    repeated = [name for name in set(asked) if asked.count(name) == 2]
    assert 3 <= len(repeated) <= 5
    for name in repeated:
        first, second = (turn for turn, one in enumerate(asked) if one == name)
        assert second - first > assigning.APART
    [raw, _] = ann.get("/api/progress").json()["drift"]
    assert raw["items"] == len(repeated)
    told = [one.evidence["repeats"] for one in desk.review.store.opinions() if "repeats" in one.evidence]
    assert len(told) == len(repeated)


def test_repeats_come_where_they_are_wanted(serve, labels_run):
    ann = serve(labels_run).person("ann", ["reader"])
    seen = [ann.read()["item"] for _ in range(10)]
    assert len(set(seen)) == 10


WRONG = {
    "repeats": 0.9,
    "readers": 0,
    "budget": 0,
    "port": 70000,
    "url": "reads.example.org",
    "reader": "",
}


@pytest.mark.parametrize("flag", WRONG)
def test_wrong_flags(serve, labels_run, flag):
    with pytest.raises(InputError, match=f"--{flag}"):
        serve(labels_run, **{flag: WRONG[flag]})
