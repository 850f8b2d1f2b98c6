"""Answers from Label Studio, CVAT and tables: there and back, once, with their readers, all problems at once."""

from __future__ import annotations

import json
import zipfile
from xml.etree import ElementTree as xml

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import overread
from overread.cli.main import main
from overread.errors import InputError
from overread.rle import brush, cvat
from overread.store import LabelStore

NAME = "images/{} é.png".format


def entries(run):
    store = LabelStore.open(run / "labels.sqlite")
    found = list(store.opinions())
    assert store.verify() == []
    store.close()
    return found


def twice(run, file, form, *readers):
    """Imports a file, and again: the second time changes nothing."""
    first = overread.import_answers(run, file, form, readers)
    assert overread.import_answers(run, file, form, readers).new == 0
    return first


def annotate(tasks, number, result, who, **more):
    tasks[number].setdefault("annotations", []).append(
        {
            "id": 100 + number,
            "completed_by": who,
            "result": result,
            "lead_time": 7.5,
            "updated_at": "2026",
            **more,
        }
    )


def chosen(control, *names):
    return {"from_name": control, "to_name": "image", "type": "choices", "value": {"choices": list(names)}}


def saved(tasks, path):
    for number, task in enumerate(tasks):
        task["id"] = number + 1
        task.setdefault("annotations", [])
    path.write_text(json.dumps(tasks), "utf-8")
    return path


def masks_of(run, name, structures=("heart", "lungs")):
    """The current masks of an image."""
    out = run.parent / f"masks-{len(list(run.parent.iterdir()))}"
    overread.export(run, out, "masks")
    pictures = (Image.open(out / "masks" / one / f"{name}.png") for one in structures)
    return [np.asarray(one) > 127 for one in pictures]


class TestLabelStudio:
    def test_labels(self, run, tmp_path):
        record = overread.export(run, tmp_path / "out", "labelstudio").record
        assert record["written"]["tasks"] == 8
        tasks = json.loads((tmp_path / "out" / "tasks.json").read_text("utf-8"))
        assert tasks[1]["data"]["overread_id"] == NAME(1)
        assert tasks[1]["data"]["image"].startswith("/data/local-files/?d=out/images/")
        given = tasks[1]["predictions"][0]
        assert (given["model_version"], given["result"][0]["value"]) == ("given", {"choices": ["mel"]})
        view = xml.parse(tmp_path / "out" / "config.xml").getroot()
        assert [c.get("value") for c in view.find("Choices[@name='label']")] == ["=mel", "mel", "nv"]
        annotate(
            tasks, 1, [chosen("label", "nv"), {"from_name": "reason", "value": {"text": ["no network"]}}], 3
        )
        annotate(tasks, 1, [chosen("label", "mel")], {"id": 7, "email": "bob@ward"})
        annotate(tasks, 2, [chosen("outcome", "unreadable")], 3)
        annotate(tasks, 3, [], 3, was_cancelled=True)
        result = twice(run, saved(tasks, tmp_path / "back.json"), "labelstudio", "3=ann")
        assert (result.new, result.readers) == (4, {"ann": 3, "bob@ward": 1})
        found = entries(run)
        assert [(e.sample, e.reader, e.outcome, e.label) for e in found] == [
            (NAME(1), "ann", "label", "nv"),
            (NAME(1), "bob@ward", "label", "mel"),
            (NAME(2), "ann", "unreadable", None),
            (NAME(3), "ann", "skip", None),
        ]
        assert (found[0].reason, found[0].seconds) == ("no network", 7.5)
        assert found[0].evidence["shown"] == "Label Studio"

    def test_an_answer_that_was_changed_is_new(self, run, tmp_path):
        overread.export(run, tmp_path / "out", "labelstudio")
        tasks = json.loads((tmp_path / "out" / "tasks.json").read_text("utf-8"))
        annotate(tasks, 0, [chosen("label", "mel")], 3)
        overread.import_answers(run, saved(tasks, tmp_path / "a.json"), "labelstudio", ["ann"])
        annotate(tasks, 0, [chosen("label", "nv")], 3, updated_at="2027")
        result = twice(run, saved(tasks, tmp_path / "b.json"), "labelstudio", "ann")
        assert (result.new, [e.label for e in entries(run)]) == (1, ["mel", "nv"])

    def test_masks(self, kit, cases, tmp_path):
        """The heart of image 1 is drawn anew in two strokes, that of image 2 is kept as absent, lungs are kept."""
        run = kit.make_run(cases, tmp_path / "run")
        overread.export(run, tmp_path / "out", "labelstudio")
        tasks = json.loads((tmp_path / "out" / "tasks.json").read_text("utf-8"))
        regions = tasks[0]["predictions"][0]["result"]
        for region, mask in zip(regions, kit.boxes(0).values(), strict=True):
            assert np.array_equal(brush.decode(region["value"]["rle"], (8, 10)), mask)
        assert tasks[2]["predictions"][0]["result"][-1]["value"] == {"choices": ["heart"]}
        strokes = []
        for box in ((slice(0, 2), slice(0, 4)), (slice(5, 8), slice(7, 10))):
            mask = np.zeros((8, 10), bool)
            mask[box] = True
            stroke = dict(
                regions[0], value={"format": "rle", "rle": brush.encode(mask), "brushlabels": ["heart"]}
            )
            strokes.append((stroke, mask))
        annotate(tasks, 1, [one for one, _ in strokes], 3)
        annotate(tasks, 2, tasks[2]["predictions"][0]["result"], 3)
        twice(run, saved(tasks, tmp_path / "back.json"), "labelstudio", "ann")
        said = [(e.sample, e.structure, e.outcome) for e in entries(run)]
        assert sorted(said) == [
            ("images/1.png", "heart", "label"),
            ("images/2.png", "heart", "keep"),
            ("images/2.png", "lungs", "keep"),
        ]
        heart, lungs = masks_of(run, "1")
        assert np.array_equal(heart, strokes[0][1] | strokes[1][1])
        assert np.array_equal(lungs, kit.boxes(1)["lungs"])
        again = json.loads(exported(run, tmp_path / "again").read_text("utf-8"))
        assert [task["data"]["overread_id"] for task in again] == ["images/0.png", "images/1.png"]

    def test_all_problems_in_one_message(self, run, tmp_path):
        overread.export(run, tmp_path / "out", "labelstudio")
        tasks = json.loads((tmp_path / "out" / "tasks.json").read_text("utf-8"))
        annotate(tasks, 0, [chosen("label", "nv")], 3)
        annotate(tasks, 1, [chosen("label", "nv"), chosen("outcome", "unsure")], {"email": "b@c"})
        annotate(tasks, 2, [chosen("label", "naevus")], {"email": "b@c"})
        tasks[3]["data"]["overread_id"] = "elsewhere"
        with pytest.raises(InputError) as caught:
            overread.import_answers(run, saved(tasks, tmp_path / "back.json"), "labelstudio")
        for words in (
            "has but a number",
            "--reader 3=ann",
            "several things",
            "'naevus'",
            "'elsewhere'",
            "nothing was",
        ):
            assert words in str(caught.value)
        assert not (run / "labels.sqlite").exists()

    def test_other_files_are_refused(self, run, tmp_path):
        (tmp_path / "min.json").write_text(json.dumps([{"image": "x", "label": "nv"}]))
        with pytest.raises(InputError, match="choose JSON there, not JSON-MIN"):
            overread.import_answers(run, tmp_path / "min.json", "labelstudio")
        with pytest.raises(InputError, match="cannot be read as JSON"):
            overread.import_answers(run, tmp_path / "nowhere.json", "labelstudio")


