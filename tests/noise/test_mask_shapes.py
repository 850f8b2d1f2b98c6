"""What each noise does to a mask: by hand, and against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from overread.errors import InputError
from overread.noise.geometry import Elastic, Shift, moved, smooth_field
from overread.noise.masks import dice
from overread.noise.morphology import ErodeDilate, dilated, eroded
from overread.noise.polygon import Polygon, coarse, filled, outline, simplified
from overread.noise.structures import Missing, Swap


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def blob(shape=(24, 31), seed: int = 0, share: float = 0.6) -> np.ndarray:
    """A ragged shape that the border cuts."""
    return ndimage.gaussian_filter(rng(seed).random(shape), 2.0) > np.quantile(
        ndimage.gaussian_filter(rng(seed).random(shape), 2.0), share
    )


def within(plane: np.ndarray, radius: float) -> np.ndarray:
    """Pixels that have one of `plane` within a Euclidean radius, pair by pair."""
    places, every = np.argwhere(plane), np.argwhere(np.ones_like(plane))
    squares = ((every[:, None] - places[None]) ** 2).sum(-1)
    return (squares <= radius**2).any(1).reshape(plane.shape)


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.5, 2.0, 3.7, 5.0])
def test_disks_are_what_brute_force_says(radius):
    plane = blob()
    np.testing.assert_array_equal(dilated(plane, radius), within(plane, radius))
    np.testing.assert_array_equal(eroded(plane, radius), ~within(~plane, radius))


@pytest.mark.parametrize("element", ["cross", "square"])
@pytest.mark.parametrize("times", [1, 2, 7])
def test_elements_are_iterations_of_three_by_three(element, times):
    plane = blob()
    three = ndimage.generate_binary_structure(2, {"cross": 1, "square": 2}[element])
    np.testing.assert_array_equal(
        dilated(plane, times, element), ndimage.binary_dilation(plane, three, iterations=times)
    )
    np.testing.assert_array_equal(
        eroded(plane, times, element),
        ndimage.binary_erosion(plane, three, iterations=times, border_value=1),
    )


def test_one_pixel_grows_into_each_element():
    dot = np.zeros((5, 5), bool)
    dot[2, 2] = True
    assert dilated(dot, 1).sum() == dilated(dot, 1, "cross").sum() == 5
    assert dilated(dot, 1, "square").sum() == 9
    assert dilated(dot, 2).sum() == dilated(dot, 2, "cross").sum() == 13
    assert dilated(dot, 1.5).sum() == 9


def test_a_structure_that_the_border_cuts_is_not_eroded_from_there():
    plane = np.zeros((6, 6), bool)
    plane[2:, :] = True
    assert eroded(plane, 2)[:, 0].tolist() == [False] * 4 + [True] * 2
    assert eroded(plane, 2).all(1).tolist() == [False] * 4 + [True] * 2


def test_radii_are_scaled_with_the_image():
    """n pixels at 256 x 256 are 2n at 512 x 512 and at 1024 x 256; iterations are rounded."""
    for shape, factor in (((512, 512), 2.0), ((1024, 256), 2.0), ((128, 128), 0.5), ((64, 64), 0.25)):
        plane = np.zeros(shape, bool)
        plane[shape[0] // 4 : shape[0] // 2, shape[1] // 4 : shape[1] // 2] = True
        given, what = ErodeDilate(1.0, (7, 7), "dilate").draw(plane[None], rng())
        assert what == {"direction": "dilate", "pixels": 7, "mask_pixels": 7 * factor}
        np.testing.assert_array_equal(given[0], dilated(plane, 7 * factor))
    given, what = ErodeDilate(1.0, (7, 7), "dilate", "square").draw(plane[None], rng())
    assert what["mask_pixels"] == 2.0
    np.testing.assert_array_equal(given[0], dilated(plane, 2, "square"))


def test_one_radius_and_one_direction_for_all_structures_of_an_image():
    mask = np.zeros((2, 128, 128), bool)
    mask[0, 25:50, 25:50] = mask[1, 75:100, 75:100] = True
    found = [ErodeDilate(1.0, (1, 8), element="cross").draw(mask, rng(seed)) for seed in range(60)]
    for given, what in found:
        step = what["mask_pixels"] if what["direction"] == "dilate" else -what["mask_pixels"]
        assert [np.ptp(np.nonzero(plane)[0]) + 1 for plane in given] == [25 + 2 * step] * 2
    assert {what["pixels"] for _, what in found} == set(range(1, 9))
    assert 15 < sum(what["direction"] == "erode" for _, what in found) < 45


def test_erosion_may_empty_a_structure():
    mask = np.zeros((1, 256, 256), bool)
    mask[0, 100:108] = True
    assert not ErodeDilate(1.0, (4, 4), "erode").draw(mask, rng())[0].any()
    assert ErodeDilate(1.0, (3, 3), "erode").draw(mask, rng())[0].any()


def test_a_shift_by_hand_and_at_the_border():
    mask = np.zeros((1, 4, 4), bool)
    mask[0, 1, 1] = mask[0, 3, 3] = True
    assert np.argwhere(moved(mask, 1, 0)[0]).tolist() == [[2, 1]]
    assert np.argwhere(moved(mask, -1, -1)[0]).tolist() == [[0, 0], [2, 2], [2, 3], [3, 2], [3, 3]]
    assert np.argwhere(moved(mask, 0, 2)[0]).tolist() == [[1, 3]]


def test_shifts_go_everywhere_and_as_far_as_asked():
    mask = np.zeros((1, 512, 512), bool)
    mask[:, 200:240, 200:240] = True
    found = [Shift(1.0, (5, 13)).draw(mask, rng(seed)) for seed in range(20)]
    ways = np.array([[what["down"], what["right"]] for _, what in found])
    lengths = np.hypot(*ways.T) / 2
    np.testing.assert_allclose(lengths, [what["pixels"] for _, what in found], atol=0.5)
    assert lengths.min() > 4.4
    assert lengths.max() < 13.6
    assert {tuple(way) for way in np.sign(ways)} >= {(1, 1), (1, -1), (-1, 1), (-1, -1)}
    for given, what in found:
        np.testing.assert_array_equal(given, np.roll(mask, (what["down"], what["right"]), (1, 2)))


def test_elastic_fields_are_smooth_and_as_long_as_asked():
    for smoothness in (8.0, 32.0):
        way = smooth_field((256, 256), smoothness, rng())
        assert np.sqrt((way**2).sum(0).mean()) == pytest.approx(1.0, abs=0.02)
        slope = np.diff(way, axis=2).std()
        assert slope == pytest.approx(1 / (2 * smoothness), rel=0.25)


def test_the_elastic_field_is_the_same_at_every_size():
    small, large = (smooth_field((side, 2 * side), 16.0, rng()) for side in (64, 256))
    middles = large.reshape(2, 64, 4, 128, 4).mean((2, 4))
    np.testing.assert_allclose(small, middles, atol=0.05)


def test_elastic_noise_sways_the_boundary_alone():
    y, x = np.indices((256, 256)) - 128
    disc = (y**2 + x**2 < 60**2)[None]
    given, what = Elastic(1.0, (4, 4), 16).draw(disc, rng())
    assert what == {"amplitude": 4.0, "mask_amplitude": 4.0}
    changed = (given != disc)[0]
    off = np.abs(np.hypot(y, x) - 60)[changed]
    assert off.max() < 4 * 4.0
    assert 0.85 < dice(given, disc)[0] < 0.99
    assert ndimage.label(given[0])[1] == 1


def test_one_structure_is_missing():
    mask = np.zeros((3, 2, 2), bool)
    mask[0] = mask[2] = True
    seen = set()
    for seed in range(20):
        given, what = Missing(1.0).draw(mask, rng(seed))
        (gone,) = what["structures"]
        seen.add(gone)
        np.testing.assert_array_equal(given.any((1, 2)), [gone != 0, False, gone != 2])
    assert seen == {0, 2}
    given, what = Missing(1.0).draw(np.zeros((2, 3, 3), bool), rng())
    assert what == {"structures": []}


def chest() -> np.ndarray:
    """Two lungs, a heart of an area between theirs, two clavicles, and a structure that is not drawn."""
    mask = np.zeros((6, 100, 100), bool)
    mask[0, 10:80, 5:35], mask[1, 10:80, 60:85] = True, True
    mask[2, 30:70, 20:68] = True
    mask[3, 8:12, 5:35], mask[4, 8:13, 60:88] = True, True
    return mask


def test_alike_structures_exchange_their_names():
    seen = set()
    for seed in range(20):
        given, what = Swap(1.0).draw(chest(), rng(seed))
        one, other = what["structures"]
        seen.add((one, other))
        order = list(range(6))
        order[one], order[other] = other, one
        np.testing.assert_array_equal(given, chest()[order])
    assert seen == {(0, 1), (3, 4)}


def test_only_the_nearest_of_one_another_are_alike():
    """The heart is nearest to a lung, and that one to the other lung: so the heart keeps its name."""
    mask = chest()[[2, 0, 1, 5]]
    pairs = {tuple(Swap(1.0).draw(mask, rng(seed))[1]["structures"]) for seed in range(20)}
    assert pairs == {(1, 2)}


def test_any_drawn_structures_exchange_their_names():
    pairs = {tuple(Swap(1.0, "any").draw(chest(), rng(seed))[1]["structures"]) for seed in range(200)}
    assert pairs == {(i, j) for i in range(5) for j in range(i + 1, 5)}


def test_a_lone_structure_takes_the_name_of_another():
    lone = chest() & (np.arange(6) == 4)[:, None, None]
    names = {Swap(1.0).draw(lone, rng(seed))[0].any((1, 2)).argmax() for seed in range(40)}
    assert names == {0, 1, 2, 3, 5}
    assert Swap(1.0).draw(lone & False, rng())[1] == {"structures": []}


def test_a_single_structure_has_nothing_to_exchange():
    with pytest.raises(InputError, match="'swap' exchanges two structures, and these masks have one"):
        Swap(1.0).draw(chest()[:1], rng())


@pytest.mark.parametrize("seed", range(6))
def test_the_whole_outline_is_the_shape(seed):
    """Each part of a ragged mask comes back from its outline, holes filled."""
    parts, count = ndimage.label(blob(seed=seed, share=0.5))
    for number in range(1, count + 1):
        part = ndimage.binary_fill_holes(parts == number)
        way = outline(part)
        np.testing.assert_array_equal(filled(way, part.shape), part)
        sides = np.roll(way, -1, 0) - way
        assert ((sides == 0).sum(1) == 1).all()
        area = (way[:, 1] * np.roll(way[:, 0], -1) - way[:, 0] * np.roll(way[:, 1], -1)).sum() / 2
        assert abs(area) == part.sum()


def test_a_triangle_of_an_outline():
    way = np.array([[0, 0], [0, 10], [1, 10], [9, 5], [1, 0]], float)
    assert simplified(way, 3).tolist() == [[0, 0], [0, 10], [9, 5]]
    assert simplified(way, 5).tolist() == way.tolist()


def test_polygons_keep_corners_and_cut_curves():
    y, x = np.indices((200, 200)) - 100
    box = np.zeros((200, 200), bool)
    box[20:60, 30:150] = True
    np.testing.assert_array_equal(coarse(box, 4), box)
    disc = y**2 + x**2 < 90**2
    areas = [coarse(disc, corners).sum() / disc.sum() for corners in (4, 8, 16)]
    np.testing.assert_allclose(areas, [0.64, 0.90, 0.97], atol=0.03)  # n/(2 pi) sin(2 pi/n)


@pytest.mark.parametrize("seed", range(3))
def test_with_corners_enough_a_shape_stays_but_for_its_holes(seed):
    plane = blob((40, 40), seed, share=0.4)
    plane[20:23, 20:23] = True
    plane[21, 21] = False
    parts, count = ndimage.label(plane)
    whole = np.any([ndimage.binary_fill_holes(parts == part) for part in range(1, count + 1)], axis=0)
    assert (whole != plane).any()
    np.testing.assert_array_equal(coarse(plane, 10_000), whole)


def test_each_part_is_a_polygon_and_holes_are_filled():
    plane = np.zeros((100, 100), bool)
    y, x = np.indices((100, 100))
    plane[(y - 25) ** 2 + (x - 25) ** 2 < 400] = True
    plane[25, 25] = False
    plane[60:90, 60:90] = True
    plane[5, 95] = True
    given, what = Polygon(1.0, (6, 6)).draw(plane[None], rng())
    assert what == {"corners": 6}
    assert given[0, 25, 25]
    assert given[0, 5, 95]
    np.testing.assert_array_equal(given[0, 50:, 50:], plane[50:, 50:])
    assert ndimage.label(given[0])[1] == 3
    assert 0.7 < dice(given, plane[None])[0] < 0.99
