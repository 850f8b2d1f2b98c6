"""`--to coco`, read by COCO's own library."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import overread
from overread.store import Opinion

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)  # of pycocotools


def read_with(coco, out):
    """COCO's own reader, which prints."""
    return coco.COCO(str(out / "annotations.json"))


def test_masks(kit, cases, tmp_path):
    oracle = pytest.importorskip("pycocotools.coco")
    heart = np.zeros((8, 10), bool)
    heart[0:5, 2:9], heart[2:4, 4:6] = True, False  # with a hole, and over the lungs
    run = kit.make_run(cases, tmp_path / "run")
    store = kit.open_store(run)
    store.append(Opinion("images/1.png", "ann", "label", structure="heart", mask=kit.png(heart)))
    store.close()
    record = overread.export(run, tmp_path / "out", "coco").record
    assert record["head"]["number"] == 1
    found = read_with(oracle, tmp_path / "out")
    assert [one["name"] for one in found.loadCats(found.getCatIds())] == ["heart", "lungs"]
    for number in range(3):
        expected = kit.boxes(number)
        if number == 1:
            expected["heart"] = heart
        if number == 2:
            expected.pop("heart")  # nothing is drawn
        each = {one["category_id"]: one for one in found.loadAnns(found.getAnnIds(imgIds=[number + 1]))}
        assert set(each) == {1 + ["heart", "lungs"].index(name) for name in expected}
        for name, mask in expected.items():
            one = each[1 + ["heart", "lungs"].index(name)]
            assert np.array_equal(found.annToMask(one), mask)
            ys, xs = np.nonzero(mask)
            assert one["bbox"] == [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]
            assert one["area"] == mask.sum()
    image = found.loadImgs([1])[0]
    with Image.open(tmp_path / "out" / image["file_name"]) as picture:
        assert picture.size == (image["width"], image["height"]) == (10, 8)
    drawn = next(one for one in found.loadAnns(found.getAnnIds(imgIds=[2], catIds=[1])))
    assert drawn["overread"] == {"status": "agreed", "verified": True, "readers": 1}


def test_labels(said, tmp_path):
    written = overread.export(said, tmp_path / "out", "coco").record["written"]
    whole = json.loads((tmp_path / "out" / "annotations.json").read_text("utf-8"))
    names = {one["id"]: one["name"] for one in whole["categories"]}
    labels = {one["image_id"]: names[one["category_id"]] for one in whole["annotations"]}
    ids = {one["id"]: one["overread"]["id"] for one in whole["images"]}
    assert labels[2] == "nv"  # was mel
    assert labels[7] == "@new"
    assert (written["left_out"], written["annotations"]) == (1, 7)
    assert "images/3 é.png" not in ids.values()
    assert whole["annotations"][0]["bbox"] == [0, 0, 6, 6]
    assert all((tmp_path / "out" / one["file_name"]).is_file() for one in whole["images"])


def test_pictures_that_others_would_turn_are_written_anew(kit, cases, tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    pixels = np.arange(80, dtype=np.uint8).reshape(10, 8)
    Image.fromarray(pixels).save(cases / "images" / "1.png", exif=turned)
    overread.export(kit.make_run(cases, tmp_path / "run"), tmp_path / "out", "coco")
    whole = json.loads((tmp_path / "out" / "annotations.json").read_text("utf-8"))
    assert whole["images"][1]["file_name"] == "images/1.png"
    with Image.open(tmp_path / "out" / "images" / "1.png") as picture:
        assert picture.size == (10, 8)
        assert not picture.getexif()
        assert np.array_equal(np.asarray(picture), np.rot90(pixels, -1))
