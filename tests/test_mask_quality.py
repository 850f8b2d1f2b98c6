"""Dice and HD95: by hand, against MONAI, with empty masks, and their intervals."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from overread.mask_quality import Fit, dice, fit_of, hausdorff, intervals_of_means, quality_of_masks

WHOLE = (40, 56)  # height and width of an image


def blobs(seed, size=32, structures=2, count=6):
    """Two lots of ragged masks that overlap in part, none empty."""
    rng = np.random.default_rng(seed)
    down, across = np.mgrid[:size, :size]
    lots = np.zeros((2, count, structures, size, size), bool)
    for lot, image, structure in np.ndindex(lots.shape[:3]):
        row, column = rng.uniform(0.2 * size, 0.8 * size, 2)
        far = np.hypot((down - row) * rng.uniform(0.5, 2), across - column) + rng.normal(0, 1.5, (size, size))
        lots[lot, image, structure] = far < rng.uniform(4, 9)
    return lots


def test_dice_of_three_pixels():
    a, b = np.array([[[1, 1, 0]]]), np.array([[[0, 1, 1]]])
    assert dice(a, b).tolist() == [0.5]
    assert dice(a, a).tolist() == [1.0]
    assert dice(a, 1 - a).tolist() == [0.0]


def test_dice_is_monais():
    from monai.metrics import compute_dice

    a, b = blobs(0)
    reference = compute_dice(
        torch.from_numpy(a).float(), torch.from_numpy(b).float(), include_background=True
    )
    np.testing.assert_allclose(dice(a, b), reference.numpy(), rtol=1e-6)


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")  # MONAI's of itself
@pytest.mark.parametrize("step", [(1.0, 1.0), (1.25, 1.75)])
@pytest.mark.parametrize("percentile", [95.0, 100.0])
def test_the_hausdorff_distance_is_monais(step, percentile):
    from monai.metrics import compute_hausdorff_distance

    a, b = blobs(1)
    tensors = [torch.from_numpy(one).float() for one in (a, b)]
    reference = compute_hausdorff_distance(
        *tensors, include_background=True, percentile=percentile, spacing=step
    ).numpy()
    planes = zip(a.reshape(-1, 32, 32), b.reshape(-1, 32, 32), strict=True)
    ours = np.reshape([hausdorff(*pair, step, percentile) for pair in planes], reference.shape)
    np.testing.assert_allclose(ours, reference, rtol=1e-5)


def test_a_mask_that_touches_the_edge_has_its_border_there():
    a, b = np.zeros((2, 8, 8), bool)
    a[:4], b[:2] = True, True
    assert hausdorff(a, b, percentile=100) == 2.0
    assert hausdorff(a, a) == 0.0


def test_empty_masks_are_agreement_or_as_far_as_can_be():
    empty, one = np.zeros((2, 32, 32), bool)
    one[3, 4] = True
    assert hausdorff(empty, empty) == 0.0
    for pair in ((empty, one), (one, empty)):
        assert hausdorff(*pair, step=(40 / 32, 56 / 32)) == pytest.approx(np.hypot(*WHOLE))
        assert dice(*pair) == 0.0
    assert dice(empty, empty) == 1.0


def test_distances_are_told_in_pixels_of_the_image_on_disk():
    a, b = np.zeros((2, 1, 1, 32, 32), bool)
    a[..., 4, 4], b[..., 6, 4] = True, True
    fit = fit_of(a, b, np.array([[64, 32]]))
    assert fit.hd95.tolist() == [[4.0]]  # two pixels of the network's, each twice as high on disk
    assert (fit.drawn.tolist(), fit.predicted.tolist()) == ([[True]], [[True]])
    across = fit_of(a.swapaxes(2, 3), b.swapaxes(2, 3), np.array([[64, 32]]))
    assert across.hd95.tolist() == [[2.0]]


def test_some_columns_of_what_is_predicted():
    a, b = blobs(2)
    whole = fit_of(a, b, np.full((6, 2), 32))
    part = fit_of(a, b[:, [1]], np.full((6, 2), 32), columns=[1])
    np.testing.assert_array_equal(part.dice[:, 0], whole.dice[:, 1])


def example():
    """Three images of two groups; bar is missed in the second and drawn nowhere in the third."""
    values = np.array([[0.8, 0.6], [0.4, 0.0], [0.6, 1.0]])
    far = np.array([[2.0, 4.0], [4.0, 50.0], [6.0, 0.0]])
    drawn = np.array([[True, True], [True, True], [True, False]])
    predicted = np.array([[True, True], [True, False], [True, False]])
    return Fit(values, far, drawn, predicted, 0.5 * far), np.array(["p", "p", "q"])


def test_figures_of_three_images_by_hand():
    fit, groups = example()
    found = quality_of_masks(fit, ("disk", "bar"), groups)
    assert (found["samples"], found["dice"], found["hd95"], found["hd95_mm"]) == (3, 0.566667, 11.0, 5.5)
    bar = found["per_structure"]["bar"]
    assert (bar["drawn"], bar["predicted"], bar["dice"], bar["hd95"]) == (2, 1, 0.533333, 18.0)
    assert found["per_structure"]["disk"]["hd95_mm"] == 2.0
    for entry in (found, bar):
        for name in ("dice", "hd95", "hd95_mm"):
            low, high = entry["intervals"][name]
            assert low <= entry[name] <= high
    # the groups' own means lie at the ends: of disk 0.6 in both, of bar 0.3 and 1.0
    assert found["per_structure"]["disk"]["intervals"]["dice"] == [0.6, 0.6]
    assert bar["intervals"]["dice"] == [0.3, 1.0]
    assert "hd95_mm" not in quality_of_masks(replace(fit, hd95_mm=None), ("disk", "bar"), groups)


def test_one_group_has_no_interval():
    fit, _ = example()
    found = quality_of_masks(fit, ("disk", "bar"), np.array(["p"] * 3))
    assert found["intervals"] == {"dice": None, "hd95": None, "hd95_mm": None}


def test_intervals_are_those_of_a_plain_bootstrap_over_groups():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 12, 40)
    values = rng.normal(size=(40, 1)) + groups[:, None] / 6
    rows = [np.flatnonzero(groups == name) for name in np.unique(groups)]
    means = []
    for _ in range(4000):
        drawn = np.concatenate([rows[one] for one in rng.integers(0, len(rows), len(rows))])
        means.append(values[drawn].mean())
    [ends] = intervals_of_means(values, groups, seed=1)
    np.testing.assert_allclose(ends, np.percentile(means, [2.5, 97.5]), atol=0.08)


def test_no_figure_is_ever_nan():
    rng = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for density in (0.0, 0.002, 1.0):
            a, b = rng.random((2, 3, 2, 8, 8)) < density
            fit = fit_of(a, b, np.full((3, 2), 8))
            assert np.isfinite(fit.dice).all()
            assert np.isfinite(fit.hd95).all()
