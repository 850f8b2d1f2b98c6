"""Training, validation and test part: from the data's own splits, or cut by whole groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from overread.data.manifest import Manifest
from overread.data.parts import parted, rows_of
from overread.data.samples import strings
from overread.errors import InputError

N = 60


def manifest(splits=(), given=None, groups=None):
    """Sixty images of two classes, two images a group; `splits` are repeated over them."""
    ids = strings(f"{row}.png" for row in range(N))
    return Manifest(
        ids=ids,
        images=ids,
        given=np.arange(N) // 2 % 2 if given is None else given,
        classes=("a", "b"),
        group=strings(f"g{row // 2}" for row in range(N)) if groups is None else strings(groups),
        split=strings(splits[row * len(splits) // N] for row in range(N)) if splits else strings([""] * N),
        root=Path(),
    )


def counts(found):
    return {part: len(rows_of(found, part)) for part in ("train", "val", "test", "")}


def test_without_splits_a_share_of_whole_groups_is_held_out():
    found = parted(manifest(), 0.2, seed=0)
    assert counts(found) == {"train": 48, "val": 12, "test": 0, "": 0}
    assert not set(found.group[found.split == "train"]) & set(found.group[found.split == "val"])
    assert np.bincount(found.given[found.split == "val"]).tolist() == [6, 6]
    assert list(parted(manifest(), 0.2, seed=0).split) == list(found.split)
    assert list(parted(manifest(), 0.2, seed=1).split) != list(found.split)


def test_the_splits_of_the_data_are_kept():
    found = parted(manifest(["train", "train", "val", "test"]), 0.2, seed=0)
    assert counts(found) == {"train": 30, "val": 15, "test": 15, "": 0}
    assert list(found.split) == list(manifest(["train", "train", "val", "test"]).split)


def test_a_validation_part_is_cut_from_the_training_part_alone():
    found = parted(manifest(["train", "train", "train", "test"]), 0.2, seed=0)
    assert counts(found)["test"] == 15
    assert list(np.flatnonzero(found.split == "test")) == list(range(45, 60))
    assert counts(found)["val"] in (8, 10)


def test_what_is_in_no_split_is_not_used():
    assert counts(parted(manifest(["train", "train", ""]), 0.2, seed=0))[""] == 20


def test_one_split_alone_is_cut_like_data_without_splits():
    found = parted(manifest(["odd"]), 0.2, seed=0, whole=True)
    assert counts(found) == {"train": 48, "val": 12, "test": 0, "": 0}


def test_the_manifest_that_was_read_stays_as_it_was():
    read = manifest(["train", "train", "test"])
    parted(read, 0.2, seed=0)
    assert set(read.split) == {"train", "test"}


@pytest.mark.parametrize(
    ("read", "says"),
    [
        (
            manifest(["odd", "even"]),
            r"The splits are: even \(30\), odd \(30\). Expected train, val and test, not 'even', 'odd'. "
            r"Say which is which: --split-map even=train,odd=val; or take one alone: --split even",
        ),
        (manifest(["val", "test"]), "there is no training part.*--split-map OLD=train"),
        (manifest(["train", "val", "val", "val"]), "15 images in 8 groups to train on; at least 20"),
        (manifest(groups=[f"g{row % 2}" for row in range(N)]), "60 images in 2 groups to train on"),
        (manifest(["train", "val"], given=np.arange(N) // 30), "no image that is given as 'b'.*--map-labels"),
        (manifest(groups=["one"] * 58 + ["two", "three"]), "Nothing is held out for validation"),
    ],
)
def test_parts_that_cannot_be_used_are_refused(read, says):
    with pytest.raises(InputError, match=says):
        parted(read, 0.001 if "Nothing" in says else 0.2, seed=0)
