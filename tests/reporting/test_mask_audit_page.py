"""The page of an audit of masks: safe, self-contained, repeatable, and it says what the files say."""

from __future__ import annotations

import csv
import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from overread.errors import InputError
from overread.reporting import write_report

EVIL = ("<script>alert(1)</script>", "$x_{1}$ & \"q\" 'a'", "naïve 漢字")
IMAGES, EPOCHS, FLAGGED = 30, 5, 4
VOID = {"meta", "img", "br", "hr"}
HEADER = [
    "rank", "id", "image", "structure", "given", "suggested", "agreement", "score", "p_wrong", "flagged", "why",
]  # fmt: skip


class Page(HTMLParser):
    """Tags and words of a page; tags close in order."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    (folder / "gallery").mkdir(parents=True)
    ids = [f"img/{EVIL[row % 3]}-{row}.png" for row in range(IMAGES)]
    pairs = [(row, k) for row in range(IMAGES) for k in range(3)]
    table = [
        [
            place + 1,
            ids[row],
            f"/data/{row}",
            EVIL[k],
            f"masks/{row}.png",
            f"suggested/{row}.png",
            0.4 if row < FLAGGED and k < 2 else 0.9,
            9 - place / 10,
            0.97 if row < FLAGGED and k < 2 else 0.02,
            int(row < FLAGGED and k < 2),
            EVIL[0],
        ]
        for place, (row, k) in enumerate(pairs)
    ]
    with (folder / "suspects.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *table])
    losses = np.random.default_rng(0).random((IMAGES, EPOCHS)).astype(np.float32)
    np.savez(folder / "evidence.npz", ids=np.array(ids[::-1]), losses=losses)
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(folder / "gallery" / "a.jpg")
    structure = {"structure": EVIL[1], "agreement": 0.412, "p_wrong": 0.97, "flagged": True, "how": EVIL[0]}
    cards = [
        {
            "rank": rank,
            "id": ids[rank],
            "p_wrong": 0.97,
            "contours": "gallery/a.jpg",
            "doubt": "gallery/a.jpg",
        }
        | {"structures": [structure] * 3}
        for rank in range(1, 15)
    ]
    for name, content in (("gallery", cards), ("summary", summary()), ("run", info())):
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def info():
    return {
        "verb": "audit",
        "command": ["overread", "audit", EVIL[0]],
        "state": "done",
        "seconds": {"learn": 98.0},
    }


def summary():
    row = {"auroc": 0.911, "ap": 0.822, "sensitivity": 0.555, "specificity": 0.966}
    row |= {"auroc_masks": 0.733, "ap_masks": 0.644}
    structure = {"samples": IMAGES, "drawn": 29, "flagged": 4, "noise_rate": 0.13, "agreement": 0.876}
    structure |= {"too_large": 2, "too_small": 1, "missing": 1, "not_seen": 0}
    return {
        "overread": "0.1.0",
        "task": "segmentation",
        "effort": "full",
        "method": EVIL[0],
        "samples": IMAGES,
        "groups": 15,
        "classes": list(EVIL),
        "exclusive": False,
        "size": 128,
        "flagged": FLAGGED,
        "flagged_masks": 8,
        "noise_rate": {"estimate": 0.141, "low": 0.08, "high": 0.22, "level": 0.95, "how": EVIL[0]},
        "per_structure": dict.fromkeys(EVIL, structure),
        "read": {"source": EVIL[0], "kind": "table"},
        "warnings": [EVIL[0]],
        "limits": [EVIL[0]],
        "detectors": {"consensus": {"flagged": FLAGGED, "what": EVIL[0], "agrees": 1.0}},
        "detection": {"contour": row, "area": {**row, "ap": 0.311}, "consensus": {**row, "ap": 0.899}},
        "calibration": {"ece": 0.031},
        "doubt": {"iou": 0.777, "images": 4},
    }


def change(run, name, **values):
    content = json.loads((run / name).read_text(encoding="utf-8")) | values
    (run / name).write_text(json.dumps(content), encoding="utf-8")


def page(run):
    return Page(write_report(run).read_text(encoding="utf-8"))


def test_it_says_what_the_files_say(run):
    text = page(run).text
    for words in (
        "4 of 30 images have a mask that looks wrong (13.3 %).".replace(" %", "\u00a0%"),
        "An estimated 14.1 % of all images have a wrong mask (8 % to 22 %, 95 % interval).".replace(
            " %", "\u00a0%"
        ),
        "This is an experiment.",
        "the 8 masks worth a look",
        "0.412",
        "The next 2",
        "0.876",
        "may overlap",
        "128 x 128 pixels",
        "overlap by 0.777 on average",
        "wrong masks are learned late".capitalize(),
        "not a medical device",
    ):
        assert re.sub(r"\s", " ", words) in re.sub(r"\s", " ", text), words
    assert text.index("0.899") < text.index("0.822") < text.index("0.311"), "consensus first, baseline last"
    assert "labels look" not in text


def test_hostile_names_stay_words_and_nothing_is_loaded(run):
    found = page(run)
    assert not {tag for tag, _ in found.tags} & {
        "script",
        "iframe",
        "object",
        "embed",
        "link",
        "base",
        "form",
    }
    for _, attributes in found.tags:
        assert attributes.get("href", "#").startswith("#")
        assert attributes.get("src", "data:image/").startswith("data:image/")
    anchors = {attributes["href"][1:] for tag, attributes in found.tags if tag == "a"}
    assert anchors <= {attributes.get("id") for _, attributes in found.tags}
    for name in EVIL:
        assert name in found.text


def test_images_are_drawn_once_each_and_masks_by_structure(run):
    text = write_report(run).read_text(encoding="utf-8")
    assert text.count("Dice of given and suggested</text>") == 3
    assert "number of images (log)" in text
    assert "share of all images" in text


def test_a_mask_that_is_flagged_flags_its_image_wherever_it_stands(run):
    from overread.reporting.files import read_run
    from overread.reporting.mask_audit import COLUMNS, by_image

    found = by_image(read_run(run, COLUMNS)).suspects
    assert len(found.rows) == IMAGES
    assert found.flagged.tolist() == [row < FLAGGED for row in range(IMAGES)]
    assert found.p_wrong.tolist() == [0.97] * FLAGGED + [0.02] * (IMAGES - FLAGGED)
    assert found.score.tolist() == [9 - 3 * row / 10 for row in range(IMAGES)]


def test_same_files_same_bytes(run):
    assert write_report(run).read_bytes() == write_report(run).read_bytes()


def test_the_optional_may_be_absent(run):
    needed = {name: summary()[name] for name in ("samples", "flagged", "classes", "task")}
    (run / "summary.json").write_text(json.dumps(needed), encoding="utf-8")
    (run / "run.json").write_text("{}", encoding="utf-8")
    for name in ("gallery.json", "evidence.npz"):
        (run / name).unlink()
    shutil.rmtree(run / "gallery")
    text = page(run).text
    assert "This run kept no pictures." in text
    assert "experiment" not in text


def test_odd_values_do_no_harm(run):
    odd = {
        "noise_rate": None,
        "per_structure": {"a": 3},
        "detectors": {"a": 1},
        "doubt": "?",
        "calibration": [],
    }
    change(run, "summary.json", **odd, detection={"a": {"ap": "?"}})
    (run / "gallery.json").write_text(json.dumps([{"structures": "?", "contours": "../secret.jpg"}, {}]))
    assert page(run).text.count("no picture") == 4


@pytest.mark.parametrize(
    ("flagged", "words"), [(0, "No mask of 30 images looks wrong."), (1, "1 of 30 images has a mask")]
)
def test_few_flags_read_well(run, flagged, words):
    change(run, "summary.json", flagged=flagged)
    assert words in page(run).text


def test_a_table_without_structures_is_refused(run):
    text = (run / "suspects.csv").read_text(encoding="utf-8").replace("structure,", "organ,", 1)
    (run / "suspects.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"suspects\.csv lacks the column structure"):
        write_report(run)
