"""The task of masks: losses by hand and against torch and MONAI, probabilities, balancing; masks through the loop."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from overread.engine.augment import Augment
from overread.engine.device import make_fabric
from overread.engine.gather_masks import MaskGathering, as_bytes, mean_of
from overread.engine.loop import Recipe, Training, TrainingSet, fit, optimizer_of, scheduled
from overread.engine.networks import build_segmenter
from overread.engine.samples import Samples
from overread.engine.segmentation import Segmentation, balancing
from overread.methods.ce import CE


def drawn(seed=0, batch=3, structures=2, outputs=2):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(batch, outputs, 5, 4, generator=generator)
    return z, (torch.rand(batch, structures, 5, 4, generator=generator) < 0.4).to(torch.uint8)


def exclusive_masks(seed=0, batch=3, structures=2):
    """Masks that do not overlap, and the class of each pixel, the background last."""
    label = torch.randint(0, structures + 1, (batch, 5, 4), generator=torch.Generator().manual_seed(seed))
    return torch.stack([(label == k).to(torch.uint8) for k in range(structures)], 1), label


def discs(count=24, size=32, seed=0):
    """Bright discs on noise, and their masks."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size]
    centres, radii = rng.uniform(10, size - 10, (count, 2)), rng.uniform(4, 8, count)
    masks = np.stack([np.hypot(rows - a, columns - b) < r for (a, b), r in zip(centres, radii, strict=True)])
    x = rng.integers(0, 60, (count, size, size, 3), dtype=np.uint8)
    x[masks] += 140
    return Samples(x, masks[:, None].astype(np.uint8))


def test_overlapping_cross_entropy_is_the_mean_of_torchs_over_structures_and_pixels():
    z, y = drawn()
    own = Segmentation(("a", "b")).losses(z, y)
    each = F.binary_cross_entropy_with_logits(z, y.float(), reduction="none").mean((1, 2, 3))
    torch.testing.assert_close(own, each)


def test_exclusive_cross_entropy_is_torchs_over_pixels():
    z, _ = drawn(outputs=3)
    y, label = exclusive_masks()
    own = Segmentation(("a", "b"), exclusive=True).losses(z, y)
    torch.testing.assert_close(own, F.cross_entropy(z, label, reduction="none").mean((1, 2)))


def test_dice_is_monais_and_three_numbers_by_hand():
    from monai.losses import DiceLoss

    z, y = drawn()
    own = Segmentation(("a", "b"), criterion="dice").losses(z, y)
    reference = DiceLoss(sigmoid=True, reduction="none", smooth_nr=1.0, smooth_dr=1.0)(z, y.float())
    torch.testing.assert_close(own, reference.reshape(3, 2).mean(1))
    sure = torch.tensor([[[[50.0, 50.0, -50.0]]]])  # drawn: the first alone; 1 - (2 + 1) / (3 + 1)
    one = Segmentation(("a",), criterion="dice").losses(sure, torch.tensor([[[[1, 0, 0]]]]))
    assert one.item() == pytest.approx(0.25)


def test_dice_of_an_empty_mask_is_finite_and_falls_with_what_is_drawn():
    task, empty = Segmentation(("a",), criterion="dice-ce"), torch.zeros(1, 1, 4, 4)
    little, much = (task.losses(torch.full((1, 1, 4, 4), z), empty).item() for z in (-4.0, 0.0))
    assert 0.0 < little < much < math.inf


def test_both_is_the_sum_of_each():
    z, y = drawn()
    sums = [Segmentation(("a", "b"), criterion=name).losses(z, y) for name in ("ce", "dice", "dice-ce")]
    torch.testing.assert_close(sums[0] + sums[1], sums[2])


def test_probabilities_of_exclusive_structures_leave_the_rest_to_the_background():
    z, _ = drawn(outputs=3)
    p = Segmentation(("a", "b"), exclusive=True).probabilities(z)
    torch.testing.assert_close(p, z.softmax(1)[:, :2])
    assert Segmentation(("a", "b"), exclusive=True).outputs == 3


def test_weights_count_structures():
    z, y = drawn()
    each = Segmentation(("a", "b")).by_structure(z, y)
    task = Segmentation(("a", "b"), weights=(1.0, 3.0))
    torch.testing.assert_close(task.balanced(z, y), (each[:, 0] + 3.0 * each[:, 1]) / 4.0)
    torch.testing.assert_close(task.losses(z, y), each.mean(1))  # to rank by, whatever the weights


def test_balancing_measures_each_structure_by_what_its_size_alone_costs():
    large, small = 0.25, 0.02
    entropy = [-s * math.log(s) - (1 - s) * math.log(1 - s) for s in (large, small)]
    weights = balancing((large, small))
    assert weights[1] / weights[0] == pytest.approx(entropy[0] / entropy[1])
    assert sum(weights) == pytest.approx(2.0)
    assert balancing((0.3, 0.3)) == pytest.approx((1.0, 1.0))
    assert all(math.isfinite(w) for w in balancing((0.0, 1.0)))  # never drawn, and everywhere


def test_the_share_that_a_structure_covers_is_counted_on_the_rows_alone():
    y = np.zeros((4, 1, 2, 2), np.uint8)
    y[0], y[1, 0, 0, 0] = 1, 1
    data = TrainingSet(Samples(np.zeros((4, 2, 2, 3), np.uint8), y), torch.tensor([1, 2]), ("a",))
    assert data.covered == pytest.approx((0.125,))


