"""What is known of the real data sets is found in them."""

import time
from collections import Counter

import pytest

from overread.data.load import load
from overread.data.masks import read_masks
from overread.data.options import DataOptions, parse_merge, parse_split_map
from overread.data.read import read
from overread.errors import InputError


def test_ham10000_as_the_issue_reads_it(shared):
    flags = {"label_col": "diagnosis", "group_col": "lesion_id", "split": "train"}
    reading = read(shared / "ham10000" / "labels.csv", DataOptions(task="classification", **flags))
    assert len(reading.manifest) == 6989
    assert len(reading.manifest.classes) == 7
    assert reading.groups_across_splits == []
    with pytest.raises(InputError, match="--task classification or --task segmentation"):
        read(shared / "ham10000" / "labels.csv", DataOptions(**flags))


def test_ham10000_is_guessed(shared):
    reading = read(shared / "ham10000", DataOptions(task="classification"))
    assert reading.guessed == {"label": "diagnosis", "group": "lesion_id"}


def test_chest_xray_has_its_copies_and_patients(shared):
    table = shared / "chest_xray" / "patients.csv"
    start = time.perf_counter()
    reading, images = load(shared / "chest_xray", DataOptions(groups=table), 32, quiet=True)
    assert time.perf_counter() - start < 30
    assert len(images) == 5840
    assert sum(len(names) - 1 for names in reading.duplicates) == 32
    assert reading.conflicts == []
    assert len(reading.groups_across_splits) == 170


def test_jsrt_as_the_issue_reads_it(shared):
    merge = parse_merge(["lungs=left_lung+right_lung", "clavicles=left_clavicle+right_clavicle"])
    options = DataOptions(split_map=parse_split_map("odd=train,even=test"), merge=merge)
    reading = read(shared / "jsrt" / "cases.csv", options)
    manifest = reading.manifest
    assert (manifest.task, manifest.classes) == ("segmentation", ("lungs", "heart", "clavicles"))
    assert reading.guessed == {"split": "fold"}
    assert Counter(manifest.split) == {"train": 124, "test": 123}
    assert all(
        counts == {"drawn": 247, "empty": 0, "without_file": 0} for counts in reading.structures.values()
    )
    lungs, heart, clavicles = read_masks(manifest.masks, manifest.root, 0)
    assert lungs.sum() > heart.sum() > clavicles.sum() > 500
    assert (lungs & clavicles).any()  # they overlap
    assert read(shared / "jsrt", options).manifest.fingerprint == manifest.fingerprint


def test_jsrt_labels_are_there_for_who_asks(shared):
    flags = {"label_col": "nodule", "split_col": "fold", "split_map": {"odd": "train", "even": "test"}}
    table = shared / "jsrt" / "cases.csv"
    assert len(read(table, DataOptions(task="classification", **flags)).manifest) == 247
    with pytest.raises(InputError, match="--task classification or --task segmentation"):
        read(table, DataOptions(**flags))


def test_ham10000_has_masks_of_some_images(shared):
    reading = read(shared / "ham10000", DataOptions(task="segmentation", split="test"))
    counts = reading.structures["mask"]
    assert (counts["drawn"] + counts["empty"], counts["empty"]) == (
        len(reading.manifest),
        counts["without_file"],
    )
    assert any("where nobody looked, leave the image out" in note for note in reading.notes)
