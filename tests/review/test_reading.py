"""One reader and the queue: what is asked, what is stored, what comes back."""

from __future__ import annotations

import numpy as np
import pytest

FLAGGED = [f"{row}" for row in range(0, 30, 3)]


def numbers(items):
    return [one["item"] for one in items]


def test_the_queue_comes_in_order_of_suspicion(serve, labels_run):
    ann = serve(labels_run).person("ann", ["reader"])
    assert numbers(ann.items(ahead=3)) == FLAGGED[:4]
    seen = []
    for _ in FLAGGED:
        [item, *_] = ann.items(ahead=0)
        seen.append(item["item"])
        last = ann.say(item)["next"]
    assert seen == FLAGGED
    assert last["done"]
    assert last["words"].startswith("All of this round is read. `overread export` writes")
    assert last["progress"] == {"done": 10, "left": 0, "mine": 10, "budget": 10, "disagreements": 0}


def test_a_reload_shows_the_same_tickets(serve, labels_run):
    ann = serve(labels_run).person("ann")
    assert [one["ticket"] for one in ann.items(ahead=5)] == [one["ticket"] for one in ann.items(ahead=5)]


def test_what_is_stored(serve, labels_run):
    desk = serve(labels_run)
    ann = desk.person("ann")
    [item, second, *_] = ann.items()
    ann.say(item, "label", label="nv", reason="no stripes", seconds=3.5)
    ann.say(second, "keep")
    one, two = desk.review.store.opinions()
    assert (one.sample, one.reader, one.outcome, one.label) == ("Doe^John 0", "ann", "label", "nv")
    assert (one.reason, one.seconds, one.round, one.authority) == ("no stripes", 3.5, 0, False)
    assert one.evidence["shown"] == "all"
    assert one.evidence["suggested"] == "mel"
    assert one.evidence["p_wrong"] == 0.9
    assert one.evidence["blind"] is False
    assert (two.outcome, two.label) == ("keep", item["shown"]["given"])
    assert desk.review.store.verify() == []


def test_what_is_shown(serve, labels_run, draw):
    [item, *_] = serve(labels_run).person("ann").items()
    assert item["number"] == 1
    assert item["shown"]["given"] == draw.evil
    assert item["shown"]["suggested"] == "mel"
    assert item["shown"]["why"] == "It looks like mel."
    assert item["image"] | {"url": 0} == {
        "url": 0,
        "width": 32,
        "height": 24,
        "full_width": 32,
        "full_height": 24,
        "deep": False,
        "low": 0,
        "high": 255,
        "raw": None,
        "window": None,
    }


def test_the_same_answer_again_changes_nothing_and_another_is_refused(serve, labels_run):
    desk = serve(labels_run)
    ann = desk.person("ann")
    [item, *_] = ann.items()
    first = ann.say(item, "label", label="nv")
    again = ann.say(item, "label", label="nv")
    assert first["answer"] == again["answer"]
    body = {"ticket": item["ticket"], "outcome": "label", "label": "mel"}
    assert "already" in ann.refused("/api/answers", body, 409)
    assert desk.review.store.head()[0] == 1