def exported(run, out):
    overread.export(run, out, "labelstudio")
    return out / "tasks.json"


class TestCvat:
    def test_labels(self, kit, run, tmp_path):
        overread.export(run, tmp_path / "out", "cvat")
        names = [one["name"] for one in json.loads((tmp_path / "out" / "labels.json").read_text("utf-8"))]
        assert names == ["=mel", "mel", "nv", "unsure", "unreadable", "out-of-scope", "read"]
        tree = xml.parse(tmp_path / "out" / "annotations.xml")
        images = tree.getroot().findall("image")
        assert [image.find("tag").get("label") for image in images] == [
            "nv",
            "mel",
            "=mel",
            *["nv", "mel", "=mel"],
            "nv",
            "mel",
        ]
        assert all((tmp_path / "out" / "images" / image.get("name")).is_file() for image in images)
        images[1].find("tag").set("label", "nv")
        for number in (1, 2, 3):
            xml.SubElement(images[number], "tag", label="read")
        xml.SubElement(images[2], "tag", label="unreadable")
        images[3].set("name", f"upload/{images[3].get('name')}")
        task = tree.getroot().find("meta/task")
        xml.SubElement(xml.SubElement(task, "assignee"), "username").text = "ann"
        tree.write(tmp_path / "back.xml", encoding="utf-8")
        assert twice(run, tmp_path / "back.xml", "cvat").readers == {"ann": 3}
        assert [(e.sample, e.outcome, e.label) for e in entries(run)] == [
            (NAME(1), "label", "nv"),
            (NAME(2), "unreadable", None),
            (NAME(3), "label", "nv"),
        ]

    def test_masks_in_a_zip(self, kit, cases, tmp_path):
        run = kit.make_run(cases, tmp_path / "run")
        overread.export(run, tmp_path / "out", "cvat")
        tree = xml.parse(tmp_path / "out" / "annotations.xml")
        images = tree.getroot().findall("image")
        for image, boxes in zip(images, map(kit.boxes, range(3)), strict=True):
            for one in image.findall("mask"):
                assert np.array_equal(cvat.decode(one.attrib, (8, 10)), boxes[one.get("label")])
        assert images[2].find("tag").get("label") == "nothing: heart"
        images[2].remove(images[2].find("tag"))
        drawn = np.zeros((8, 10), bool)
        drawn[4:6, 3:8], drawn[4, 5] = True, False
        xml.SubElement(images[2], "mask", {"label": "heart", **cvat.encode(drawn)})
        xml.SubElement(images[2], "tag", label="read")
        with zipfile.ZipFile(tmp_path / "back.zip", "w") as archive:
            archive.writestr("annotations.xml", xml.tostring(tree.getroot()))
        result = twice(run, tmp_path / "back.zip", "cvat", "ann")
        assert result.new == 2
        assert np.array_equal(masks_of(run, "2")[0], drawn)
        assert [(e.structure, e.outcome) for e in entries(run)] == [("lungs", "keep"), ("heart", "label")]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("<annotations><image name='0 é.png'/></annotations>", "nobody has read any"),
            ("<!DOCTYPE a [<!ENTITY b 'c'>]><annotations/>", "entities of its own"),
            ("<annotations><track/></annotations>", "CVAT for images 1.1"),
            ("no xml", "is no annotations.xml"),
        ],
    )
    def test_other_files_are_refused(self, run, tmp_path, text, words):
        (tmp_path / "back.xml").write_text(text, "utf-8")
        with pytest.raises(InputError, match=words):
            overread.import_answers(run, tmp_path / "back.xml", "cvat", ["ann"])


