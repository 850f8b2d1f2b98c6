"""Long tables of several annotators: gathered by image, settled by majority, nothing of it lost."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from overread.data.kept import options_as_json, options_of
from overread.data.options import DataOptions, parse_map_labels
from overread.data.read import read
from overread.errors import InputError
from overread.readers.agreement import krippendorff
from overread.readers.answers import answers_of

BY = DataOptions(reader_col="doctor")
EVERYBODY = ("Ann", "Bob", "Eve")
GIVEN = {0: "aab", 1: "bbb", 2: "aaa", 3: "bab", 4: "aa", 5: "bb", 6: "a", 7: "b"}


def rows(said=GIVEN, readers=EVERYBODY):
    return [
        f"images/{image},{who},{label}".replace(",", ".png,", 1)
        for image, labels in said.items()
        for who, label in zip(readers, labels, strict=False)
    ]


def refused(path, options=BY):
    with pytest.raises(InputError) as caught:
        read(path, options)
    return str(caught.value)


def names(manifest):
    return "".join(manifest.classes[code] for code in manifest.given)


def test_a_row_an_image_and_reader(table, tmp_path):
    reading = read(table("image,doctor,label", rows()), BY)
    assert list(reading.manifest.ids) == [f"images/{image}.png" for image in range(8)]
    assert names(reading.manifest) == "abababab"
    facts = reading.as_dict()["readers"]
    assert (facts["readers"], facts["readings"], facts["images"], facts["read_once"]) == (3, 18, 8, 2)
    assert facts["without_majority"] == 0
    codes = np.array(
        [["ab".index(label) for label in said] + [-1] * (3 - len(said)) for said in GIVEN.values()]
    )
    alpha = krippendorff(answers_of(codes, ("a", "b")))
    assert facts["agreement"]["krippendorff"]["value"] == pytest.approx(alpha.value)
    assert facts["agreement"]["krippendorff"]["low"] == pytest.approx(alpha.low)
    assert facts["by_reader"]["Eve"] == {"images": 4, "with_majority": 0.75}
    assert json.dumps(facts, allow_nan=False)
    assert any(
        "3 readers gave 18 labels to 8 images. Krippendorff's alpha is" in note for note in reading.notes
    )
    assert any("2 images were read by one reader" in note for note in reading.notes)
    reading.readings.save(tmp_path / "readings.csv")
    kept = pd.read_csv(tmp_path / "readings.csv")
    assert list(kept.columns) == ["id", "reader", "label", "answer"]
    assert len(kept) == 18
    assert (kept["label"] == kept["answer"]).all()


def test_a_tie_goes_by_the_rule_that_is_told(table):
    reading = read(table("image,doctor,label", rows({**GIVEN, 4: "ab", 6: "abc"})), BY)
    assert names(reading.manifest)[4] == "a"  # Ann is with the majority more often than Bob, who erred on 3
    facts = reading.as_dict()["readers"]
    assert (facts["without_majority"], facts["tied"]) == (2, 2)
    assert facts["disputed"] == ["images/4.png", "images/6.png"]
    told = " ".join(reading.notes)
    assert "2 images have no majority (2 tied)" in told
    assert "the consensus of no image: 'c'" in told


def test_classes_are_renamed_before_readers_are_counted(table):
    said = {**GIVEN, 6: "xyb", 7: "bb"}
    options = DataOptions(reader_col="doctor", map_labels=parse_map_labels("x+y=a"))
    assert names(read(table("image,doctor,label", rows(said)), options).manifest)[6] == "a"
    none = DataOptions(reader_col="doctor", map_labels=parse_map_labels("y=nan,x=a"))
    reading = read(table("image,doctor,label", rows({**said, 7: "by"})), none)
    assert names(reading.manifest)[7] == "b"
    assert any("2 readings name no class" in note for note in reading.notes)


def test_a_reader_who_looks_twice(table, tmp_path):
    more = ["images/6.png,Ann,a", "images/7.png,Ann,a", "images/7.png,Zoe,", "./images/5.png,Zoe,b"]
    reading = read(table("image,doctor,label", rows() + more), BY)
    assert names(reading.manifest) == "abababaa"
    told = " ".join(reading.notes)
    assert "2 images were read more than once by the same reader, who said something else in 1" in told
    assert "1 reader read one image only" in told
    assert "'Zoe'" in told
    reading.readings.save(tmp_path / "r.csv")
    kept = pd.read_csv(tmp_path / "r.csv", keep_default_na=False)
    last = kept[kept["id"] == "images/7.png"]
    assert list(zip(last["reader"], last["label"], last["answer"], strict=True)) == [
        ("Ann", "b", ""),
        ("Ann", "a", "a"),
        ("Zoe", "", ""),
    ]


def test_everything_wrong_comes_in_one_message(table):
    lines = [f"{line},p{at % 2},train" for at, line in enumerate(rows({0: "ab", 1: "bb"}))]
    lines += ["images/2.png,,a,p1,train", "images/3.png,Ann,,p1,train", "images/4.png,Ann,b,p1,val"]
    lines += ["images/4.png,Bob,b,p1,train", "images/5.png,Ann,a,p1,val"]
    text = refused(table("image,doctor,label,group,split", lines))
    assert "1 row names no reader:\n    images/2.png" in text
    assert "2 images have more than one group in the rows of their readers" in text
    assert "images/0.png: 'p0', 'p1'" in text
    assert "1 image has more than one split" in text
    assert "1 of 6 images has no label (empty or nan):\n    images/3.png" in text


def test_without_the_flag_it_is_named_as_the_cure(table):
    text = refused(table("image,doctor,label", rows()), DataOptions())
    assert "6 images are listed more than once" in text
    assert "--reader-col NAME" in text


def test_where_the_flag_does_not_fit(table, folder):
    assert "no column 'docter' (--reader-col). Did you mean 'doctor'?" in refused(
        table("image,doctor,label", rows()), DataOptions(reader_col="docter")
    )
    masks = table("image,doctor,mask", ["images/0.png,Ann,images/1.png"] * 2)
    assert "--reader-col is for labels. Of masks that several readers drew" in refused(masks)
    assert "it has no columns" in refused(folder(), BY)


def test_ids_are_those_of_images_where_the_table_has_some(table):
    lines = [f"{line},{line.split('.')[0]}" for line in rows()]
    assert read(table("image,doctor,label,id", lines), BY).manifest.ids[1] == "images/1"
    lines = [f"{line},{at}" for at, line in enumerate(rows())]  # of readings
    assert read(table("image,doctor,label,id", lines), BY).manifest.ids[1] == "images/1.png"


def test_nobody_said_anything(table):
    text = refused(table("image,doctor,label", rows({0: ["", ""], 1: ["nan"]})))
    assert "no image has a label" in text
    blank = DataOptions(reader_col="doctor", labels="optional")
    assert (read(table("image,doctor,label", rows({0: [""], 1: [""]})), blank).manifest.given == -1).all()


def test_the_flag_is_kept_in_the_run():
    assert options_of(options_as_json(BY)) == BY


def test_slices_of_a_volume_are_one_reading(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    for name in "pqrs":
        values = np.random.default_rng(ord(name)).integers(0, 99, (6, 6, 3)).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / f"{name}.nii.gz")
    lines = [f"{name}.nii.gz,{who},{'ab'[name in 'rs']}" for name in "pqrs" for who in EVERYBODY]
    (tmp_path / "t.csv").write_text("\n".join(["image,doctor,label", *lines]))
    reading = read(tmp_path / "t.csv", BY)
    assert len(reading.manifest) == 12
    assert reading.as_dict()["readers"]["readings"] == 12  # 4 volumes, 3 readers
    assert len(reading.readings.images) == 12
