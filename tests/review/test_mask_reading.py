"""Masks: what is shown, what is handed in, what comes back pixel by pixel."""

from __future__ import annotations

import numpy as np


def test_given_suggested_and_doubt_are_shown(serve, masks_run, draw):
    ann = serve(masks_run).person("ann", ["reader"])
    [item, *_] = ann.items()
    assert (item["item"], item["structure"], item["mask_size"]) == ("0.0", "lungs", [40, 30])
    masks = item["shown"]["masks"]
    assert (draw.pixels(ann.get(masks["given"])) == draw.square(2, 10)).all()
    assert (draw.pixels(ann.get(masks["suggested"])) == draw.square(4, 12)).all()
    assert (draw.pixels(ann.get(masks["doubt"])) == 200).all()
    assert item["shown"]["agreement"] == 0.7
    assert item["shown"]["neighbours"] is None


def test_a_mask_reloads_pixel_by_pixel(serve, masks_run, draw):
    desk = serve(masks_run)
    ann = desk.person("ann", ["reader"])
    [item, *_] = ann.items()
    drawn = np.where(np.random.default_rng(0).random((30, 40)) < 0.5, 0, 255).astype(np.uint8)
    url = ann.say(item, "label", mask=draw.text(drawn))["answer"]["mask"]
    assert (draw.pixels(ann.get(url)) == drawn).all()
    assert ann.get("/api/items/0.0").json()["answer"]["mask"] == url
    desk.review.close()
    again = serve(masks_run).person("ann", ["reader"])
    assert (draw.pixels(again.get(url)) == drawn).all()


def test_what_counts_as_drawn(serve, masks_run, draw):
    """A canvas gives colours with alpha, and an antialiased brush gives grey."""
    ann = serve(masks_run).person("ann", ["reader"])
    canvas = np.zeros((30, 40, 4), np.uint8)
    canvas[..., 3] = 255
    canvas[3, :4, :3] = [[255, 255, 255], [200, 0, 0], [128, 128, 128], [127, 127, 127]]
    url = ann.say(ann.items()[0], "label", mask=draw.text(canvas))["answer"]["mask"]
    back = draw.pixels(ann.get(url))
    assert back[3, :4].tolist() == [255, 255, 255, 0]
    assert back.sum() == 3 * 255


def test_the_suggested_mask_is_taken_as_it_is(serve, masks_run, draw):
    desk = serve(masks_run)
    ann = desk.person("ann", ["reader"])
    url = ann.say(ann.items()[0], "label", use="suggested")["answer"]["mask"]
    assert (draw.pixels(ann.get(url)) == draw.square(4, 12)).all()
    assert next(desk.review.store.opinions()).evidence["used"] == "suggested"


def test_the_given_mask_is_kept(serve, masks_run):
    desk = serve(masks_run)
    ann = desk.person("ann", ["reader"])
    done = ann.say(ann.items()[0], "keep")["answer"]
    assert (done["outcome"], done["mask"]) == ("keep", None)
    assert desk.review.store.current("lungs").verified[0]


def test_a_second_reader_keeps_the_given_mask_and_not_that_of_the_first(serve, masks_run, draw):
    desk = serve(masks_run, readers=2)
    ann, bob = desk.person("ann", ["reader"]), desk.person("bob", ["reader"])
    judge = desk.person("judge", ["adjudicator"])
    [hers, *_], [his, *_] = ann.items(), bob.items()
    ann.say(hers, "label", mask=draw.text(draw.square(1, 20)))
    first = bob.say(his, "keep")
    assert first["answer"] == bob.say(his, "keep")["answer"]
    [case] = judge.items(queue="adjudicate")
    one, two = (draw.pixels(judge.get(said["mask"])) for said in case["opinions"])
    assert (one == draw.square(1, 20)).all()
    assert (two == draw.square(2, 10)).all()
    [dice] = ann.get("/api/progress").json()["agreement"]
    assert dice["name"] == "dice"
    assert abs(dice["value"] - 2 * 64 / (64 + 361)) < 1e-4
    judge.say(case, "label", use="suggested", queue="adjudicate")
    assert desk.review.store.current("lungs").status[0] == "authority"


def test_blind_masks_are_withheld(serve, masks_run, draw):
    ann = serve(masks_run, blind=True).person("ann", ["reader"])
    [item, *_] = ann.items()
    assert item["shown"] is None
    for which in ("given", "suggested", "doubt"):
        assert ann.get(f"/api/masks/{item['item']}/{which}.png").status_code == 403
    body = {"ticket": item["ticket"], "outcome": "label", "use": "suggested"}
    assert "once it is shown" in ann.refused("/api/answers", body, 422)
    done = ann.say(item, "label", mask=draw.text(draw.square(0, 3)))
    assert ann.get(done["reveal"]["masks"]["suggested"]).status_code == 200
    assert ann.say(item, "label", use="suggested", revise=True)["answer"]["revised"]


def test_each_structure_is_asked_for_itself(serve, masks_run):
    desk = serve(masks_run, budget=4)
    ann = desk.person("ann", ["reader"])
    assert [one["item"] for one in ann.items(ahead=7)] == [
        "0.0",
        "1.0",
        "2.0",
    ]  # the lungs, which are flagged
    assert ann.get("/api/items/0.1").status_code == 404


def test_structures_of_one_file_are_told_apart_by_their_numbers(serve, masks_run, draw):
    indexed = masks_run.parent / "indexed.png"
    values = (draw.square(2, 10) > 0) * 1 + (draw.square(20, 25) > 0) * 2
    draw.save(values.astype(np.uint8), indexed)
    table = (masks_run / "manifest.csv").read_text()
    for number, name in enumerate(("lungs", "heart"), 1):
        table = table.replace(str(masks_run.parent / f"0-{name}.png"), f"{indexed}#value={number}")
    (masks_run / "manifest.csv").write_text(table)
    ann = serve(masks_run).person("ann")
    given = ann.get(ann.items()[0]["shown"]["masks"]["given"])
    assert (draw.pixels(given) == draw.square(2, 10)).all()


def test_a_file_of_several_structures_without_numbers_is_not_guessed_at(serve, masks_run):
    table = (masks_run / "manifest.csv").read_text().replace("0-heart.png", "0-lungs.png")
    (masks_run / "manifest.csv").write_text(table)
    ann = serve(masks_run).person("ann")
    answer = ann.get(ann.items()[0]["shown"]["masks"]["given"])
    assert answer.status_code == 404
    assert "one file holds several" in answer.json()["error"]
