"""Identities that every noise on masks must keep."""

from __future__ import annotations

import json

import numpy as np
import pytest

from overread.errors import InputError
from overread.noise import LABEL_NOISES, MASK_NOISES, NOISES
from overread.noise.choose import make, name_of, parameters_of, task_of
from overread.noise.geometry import Elastic, Shift
from overread.noise.masks import dice, disjoint, distance_to, picked
from overread.noise.morphology import ErodeDilate
from overread.noise.polygon import Polygon
from overread.noise.structures import Missing, Swap

STRONG = [
    ErodeDilate(1.0, (6, 6), "erode"),
    ErodeDilate(1.0, (6, 6), "dilate"),
    Shift(1.0),
    Elastic(1.0),
    Missing(1.0),
    Swap(1.0),
    Polygon(1.0, (3, 3)),
]
WEAK = [
    ErodeDilate(1.0, (0, 0), "erode"),
    ErodeDilate(1.0, (0, 0), "dilate"),
    ErodeDilate(1.0, (0, 0), element="cross"),
    Shift(1.0, (0, 0)),
    Elastic(1.0, (0, 0)),
    Polygon(1.0, (10_000, 10_000)),
]
each_noise = pytest.mark.parametrize("noise", STRONG, ids=name_of)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def discs(side: int = 128) -> np.ndarray:
    """Three round structures that touch nowhere, and one that is not drawn."""
    y, x = (np.indices((side, side)) + 0.5) / side
    spots = [(0.3, 0.3, 0.15), (0.3, 0.7, 0.17), (0.7, 0.4, 0.1), (0.0, 0.0, 0.0)]
    return np.stack([(y - cy) ** 2 + (x - cx) ** 2 < r**2 for cy, cx, r in spots])


def halves(side: int = 128) -> np.ndarray:
    """Three structures that exclude each other and touch."""
    y, x = np.indices((side, side)) / side
    body = (y > 0.1) & (y < 0.9) & (x > 0.1) & (x < 0.9)
    return np.stack([body & (x < 0.5) & (y < 0.6), body & (x >= 0.5) & (y < 0.6), body & (y >= 0.6)])


@each_noise
def test_the_masks_change_and_what_is_handed_in_does_not(noise):
    mask = discs()
    before = mask.copy()
    given, what = noise.draw(mask, rng())
    np.testing.assert_array_equal(mask, before)
    assert not np.shares_memory(given, mask)
    assert given.dtype == np.bool_
    assert given.shape == mask.shape
    assert (given != mask).any()
    assert json.loads(json.dumps(what)) == what


@pytest.mark.parametrize("noise", WEAK, ids=name_of)
@pytest.mark.parametrize("mask", [discs(), halves(), discs()[:, 20:90, 33:]], ids=["discs", "halves", "cut"])
def test_no_strength_changes_nothing(noise, mask):
    np.testing.assert_array_equal(noise.draw(mask, rng())[0], mask)


@each_noise
def test_the_seed_decides(noise):
    draws = [noise.draw(discs(), rng(seed)) for seed in (1, 1)]
    np.testing.assert_array_equal(draws[0][0], draws[1][0])
    assert draws[0][1] == draws[1][1]


@pytest.mark.parametrize("noise", [Shift(1.0), Elastic(1.0), ErodeDilate(1.0), Missing(1.0)], ids=name_of)
def test_seeds_differ(noise):
    draws = [noise.draw(discs(), rng(seed))[0] for seed in range(8)]
    assert any((one != draws[0]).any() for one in draws[1:])


@each_noise
@pytest.mark.parametrize("fill", [False, True], ids=["nothing", "everything"])
def test_masks_without_a_boundary(noise, fill):
    """Nothing stays nothing; what fills the image has no boundary, though it can be forgotten, or be
    a polygon."""
    mask = np.full((2, 40, 30), fill)
    given, _ = noise.draw(mask, rng())
    if not fill or not isinstance(noise, Missing | Polygon):
        np.testing.assert_array_equal(given, mask)


@each_noise
def test_one_pixel_and_images_that_are_not_square(noise):
    mask = np.zeros((2, 17, 60), bool)
    mask[0, 8, 30] = mask[1, 0, 0] = True
    assert noise.draw(mask, rng())[0].shape == mask.shape


@pytest.mark.parametrize("noise", [*STRONG[:4], Polygon(1.0, (20, 20))], ids=name_of)
def test_a_draw_means_the_same_at_every_size(noise):
    """The same draw on an image of twice the side changes the same shapes."""
    small, _ = noise.draw(discs(128), rng(3))
    large, _ = noise.draw(discs(256), rng(3))
    assert min(dice(small.repeat(2, 1).repeat(2, 2), large)) > 0.93


@each_noise
def test_structures_that_exclude_each_other_go_on_doing_so(noise):
    mask = halves()
    given = disjoint(noise.draw(mask, rng())[0], mask)
    assert given.sum(0).max() == 1