def test_an_answer_outlives_the_server(serve, labels_run):
    """The server dies after it stored and before it answered: the browser asks again."""
    desk = serve(labels_run)
    token, _ = desk.review.accounts.invite("ann", ["reader"])
    ann = desk.enter(token)
    [item, following, *_] = ann.items()
    number = ann.say(item)["answer"]["number"]
    desk.review.close()
    desk = serve(labels_run)
    again = desk.client()
    again.cookies.update(ann.cookies)
    again.headers["x-csrf-token"] = ann.headers["x-csrf-token"]
    assert again.say(item)["answer"]["number"] == number
    assert again.items()[0]["ticket"] == following["ticket"]
    assert desk.review.store.head()[0] == 1


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        ({"outcome": "label"}, 422, "Name one of the classes"),
        ({"outcome": "label", "label": "melanoma"}, 422, "Name one of the classes"),
        ({"outcome": "keep", "label": "nv"}, 422, "names no class"),
        ({"outcome": "guess"}, 422, "An answer is one of"),
        ({"outcome": "undo"}, 422, "An answer is one of"),
        ({"outcome": "label", "label": "nv", "use": "suggested"}, 422, "Name one"),
        ({"outcome": "keep", "seconds": -1}, 422, "wrong: seconds"),
        ({"outcome": "keep", "seconds": "soon"}, 422, "wrong: seconds"),
        ({"outcome": "keep", "ahead": 1000}, 422, "wrong: ahead"),
        ({"outcome": "keep", "revise": True}, 409, "nothing to revise"),
    ],
)
def test_wrong_answers_are_refused_in_words(serve, labels_run, body, code, word):
    desk = serve(labels_run)
    ann = desk.person("ann")
    ticket = ann.items()[0]["ticket"]
    assert word in ann.refused("/api/answers", {"ticket": ticket, **body}, code)
    assert desk.review.store.head()[0] == 0


def test_skipped_items_come_last_and_stay_skipped(serve, labels_run):
    desk = serve(labels_run)
    ann = desk.person("ann")
    ann.read("skip", 2)
    seen = [ann.say(ann.items(ahead=0)[0])["item"] for _ in range(8)]
    assert seen == FLAGGED[2:]
    [first, second] = ann.items(ahead=3)
    assert numbers([first, second]) == FLAGGED[:2]
    assert first["skipped"]
    assert ann.get("/api/progress").json()["outcomes"]["skip"] == 2
    ann.say(first, "skip")
    assert ann.items(ahead=0)[0]["item"] == FLAGGED[1]  # the longest ago
    assert [one.outcome for one in desk.review.store.history("Doe^John 0")] == ["skip", "skip"]


def test_undo_brings_the_item_back(serve, labels_run):
    desk = serve(labels_run)
    ann = desk.person("ann")
    [item, *_] = ann.items()
    number = ann.say(item, "label", label="nv")["answer"]["number"]
    done = ann.post("/api/undo", json={"number": number}).json()
    assert done["undone"] == number
    assert done["item"]["item"] == item["item"]
    assert done["next"]["items"][0]["ticket"] == done["item"]["ticket"] != item["ticket"]
    assert done["next"]["progress"]["done"] == 0
    again = ann.post("/api/undo", json={"number": number}).json()  # the answer got lost
    assert again["item"]["ticket"] == done["item"]["ticket"]
    ann.say(done["item"], "label", label="mel")
    outcomes = [(one.outcome, one.label) for one in desk.review.store.opinions()]
    assert outcomes == [("label", "nv"), ("undo", None), ("label", "mel")]
    assert list(desk.review.store.current().label[:1]) == ["mel"]


def test_looking_back_and_changing_ones_mind(serve, labels_run):
    desk = serve(labels_run)
    ann = desk.person("ann", ["reader"])
    ann.read("keep", 3)
    mine = ann.get("/api/mine?limit=2").json()
    assert [one["item"] for one in mine["answers"]] == ["6", "3"]
    rest = ann.get("/api/mine", params={"limit": 2, "before": mine["before"]}).json()
    assert [one["item"] for one in rest["answers"]] == ["0"]
    assert rest["before"] is None
    back = ann.get("/api/items/0").json()
    assert (back["stage"], back["ticket"], back["answer"]["outcome"]) == ("answered", None, "keep")
    again = ann.post("/api/items/0/again", json={}).json()
    assert again["kind"] == "again"
    ann.say(again, "label", label="nv")
    assert desk.review.store.current().label[0] == "nv"
    assert ann.get("/api/progress").json()["brief"]["done"] == 3