@pytest.mark.parametrize("name", ["unet", "unet-wide", "unet-plain", "unet-attention", "unet-tiny"])
def test_a_segmenter_answers_each_pixel_of_any_size_and_does_not_see_brightness(name):
    net = build_segmenter(name, 2, 40).eval()
    x = torch.randn(2, 3, 40, 36, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        z, f = net(x)
        brighter, _ = net(3.0 * x + 1.0)
    assert z.shape == (2, 2, 40, 36)
    assert f.shape == (2, 0)
    torch.testing.assert_close(brighter, z, atol=1e-3, rtol=1e-3)


def test_masks_go_where_the_image_goes():
    samples = discs(6)
    batch = samples.batch(torch.arange(6), torch.device("cpu"))
    augment = Augment(left_right=True, up_down=True, rotate=30.0, crop=0.2, colour=0.1, blur=0.3)
    x, y = augment.apply_both(batch.x, batch.y, augment.draw(6, torch.Generator().manual_seed(3)))
    assert y.dtype == torch.uint8
    assert set(y.unique().tolist()) == {0, 1}
    bright = x.mean(1, keepdim=True) > 0.0

    overlap = (bright & (y == 1)).sum((1, 2, 3)) / (bright | (y == 1)).sum((1, 2, 3))
    moved = (y != batch.y).flatten(1).any(1)
    assert moved.all()
    assert (overlap > 0.7).all()  # blur and noise move the edge of small discs by a fraction of a pixel


def test_networks_learn_at_their_own_rates_under_one_schedule():
    nets = [torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)]
    groups = optimizer_of(nets, (1.0, 0.1), Recipe(optimizer="adam")).param_groups
    assert [group["rate"] for group in groups] == [1.0, 0.1]
    assert isinstance(optimizer_of(nets, (), Recipe(optimizer="adam")), torch.optim.AdamW)
    assert isinstance(optimizer_of(nets, (), Recipe()), torch.optim.SGD)
    assert scheduled(Recipe(lr=2.0, schedule="constant"), 7, 10) == 2.0
    assert scheduled(Recipe(lr=2.0, schedule="exponential"), 10, 10) == pytest.approx(0.02)


def training(samples, rows=None, **recipe):
    task = Segmentation(("disc",))
    rows = torch.arange(len(samples)) if rows is None else rows
    recipe = Recipe(**{"epochs": 12, "batch_size": 8, "lr": 0.01, "optimizer": "adam", **recipe})
    data = TrainingSet(samples, rows, ("disc",), masks=task)
    return Training(CE(), data, lambda: build_segmenter("unet-tiny", 1, 32), recipe, make_fabric("cpu"))


@pytest.mark.parametrize("balance", ["none", "loss"])
def test_the_loop_learns_masks_and_remembers_the_loss_of_each(balance):
    run = training(discs(), balance=balance)
    list(fit(run))
    losses = run.run.ledger.history("loss")
    assert losses.shape == (24, 12)
    assert (losses[:, -1] < 0.5 * losses[:, 0]).all()


def gathering(folder, samples, groups):
    manifest = SimpleNamespace(given=np.zeros(len(samples), np.int64), group_codes=groups, classes=("disc",))
    make = lambda: build_segmenter("unet-tiny", 1, 32)  # noqa: E731
    return MaskGathering(
        manifest, samples.x, samples.y, Segmentation(("disc",)), make, make_fabric("cpu"), folder, 0
    )


RECIPE = Recipe(epochs=12, batch_size=8, lr=0.01, optimizer="adam")


def test_every_mask_is_read_by_networks_that_saw_none_of_its_group(tmp_path):
    samples, groups = discs(), np.arange(24) // 2
    one = gathering(tmp_path / "x", samples, groups)
    (tmp_path / "x").mkdir()
    found = one.out_of_fold("first", CE(), RECIPE, 3)
    assert found.probs.shape == (24, 1, 32, 32)
    said, given = found.probs > 127, samples.y > 0
    dice = 2 * (said & given).sum((1, 2, 3)) / (said.sum((1, 2, 3)) + given.sum((1, 2, 3)))
    assert np.median(dice) > 0.8
    assert not np.isnan(found.losses).any()  # each was trained on in two of the three folds
    fold = one.folds(3)
    assert all(len(set(fold[groups == group])) == 1 for group in set(groups))
    for k in range(3):
        with np.load(tmp_path / "x" / f"first-{k + 1}-of-3.npz") as stage:
            losses = stage["column.loss"]
        assert np.isnan(losses[fold == k]).all()
        assert not np.isnan(losses[fold != k]).any()
    again = gathering(tmp_path / "x", samples, groups).out_of_fold("first", CE(), RECIPE, 3)
    assert np.array_equal(again.probs, found.probs)


def test_what_is_not_trusted_is_read_but_not_learned_from(tmp_path):
    samples, trusted = discs(), np.arange(24) % 3 > 0
    found = gathering(tmp_path, samples, np.arange(24)).out_of_fold("second", CE(), RECIPE, 2, trusted)
    assert np.isnan(found.losses[~trusted]).all()
    assert not np.isnan(found.losses[trusted]).any()
    assert (found.probs[~trusted] > 127).any()


def test_means_leave_out_what_is_not_known():
    parts = [np.array([1.0, np.nan, np.nan]), np.array([3.0, 5.0, np.nan])]
    assert mean_of(parts)[:2].tolist() == [2.0, 5.0]
    assert np.isnan(mean_of(parts)[2])


def test_bytes_keep_the_side_of_one_half():
    probs = torch.rand(1000, generator=torch.Generator().manual_seed(0))
    assert ((as_bytes(probs) > 127) == (probs > 0.5)).all()
    assert (as_bytes(probs).float() / 255 - probs).abs().max() < 1 / 128
