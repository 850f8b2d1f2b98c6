"""Given masks against read ones: by hand, and against MONAI, torch and cleanlab."""

from __future__ import annotations

import numpy as np
import pytest

from overread.detect.masks import compare
from overread.detect.masks.compare import band, contour_distance, expected_dice, measures, pixel_quality


def disk(radius, side=48, centre=(24, 24)):
    down, across = np.mgrid[:side, :side]
    return (down - centre[0]) ** 2 + (across - centre[1]) ** 2 <= radius**2


def stored(p):
    """Probabilities as they are stored."""
    return np.clip(np.ceil(p * 256) - 1, 0, 255).astype(np.uint8)


def some(count=5, seed=0):
    """Masks [N, 2, 24, 24] and blurred, shifted probabilities of them."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    given = np.stack(
        [[disk(rng.uniform(3, 9), 24, rng.uniform(8, 16, 2)) for _ in range(2)] for _ in range(count)]
    )
    p = gaussian_filter(np.roll(given, 1, 3).astype(float), (0, 0, 2, 2))
    return given.astype(np.uint8), stored(p)


def test_disks_lie_apart_by_the_difference_of_their_radii():
    far, signed = contour_distance(disk(15), disk(10))
    assert far == pytest.approx(5, abs=0.25)
    assert signed == pytest.approx(far)
    far, signed = contour_distance(disk(10), disk(15))
    assert signed == pytest.approx(-far)


def test_a_shift_lies_apart_without_a_side():
    far, signed = contour_distance(disk(10, centre=(24, 20)), disk(10, centre=(24, 28)))
    assert far > 3
    assert abs(signed) < 0.1


def test_what_is_empty_is_a_diagonal_away():
    nothing, one = np.zeros((6, 8), bool), np.eye(6, 8, dtype=bool)
    assert contour_distance(nothing, nothing) == (0.0, 0.0)
    assert contour_distance(one, nothing) == (10.0, 10.0)
    assert contour_distance(nothing, one) == (10.0, -10.0)
    assert contour_distance(np.ones((6, 8), bool), np.ones((6, 8), bool)) == (0.0, 0.0)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_distance_is_monais():
    import torch
    from monai.metrics import compute_average_surface_distance

    given, probs = some()
    found = measures(given, probs)["distance"]
    as_tensors = (torch.from_numpy(one.astype(np.float32)) for one in (given, probs >= 128))
    reference = compute_average_surface_distance(*as_tensors, include_background=True, symmetric=True)
    # MONAI weighs both directions by the length of the contours, we weigh them alike
    np.testing.assert_allclose(found, reference.numpy(), atol=0.1)


def test_cross_entropy_is_torchs_and_the_entropy_what_it_would_be():
    import torch
    from torch.nn.functional import binary_cross_entropy

    given, probs = some()
    p = torch.from_numpy((probs + 0.5) / 256.0)
    found = measures(given, probs)
    y = torch.from_numpy(given.astype(np.float64))
    reference = binary_cross_entropy(p, y, reduction="none").mean((2, 3)).numpy()
    np.testing.assert_allclose(found["cross_entropy"], reference, rtol=1e-4)
    np.testing.assert_allclose(
        found["entropy"], binary_cross_entropy(p, p, reduction="none").mean((2, 3)).numpy(), rtol=1e-4
    )


def test_agreement_by_hand():
    given = np.zeros((1, 1, 4, 4), np.uint8)
    probs = given.copy()
    given[0, 0, 0, :3] = 1
    probs[0, 0, 0, 1:] = 200
    found = measures(given, probs)
    assert found["agreement"][0, 0] == pytest.approx(2 * 2 / 6)
    assert found["given_area"][0, 0] == found["suggested_area"][0, 0] == 3 / 16


def test_expected_dice_by_hand():
    p = np.array([[[[0.9, 0.8, 0.4, 0.1]]]])
    assert expected_dice(p, p > 0.5)[0, 0] == pytest.approx(2 * 1.7 / (2.2 + 2))


def test_expected_dice_is_the_mean_over_draws():
    rng = np.random.default_rng(0)
    p = rng.uniform(0, 1, (1, 1, 40, 40)) ** 2
    draws = rng.random((400, 1, 40, 40)) < p
    real = [2 * (one & (p[0] > 0.5)).sum() / (one.sum() + (p > 0.5).sum()) for one in draws]
    assert expected_dice(p, p > 0.5)[0, 0] == pytest.approx(np.mean(real), abs=0.01)


def test_nothing_expected_and_nothing_suggested_agree():
    p = np.full((1, 1, 16, 16), 0.5 / 256)
    assert expected_dice(p, p > 0.5)[0, 0] == 1.0


def test_the_band_is_as_wide_as_the_ramp():
    down, across = np.mgrid[:64, :64]
    radius = np.hypot(down - 32, across - 32)
    ramp = stored(np.clip((20 + 4 - radius) / 8, 0, 1))  # 8 pixels wide, so 4 between the quarters
    assert band(ramp[None, None], (ramp >= 128)[None, None])[0, 0] == pytest.approx(4, abs=0.25)
    sharp = stored(disk(20, 64, (32, 32)).astype(float))
    assert band(sharp[None, None], (sharp >= 128)[None, None])[0, 0] == 0


def test_chunks_change_nothing(monkeypatch):
    given, probs = some(7)
    whole = measures(given, probs)
    monkeypatch.setattr(compare, "CHUNK", 3)
    for name, values in measures(given, probs).items():
        np.testing.assert_array_equal(values, whole[name])
        assert values.shape == (7, 2), name


def test_structures_that_exclude_each_other_are_suggested_where_likelier_than_nothing():
    given = np.zeros((1, 2, 8, 8), np.uint8)
    probs = np.stack([np.full((8, 8), 100), np.full((8, 8), 90)]).astype(np.uint8)[None]  # nothing: a quarter
    assert measures(given, probs)["suggested_area"].tolist() == [[0, 0]]
    assert measures(given, probs, exclusive=True)["suggested_area"].tolist() == [[1, 0]]


def test_pixel_quality_is_cleanlabs():
    from cleanlab.segmentation.rank import get_label_quality_scores

    given, probs = some()
    p = (probs + np.float32(0.5)) / 256
    two = np.stack([1 - p[:, 1], p[:, 1]], 1)
    reference, _ = get_label_quality_scores(given[:, 1].astype(int), two, verbose=False)
    np.testing.assert_allclose(pixel_quality(given > 0, p)[:, 1], reference, rtol=1e-6)
    assert pixel_quality(given > 0, np.where(given > 0, 0.99, 0.01)).min() > 0.9