class TestTable:
    def write(self, path, rows):
        pd.DataFrame(rows).to_csv(path, index=False)
        return path

    def test_labels(self, run, tmp_path):
        rows = [
            {"id": NAME(1), "answer": "nv", "reader": "ann", "reason": "x"},
            {"id": NAME(2), "answer": "'=mel", "reader": "", "reason": ""},
            {"id": NAME(3), "answer": "keep", "reader": "", "reason": ""},
            {"id": NAME(4), "answer": "", "reader": "", "reason": ""},
        ]
        file = self.write(tmp_path / "answers.csv", rows)
        assert twice(run, file, "csv", "bob").readers == {"ann": 1, "bob": 2}
        assert [(e.reader, e.outcome, e.label) for e in entries(run)] == [
            ("ann", "label", "nv"),
            ("bob", "label", "=mel"),
            ("bob", "keep", "nv"),
        ]

    def test_masks(self, kit, cases, tmp_path):
        run = kit.make_run(cases, tmp_path / "run")
        mask = np.eye(8, 10, dtype=np.uint8) * 255
        Image.fromarray(mask).save(tmp_path / "mine.png")
        rows = [
            {"id": "images/0.png", "structure": "heart", "answer": "", "mask": "mine.png"},
            {"id": "images/1.png", "structure": "", "answer": "unreadable", "mask": ""},
        ]
        assert twice(run, self.write(tmp_path / "answers.csv", rows), "csv", "ann").new == 2
        assert np.array_equal(masks_of(run, "0")[0], mask > 0)

    def test_all_problems_in_one_message(self, kit, cases, tmp_path):
        run = kit.make_run(cases, tmp_path / "run")
        Image.fromarray(np.zeros((3, 3), np.uint8)).save(tmp_path / "small.png")
        base = {"structure": "heart", "answer": "", "mask": "", "reader": "ann"}
        rows = [
            {**base, "id": "images/0.png", "mask": "../../secret.png"},
            {**base, "id": "images/0.png", "structure": "liver", "answer": "keep"},
            {**base, "id": "images/0.png", "mask": "small.png"},
            {**base, "id": "images/9.png", "answer": "keep"},
            {**base, "id": "images/1.png", "answer": "keep", "reader": ""},
            {**base, "id": "images/2.png", "answer": "wrong"},
        ]
        with pytest.raises(InputError) as caught:
            overread.import_answers(run, self.write(tmp_path / "answers.csv", rows), "csv")
        text = str(caught.value)
        for words in (
            "leads out of the folder",
            "'liver'",
            "8 x 10 is expected",
            "images/9.png",
            "--reader NAME",
            "'wrong'",
        ):
            assert words in text
        assert not (run / "labels.sqlite").exists()

    def test_contradictions(self, run, tmp_path):
        rows = [{"id": NAME(1), "answer": answer, "reader": "ann"} for answer in ("nv", "mel")]
        with pytest.raises(InputError, match=r"two of one reader(.|\n)*line 2 and line 3"):
            overread.import_answers(run, self.write(tmp_path / "answers.csv", rows), "csv")

    def test_the_command(self, run, tmp_path, capsys):
        file = self.write(tmp_path / "answers.csv", [{"id": NAME(1), "answer": "nv"}])
        assert main(["import", str(run), str(file), "--from", "csv", "--reader", "ann"]) == 0
        assert "1, 1 of them new: ann 1" in capsys.readouterr().out
        assert main(["import", str(run), str(file), "--from", "cvs"]) == 2
        assert "Did you mean 'csv'" in capsys.readouterr().err
        assert main(["import", str(run), str(file), "--from", "csv", "--reader", "a", "--reader", "b"]) == 2