def test_dilation_takes_from_the_background_alone():
    mask = halves()
    wide, _ = ErodeDilate(1.0, (9, 9), "dilate").draw(mask, rng())
    given = disjoint(wide, mask)
    assert (given & mask == mask).all()
    np.testing.assert_array_equal(given.any(0), wide.any(0))
    gap = np.zeros((2, 1, 6), bool)
    gap[0, 0, 0] = gap[1, 0, 5] = True
    everything = np.ones((2, 1, 6), bool)
    assert disjoint(everything, gap).argmax(0).tolist() == [[0, 0, 0, 1, 1, 1]]
    assert disjoint(everything[:, :, :5], gap[:, :, :5]).argmax(0).tolist() == [[0] * 5]


def test_what_is_contested_is_not_lost():
    """The nearest structure that claims the pixel gets it, though a third one, which does not, lay nearer."""
    before = np.array([[[1, 0, 0, 0]], [[0, 0, 0, 1]], [[0, 0, 1, 0]]], bool)
    drawn = np.array([[[0, 0, 0, 0]], [[0, 1, 0, 1]], [[0, 1, 1, 0]]], bool)
    assert disjoint(drawn, before).astype(int).tolist() == [[[0, 0, 0, 0]], [[0, 0, 0, 1]], [[0, 1, 1, 0]]]
    drawn[2, 0, 1], drawn[0, 0, 1] = False, False
    drawn[2, 0, 0] = drawn[1, 0, 0] = True
    assert disjoint(drawn, before)[:, 0, 0].tolist() == [False, False, True]


def test_disjoint_leaves_alone_what_nobody_contests():
    np.testing.assert_array_equal(disjoint(discs()[::-1], discs()), discs()[::-1])


def test_distances_by_hand():
    assert distance_to(np.array([[False, True, False, False]])).tolist() == [[1, 0, 1, 2]]
    assert distance_to(np.zeros((2, 3), bool)).tolist() == [[5, 5, 5], [5, 5, 5]]


def test_dice_by_hand():
    given = np.zeros((3, 2, 3), bool)
    true = np.zeros((3, 2, 3), bool)
    given[0, 0, :2], true[0, 0, 1:] = True, True  # 2 and 2 pixels, 1 in common
    given[1, 0, 0] = True  # nothing is true
    assert dice(given, true) == [0.5, 0.0, 1.0]


@pytest.mark.parametrize("rate", [0.0, 0.06, 0.25, 0.5, 1.0])
def test_exactly_the_asked_number_of_images(rate):
    rows = picked(247, rate, rng())
    assert len(set(rows.tolist())) == len(rows) == round(rate * 247)
    assert set(rows) <= set(picked(247, 1.0, rng()))


def test_images_of_a_lower_rate_are_among_those_of_a_higher_one():
    assert set(picked(100, 0.25, rng(5))) < set(picked(100, 0.5, rng(5)))


def test_names_and_tasks():
    assert set(NOISES) == set(LABEL_NOISES) | set(MASK_NOISES)
    for name, entry in NOISES.items():
        kind = entry.load()
        task = "segmentation" if name in MASK_NOISES else "classification"
        assert task_of(kind) == task
        assert entry.what.startswith("masks: " if name in MASK_NOISES else "labels: ")
    for name in MASK_NOISES:
        noise = make(name, 0.25)
        assert name_of(noise) == name
        assert parameters_of(noise)["rate"] == 0.25


def test_fields_from_text():
    assert make("erode-dilate", 0.5, {"pixels": "1,8", "element": "square"}) == ErodeDilate(
        0.5, (1, 8), element="square"
    )
    assert make("polygon", 0.5, {"corners": "4,4"}) == Polygon(0.5, (4, 4))
    assert parameters_of(make("erode-dilate", 0.5)) == {
        "rate": 0.5,
        "pixels": (5, 13),
        "direction": "both",
        "element": "disk",
    }


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (
            "erode-dilate",
            {"pixels": "13,5"},
            r"pixels is a range LOW,HIGH with 0 <= LOW <= HIGH .*, got 13,5",
        ),
        ("erode-dilate", {"pixels": "5"}, "expected 2 values"),
        ("erode-dilate", {"pixels": "1.5,2"}, "expected a whole number"),
        ("erode-dilate", {"direction": "up"}, "expected one of both, erode, dilate"),
        ("erode-dilate", {"element": "ball"}, "expected one of disk, cross, square"),
        ("shift", {"pixels": "-1,2"}, "got -1.0,2.0"),
        ("shift", {"pixels": "1,inf"}, "got 1.0,inf"),
        ("shift", {"pixels": "nan,2"}, "got nan,2.0"),
        (
            "elastic",
            {"amplitude": "2,30"},
            "amplitude 30.0 tears the structures at smoothness 16.0: it can be 9.6",
        ),
        ("elastic", {"smoothness": "0"}, "smoothness is 2 to 256 pixels, got 0.0"),
        ("polygon", {"corners": "2,8"}, "with 3 <= LOW <= HIGH"),
        ("swap", {"partner": "none"}, "expected one of similar, any"),
    ],
)
def test_fields_that_make_no_sense(name, settings, message):
    with pytest.raises(InputError, match=message):
        make(name, 0.5, settings)


@pytest.mark.parametrize("name", MASK_NOISES)
def test_the_rate_is_a_share(name):
    with pytest.raises(InputError, match="rate is a share between 0 and 1"):
        make(name, 1.5)
    with pytest.raises(InputError, match=r"needs --rate, the share of images to make wrong"):
        make(name)