def test_deep_images_keep_their_values(serve, labels_run, make_run, draw):
    run = make_run(12, lambda row: row == 4)
    ann = serve(run).person("ann")
    [item] = ann.items()
    image = item["image"]
    assert (image["deep"], image["low"], image["high"]) == (True, 100.0, 100.0 + 5 * (24 * 32 - 1))
    answer = ann.get(image["raw"])
    sent = np.frombuffer(answer.content, "<u2").reshape(24, 32)
    values = image["low"] + sent / 65535 * (image["high"] - image["low"])
    assert np.abs(values - (np.arange(24 * 32).reshape(24, 32) * 5 + 100)).max() < 0.05
    grey = draw.pixels(ann.get(image["url"]))
    assert (grey.dtype, grey.min(), grey.max()) == (np.uint8, 0, 255)
    assert answer.headers["content-encoding"] == "gzip"


def test_a_slice_of_a_volume_keeps_its_values(serve, make_run, draw):
    nibabel = pytest.importorskip("nibabel")
    run = make_run(9, lambda row: row == 1)
    volume = np.arange(6 * 5 * 3, dtype=np.int16).reshape(6, 5, 3) * 10 - 200
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), run / "ct.nii.gz")
    table = (run / "manifest.csv").read_text().splitlines()
    table[2] = table[2].replace(
        str(run.parent / "images" / "Doe^John 1.png"), f"{run / 'ct.nii.gz'}#axial=1&window=40:400"
    )
    (run / "manifest.csv").write_text("\n".join(table))
    ann = serve(run).person("ann")
    [item] = ann.items()
    image = item["image"]
    plane = volume[:, :, 1]
    assert (image["deep"], image["window"]) == (True, [40.0, 400.0])
    assert (image["low"], image["high"]) == (plane.min(), plane.max())
    assert image["width"] * image["height"] == plane.size
    sent = (
        np.frombuffer(ann.get(image["raw"]).content, "<u2") / 65535 * (image["high"] - image["low"])
        + image["low"]
    )
    assert sorted(np.round(sent)) == sorted(plane.ravel())
    assert draw.pixels(ann.get(image["url"])).size == plane.size


def test_a_broken_image_is_told_and_can_be_answered(serve, make_run):
    ann = serve(make_run(9, lambda row: row == 5)).person("ann")
    [item] = ann.items()
    assert item["image"]["url"] is None
    assert "cannot be read" in item["image"]["words"]
    assert "Doe" not in item["image"]["words"]
    assert ann.get("/api/images/5.png").status_code == 404
    ann.say(item, "unreadable")


def test_thumbnails(serve, labels_run, draw):
    ann = serve(labels_run).person("ann")
    assert draw.pixels(ann.get("/api/images/0.png?size=16")).shape == (24, 32, 3)  # 64 at least


def test_neighbours_are_trusted_ones_of_other_patients(serve, labels_run, draw):
    ann = serve(labels_run).person("ann")
    item = ann.items()[0]
    found = ann.get(item["shown"]["neighbours"]).json()["sets"]
    assert [(one["what"], one["label"]) for one in found] == [("given", draw.evil), ("suggested", "mel")]
    given, suggested = ([image["number"] - 1 for image in one["images"]] for one in found)
    assert given == []  # all of this class are flagged
    assert found[0]["words"]
    assert len(suggested) == 4
    assert all(row % 3 == 1 and row // 2 != 0 for row in suggested)
    for image in found[1]["images"]:
        assert draw.pixels(ann.get(image["url"])).shape[:2] == (image["height"], image["width"])
    assert ann.get(f"/api/items/{item['item']}/neighbours/4.png").status_code == 404


def test_progress_tells_the_pace(serve, labels_run):
    ann = serve(labels_run).person("ann")
    for seconds in (2.0, 4.0, 9.0):
        ann.read("keep", seconds=seconds)
    found = ann.get("/api/progress").json()
    assert found["seconds"] == {"median": 4.0, "mean": 5.0, "left_minutes": round(7 * 5 / 60)}
    assert found["agreement"] == found["drift"] == []


def test_pages_are_filled(serve, labels_run):
    boss = serve(labels_run).person()
    for path in ("/", "/adjudicate", "/curator"):
        page = boss.get(path)
        assert page.status_code == 200
        assert boss.headers["x-csrf-token"] in page.text
    missing = boss.get("/nothing")
    assert missing.status_code == 404
    assert missing.headers["content-type"].startswith("text/html")
