"""How well wrong masks are ranked and found: by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.data.manifest import Manifest
from overread.data.mask_files import MaskFiles, Part
from overread.detect.masks.suspicion import MaskSuspicion
from overread.measure_doubt import area, doubt_overlap, mask_detection, overlap

WRONG = np.array([[True, False], [False, False], [False, True], [False, False]])


def test_a_perfect_detector_of_structures():
    found = mask_detection(MaskSuspicion(WRONG.astype(float), WRONG), WRONG)
    assert set(found.values()) == {1.0}


def test_an_image_is_as_suspicious_as_its_worst_structure():
    score = np.array([[0.1, 0.9], [0.5, 0.5], [0.2, 0.3], [0.0, 0.0]])
    found = mask_detection(MaskSuspicion(score, score > 0.4), WRONG)
    assert found["auroc"] == pytest.approx(3 / 4)  # .9 and .3 against .5 and 0
    assert (found["sensitivity"], found["specificity"]) == (0.5, 0.5)
    assert found["auroc_masks"] == pytest.approx(
        (2 + 3) / 12
    )  # .1 and .3 stand above 2 and 3 of the other six


def test_a_detector_of_images_gives_all_masks_one_score():
    score = np.array([0.9, 0.1, 0.8, 0.2])
    found = mask_detection(MaskSuspicion(score, score > 0.5), WRONG)
    assert (found["auroc"], found["sensitivity"], found["specificity"]) == (1.0, 1.0, 1.0)
    assert found["auroc_masks"] == pytest.approx(10 / 12)  # a tie with the image's other mask counts half


def test_where_nothing_or_all_is_wrong_a_ranking_means_nothing():
    for wrong, key in ((np.zeros((4, 2), bool), "sensitivity"), (np.ones((4, 2), bool), "specificity")):
        found = mask_detection(MaskSuspicion(np.zeros((4, 2)), np.zeros((4, 2), bool)), wrong)
        assert found["auroc"] is found["ap"] is found["auroc_masks"] is found[key] is None


def test_the_baseline_sees_sizes_alone():
    sizes = np.array([[0.1], [0.11], [0.09], [0.1], [0.3], [0.0]])
    found = area(sizes)
    assert found.by_image.argsort()[-2:].tolist() == [4, 5]
    assert not found.wrong.any()
    assert area(np.full((3, 1), 0.2)).score.tolist() == [[0.0]] * 3


def test_overlap():
    empty = np.zeros(4, bool)
    assert overlap(empty, empty) == 1.0
    assert overlap(empty, ~empty) == 0.0


@pytest.fixture
def drawn(tmp_path):
    """One image of 4x4 whose given mask of two structures lacks a row each, and its true masks."""
    for name, rows in (("a", 2), ("b", 1), ("true-a", 3), ("true-b", 2)):
        mask = np.zeros((4, 4), np.uint8)
        mask[:rows] = 255
        Image.fromarray(mask).save(tmp_path / f"{name}.png")
    return tmp_path


def manifest_of(folder: Path):
    def files(*names):
        return MaskFiles(np.array([names], object), ((Part(0),), (Part(1),)))

    one = np.array(["x"], object)
    return Manifest(
        ids=one, images=one, given=np.zeros(1, np.int64), classes=("a", "b"), group=one, split=one, root=folder,
        masks=files("a.png", "b.png"), true_masks=files("true-a.png", "true-b.png"),
    )  # fmt: skip


def test_doubt_meets_what_is_wrong_in_any_structure(drawn):
    doubt = np.zeros((4, 4), np.uint8)
    doubt[1:3] = 128  # rows 1 and 2 are wrong: one in each structure
    assert doubt_overlap(manifest_of(drawn), np.array([0]), lambda row: doubt) == {"iou": 1.0, "images": 1}
    doubt[1] = 127
    assert doubt_overlap(manifest_of(drawn), np.array([0]), lambda row: doubt)["iou"] == 0.5


def test_doubt_where_no_image_was_found(drawn):
    found = doubt_overlap(manifest_of(drawn), np.array([], int), lambda row: np.zeros((4, 4)))
    assert found == {"iou": None, "images": 0}
