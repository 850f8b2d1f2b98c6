"""What is known of the real data sets is found in them."""

import time

import pytest

from overread.data.load import load
from overread.data.options import DataOptions
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


def test_jsrt_needs_its_columns_named(shared):
    with pytest.raises(InputError, match="--label-col NAME"):
        read(shared / "jsrt" / "cases.csv")
    flags = {"label_col": "nodule", "split_col": "fold", "split_map": {"odd": "train", "even": "test"}}
    assert (
        len(read(shared / "jsrt" / "cases.csv", DataOptions(task="classification", **flags)).manifest) == 247
    )
