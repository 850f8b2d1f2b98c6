"""The page of a training on masks: it says what the files say, shows pictures, and is safe with any names."""

from __future__ import annotations

import html
import json
import re

import numpy as np
import pytest
from PIL import Image

from overread.errors import InputError
from overread.reporting import write_report

EVIL = "<script>alert(1)</script>"


def figures(dice, hd95, **more):
    ends = {"dice": [dice - 0.02, dice + 0.02], "hd95": [hd95 - 1, hd95 + 1], "hd95_mm": None}
    return {"dice": dice, "hd95": hd95, "hd95_mm": hd95 / 10, "intervals": ends, **more}


def quality(dice):
    structures = {
        EVIL: figures(dice + 0.05, 4.0, drawn=9, predicted=10),
        "heart": figures(dice - 0.05, 8.0, drawn=7, predicted=6),
    }
    return {"samples": 10, **figures(dice, 6.0), "per_structure": structures}


def metrics():
    last = {
        "epoch": 4,
        "val": {"given": quality(0.711)},
        "test": {"given": quality(0.722), "true": quality(0.833)},
    }
    best = {
        "epoch": 2,
        "val": {"given": quality(0.744)},
        "test": {"given": quality(0.755), "true": quality(0.866)},
    }
    pair = {"images": 30, "given_dice": 0.601, "corrected_dice": 0.802}
    corrected = {
        "samples": 60,
        "agreement": 0.777,
        "wrong": pair,
        "right": pair,
        "per_structure": {EVIL: pair},
    }
    return {"kept": "last", "best_epoch": 2, **last, "corrected": corrected, "last": last, "best": best}


def summary():
    return {
        "overread": "0.1.0",
        "task": "segmentation",
        "method": EVIL,
        "starts": "unet starts from random weights.",
        "size": 128,
        "loss": "dice-ce",
        "samples": 90,
        "groups": 31,
        "classes": [EVIL, "heart"],
        "exclusive": False,
        "spacing": [0.175, 0.2],
        "parts": {"train": {"samples": 60}, "val": {"samples": 20}, "test": {"samples": 10}},
        "per_structure": {EVIL: {"train": 59, "val": 19, "test": 9, "covers": 0.123}},
        "noise_rate": {"estimate": 0.4, "low": 0.3, "high": 0.6, "level": 0.95, "how": EVIL, "truth": 0.5},
        "read": {"source": EVIL, "kind": "table"},
        "warnings": [EVIL],
        "limits": [EVIL],
    }


@pytest.fixture
def run(tmp_path):
    """A run folder of four epochs."""
    info = {
        "verb": "train",
        "command": ["overread", "train", EVIL],
        "state": "done",
        "seconds": {"learn": 98.0},
    }
    gallery = [
        {"id": EVIL, "thumb": "gallery/1.jpg", "dice": {"heart": 0.912}},
        {"id": "x", "thumb": "../1.jpg"},
    ]
    contents = {"run": info, "summary": summary(), "metrics": metrics(), "gallery": gallery}
    for name, content in contents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    (tmp_path / "gallery").mkdir()
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(tmp_path / "gallery" / "1.jpg")
    lines = [
        {"stage": "train", "epoch": epoch, "loss": 2 / epoch, "val_loss": 1.0, "val_dice": epoch / 5,
         "val_dice_of": {EVIL: 0.1 * epoch, "heart": 0.2 * epoch}}
        for epoch in (1, 2, 3, 4)
    ]  # fmt: skip
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def page(run):
    return write_report(run).read_text(encoding="utf-8")


def words(text):
    body = re.sub(r"<[^>]*>", " ", text[text.index("<body>") :])
    return re.sub(r"\s+", " ", html.unescape(body)).replace("\u00a0", " ")


def change(run, name, **values):
    content = json.loads((run / name).read_text()) | values
    (run / name).write_text(json.dumps(content))


def test_it_says_what_the_files_say(run):
    text = words(page(run))
    for said in (
        "Dice 0.833 on 10 test images, the mean over 2 structures.",
        "An estimated 40 % of the training images have a wrong mask (30 % to 60 %, 95 % interval); 50 % really have.",
        "This is an experiment.",
        "On the test part, by the true masks.",
        "test true masks 10 0.833 0.813 to 0.853 6.0 5.0 to 7.0 0.6",
        "heart 7 6 0.783",
        "best (2) test true masks 0.866",
        "images with a wrong mask 30 0.601 0.802",
        "the masks of the 60 training images anew",
        "0.777",
        "Loss Dice and cross-entropy",
        "Spacing 0.175 to 0.2 mm a pixel",
        "12.3 %",
        "Dice: heart 0.912",
        "not a medical device",
    ):
        assert said in text, said


def test_pictures_are_inside_and_none_from_elsewhere(run):
    text = page(run)
    assert text.count("data:image/jpeg;base64,") == 1
    assert "no picture" in words(text)
    assert "<script" not in text
    assert not re.findall(r'(?:href|src)="(?!#|data:)', text)
    anchors = set(re.findall(r'href="#([a-z]+)"', text))
    assert anchors <= set(re.findall(r'id="([a-z]+)"', text))


def test_a_curve_of_the_mean_and_one_of_each_structure(run):
    points = re.findall(r'<polyline class="line (\w+) (?:median|thin)" points="([^"]+)"', page(run))
    assert [kind for kind, _ in points].count("ink") == 2  # the loss and the mean Dice
    assert [len(line.split()) for _, line in points] == [4] * 5


def test_without_truth_test_part_pictures_or_curves(run):
    given = {"given": quality(0.5)}
    change(
        run, "metrics.json", val=given, test={}, last={}, best={}, corrected={"samples": 60, "agreement": 0.7}
    )
    change(run, "summary.json", noise_rate={}, per_structure=None, spacing=None)
    (run / "log.jsonl").unlink()
    (run / "gallery.json").unlink()
    text = words(page(run))
    assert "judged by masks of which some may be wrong" in text
    assert "This is an experiment" not in text
    assert "An estimated" not in text
    assert "The last and the best epoch" not in text
    assert "This run kept no pictures." in text
    assert "Dice with the truth" not in text
    assert "<svg" not in page(run)


def test_the_truth_alone_is_told(run):
    change(run, "summary.json", noise_rate={"truth": 0.25})
    assert "25 % of the training images really have a wrong mask." in words(page(run))


def test_same_files_same_bytes_and_broken_ones_are_named(run):
    assert page(run) == page(run)
    (run / "gallery.json").write_text('{"a": 1}')
    (run / "metrics.json").write_text("[")
    with pytest.raises(InputError) as failure:
        write_report(run)
    for said in ("gallery.json should be a list", "metrics.json cannot be read as JSON"):
        assert said in str(failure.value)
