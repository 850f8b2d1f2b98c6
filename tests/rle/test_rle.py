"""Run lengths in three dialects: exact there and back, and the same as others write and read them."""

from __future__ import annotations

import numpy as np
import pytest

from overread.rle import brush, coco, cvat
from overread.rle.runs import BadRuns


def ring():
    mask = np.zeros((9, 12), bool)
    mask[1:8, 2:11] = True
    mask[3:6, 4:8] = False
    return mask


def touching():
    mask = np.zeros((6, 5), bool)
    mask[:3, :3] = mask[3:, 3:] = True
    return mask


RNG = np.random.default_rng(0)
MASKS = {
    "empty": np.zeros((4, 7), bool),
    "full": np.ones((5, 3), bool),
    "one pixel": np.eye(1, dtype=bool),
    "one pixel of nothing": np.zeros((1, 1), bool),
    "first": np.eye(1, 30, dtype=bool),
    "last": np.eye(1, 30, 29, dtype=bool).T,
    "hole": ring(),
    "touching": touching(),
    "odd": RNG.random((37, 53)) < 0.5,
    "sparse": RNG.random((301, 199)) < 0.002,
    "large": np.kron(RNG.random((3, 2)) < 0.5, np.ones((217, 301), bool)),  # runs beyond 65,536 values
}
each_mask = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)


@each_mask
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools itself
def test_coco(mask):
    found = coco.encode(mask)
    assert np.array_equal(coco.decode(found), mask)
    oracle = pytest.importorskip("pycocotools.mask")
    theirs = oracle.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert found == {"size": list(theirs["size"]), "counts": theirs["counts"].decode()}
    assert np.array_equal(oracle.decode({**found, "counts": found["counts"].encode()}), mask)


def test_coco_of_plain_numbers():
    assert coco.decode({"size": [2, 2], "counts": [1, 2, 1]}).tolist() == [[False, True], [True, False]]


@each_mask
def test_brush(mask):
    assert np.array_equal(brush.decode(brush.encode(mask), mask.shape), mask)


def test_brush_by_hand():
    """A 1 x 2 mask whose second pixel is drawn, bit by bit after the description of the scheme."""
    head = f"{8:032b}" + "00111" + "0010" + "0011" + "0111" + "1111"
    bits = head + "100" + "011" + "00000000" + "100" + "011" + "11111111"
    bits += "0" * (-len(bits) % 8)
    by_hand = [int(bits[k : k + 8], 2) for k in range(0, len(bits), 8)]
    assert brush.encode(np.array([[0, 1]])) == by_hand
    assert brush.decode(by_hand, (1, 2)).tolist() == [[False, True]]


def test_brush_of_values_one_by_one():
    """Other writers leave short stretches unpacked; only alpha counts."""
    head = f"{8:032b}" + "00111" + "0010" + "0011" + "0111" + "1111"
    bits = head + "000" + "111" + "".join(f"{v:08b}" for v in (9, 9, 9, 255, 255, 255, 255, 0))
    bits += "0" * (-len(bits) % 8)
    data = [int(bits[k : k + 8], 2) for k in range(0, len(bits), 8)]
    assert brush.decode(data, (2, 1)).tolist() == [[True], [False]]


@pytest.mark.parametrize("mask", [mask for mask in MASKS.values() if mask.any()])
def test_cvat(mask):
    assert np.array_equal(cvat.decode(cvat.encode(mask), mask.shape), mask)


def test_cvat_by_hand():
    """The example of CVAT's documentation: a first run of 0, then along the rows of the rectangle."""
    mask = np.zeros((6, 8), bool)
    mask[2, 3:6] = mask[3, 4] = True
    found = cvat.encode(mask)
    assert found == {"rle": "0, 3, 1, 1, 1", "left": "3", "top": "2", "width": "3", "height": "2"}


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda: coco.decode({"size": [2, 2], "counts": [1, 9]}), "longer than the mask"),
        (lambda: coco.decode({"size": [2, 2], "counts": [1, 1]}), "runs of 2 pixels; 4 are expected"),
        (lambda: coco.decode({"size": [2, 2], "counts": "é"}), "holds the sign"),
        (lambda: coco.decode({"size": [2, 2], "counts": "1Q"}), "middle of a run"),
        (lambda: brush.decode([0, 0, 0, 8], (1, 2)), "truncated"),
        (lambda: brush.decode([300], (1, 2)), "no list of bytes"),
        (lambda: brush.decode(brush.encode(np.ones((2, 2))), (1, 2)), "16 values; 1 x 2 pixels have 8"),
        (lambda: cvat.decode({"rle": "0, 4"}, (2, 2)), "no whole numbers"),
        (
            lambda: cvat.decode({"rle": "0,4", "left": "1", "top": "0", "width": "2", "height": "2"}, (2, 2)),
            r"covers 2 x 2 pixels at \(1, 0\)",
        ),
    ],
)
def test_what_is_broken_is_told(attempt, words):
    with pytest.raises(BadRuns, match=words):
        attempt()
