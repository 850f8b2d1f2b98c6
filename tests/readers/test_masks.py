"""Masks of several readers: majority, STAPLE and its guards, and their agreement."""

from __future__ import annotations

import numpy as np
import pytest

from overread.errors import InputError
from overread.mask_quality import dice
from overread.readers.mask_agreement import agreement_of_masks
from overread.readers.masks import majority_mask, staple

DOWN, ACROSS = np.mgrid[:48, :48]


def disk(radius, row=24, column=24):
    return np.hypot(DOWN - row, ACROSS - column) < radius


def noisy(p, q, seed=0, size=160):
    """The model of STAPLE itself: pixels drawn one by one by readers of known sensitivity and specificity."""
    rng = np.random.default_rng(seed)
    truth = rng.random((size, size)) < 0.5
    masks = [
        np.where(truth, rng.random(truth.shape) < a, rng.random(truth.shape) > b)
        for a, b in zip(p, q, strict=True)
    ]
    return truth, np.stack(masks)


def test_majority_of_three_and_of_two():
    masks = np.array([[[1, 1, 0]], [[1, 0, 0]], [[1, 1, 0]]], bool)
    found = majority_mask(masks)
    assert found.mask.tolist() == [[True, True, False]]
    np.testing.assert_allclose(found.share, [[1, 2 / 3, 0]])
    both = majority_mask(masks[:2])
    assert both.mask.tolist() == [[True, False, False]]
    assert both.words == "1 pixels were drawn by just half of the readers and are left out."


def test_staple_finds_how_well_readers_draw():
    p, q = (0.9, 0.8, 0.7, 0.95), (0.85, 0.9, 0.6, 0.7)
    truth, masks = noisy(p, q)
    found = staple(masks)
    assert found.how == "staple"
    np.testing.assert_allclose(found.sensitivity, p, atol=0.03)
    np.testing.assert_allclose(found.specificity, q, atol=0.03)
    assert (found.mask == truth).mean() > (majority_mask(masks).mask == truth).mean() + 0.01


def test_staple_by_hand():
    """Two rounds of the equations, pixel by pixel, from what it ended with: it stands still there."""
    _, masks = noisy((0.9, 0.8, 0.7), (0.9, 0.8, 0.6), size=30)
    found = staple(masks, margin=1e9)
    p, q, gamma = np.array(found.sensitivity), np.array(found.specificity), masks.mean()
    W = np.empty(masks.shape[1:])
    for pixel in np.ndindex(W.shape):
        D = masks[(slice(None), *pixel)]
        a, b = gamma * np.where(D, p, 1 - p).prod(), (1 - gamma) * np.where(D, 1 - q, q).prod()
        W[pixel] = a / (a + b)
    np.testing.assert_allclose(found.share, W, atol=1e-6)
    np.testing.assert_allclose(p, [(1 + (W * D).sum()) / (2 + W.sum()) for D in masks], atol=1e-6)
    np.testing.assert_allclose(
        q, [(1 + ((1 - W) * ~D).sum()) / (2 + (1 - W).sum()) for D in masks], atol=1e-6
    )


def test_the_order_of_readers_changes_nothing():
    _, masks = noisy((0.9, 0.8, 0.7), (0.9, 0.8, 0.6), size=40)
    one, other = staple(masks), staple(masks[[2, 0, 1]])
    np.testing.assert_array_equal(one.mask, other.mask)
    assert other.sensitivity == pytest.approx([one.sensitivity[i] for i in (2, 0, 1)])


def test_the_wide_background_changes_nothing():
    masks = np.stack([disk(10), disk(11, 25), disk(9, 24, 25)])
    wide = np.pad(masks, ((0, 0), (200, 200), (200, 200)))
    one, other = staple(masks), staple(wide)
    np.testing.assert_array_equal(one.mask, other.mask[200:-200, 200:-200])
    assert one.specificity == pytest.approx(other.specificity)


def test_far_from_dispute_all_have_their_way():
    masks = np.stack([disk(18), disk(18), disk(17)])
    found = staple(masks, margin=2)
    assert found.share[24, 24] == 1.0
    assert found.share[0, 0] == 0.0
    assert (found.mask[masks.all(0)]).all()
    assert not found.mask[~masks.any(0)].any()


def test_three_readers_alike():
    found = staple(np.stack([disk(9)] * 3))
    np.testing.assert_array_equal(found.mask, disk(9))
    assert (found.how, found.words) == ("majority", "")


@pytest.mark.parametrize(
    ("drawn", "words"),
    [
        ([0, 0, 0], "Nobody drew anything: the readers agree that it is absent."),
        ([9], "One reader alone: the mask is that reader's."),
        ([9, 8], "here are 2: this is the majority."),
        ([9, 0, 0], "Reader 2, reader 3 drew nothing: whether it is there at all is disputed. Only 1 of 3"),
        ([9, 0, 8, 0], "Only 2 of 4 readers drew anything: this is the majority, not STAPLE."),
    ],
)
def test_guards_give_the_majority_and_say_so(drawn, words):
    masks = np.stack([disk(radius) for radius in drawn])
    found = staple(masks)
    assert found.how == "majority"
    assert words in found.words
    assert np.isfinite(found.share).all()
    np.testing.assert_array_equal(found.mask, majority_mask(masks).mask)


def test_one_empty_reader_of_three_is_told_and_outvoted():
    found = staple(np.stack([disk(10), disk(0), disk(11)]))
    assert found.how == "staple"
    assert dice(found.mask, disk(10)) > 0.85
    assert found.words.startswith("Reader 2 drew nothing: whether it is there at all is disputed.")


def test_a_reader_no_better_than_chance_is_named():
    _, masks = noisy((0.9, 0.9, 0.9, 0.2), (0.9, 0.9, 0.9, 0.2), size=60)
    assert "no better than chance: reader 4; look" in staple(masks).words


def test_readers_without_sense_get_no_staple():
    """Three who draw a third of the image each, none the same."""
    masks = np.repeat(np.eye(3, dtype=bool), 10, axis=1)[:, None].repeat(10, 1)
    found = staple(masks)
    assert (found.how, found.mask.any()) == ("majority", False)
    assert found.words == "STAPLE finds most readers no better than chance: this is the majority."


def test_what_does_not_settle_is_told(monkeypatch):
    monkeypatch.setattr("overread.readers.masks.ROUNDS", 2)
    found = staple(np.stack([disk(10), disk(8), disk(9, 26)]))
    assert (found.how, found.words) == (
        "majority",
        "STAPLE did not settle in 2 rounds: this is the majority.",
    )


def test_masks_are_checked():
    with pytest.raises(InputError, match=r"\[readers, height, width\]; this one is \[4, 4\]"):
        majority_mask(np.zeros((4, 4), bool))
    with pytest.raises(InputError, match="of 0 and 1; these reach from 0 to 255: give masks > 0"):
        staple(np.array([[[0, 255]]]))
    assert majority_mask(np.array([[[0, 1]]], np.uint8)).mask.tolist() == [[False, True]]


def test_agreement_of_masks_is_the_mean_dice_of_pairs():
    a, b, c = disk(10), disk(8), disk(9, 26)
    masks = [np.stack([a, b, c]), np.stack([a, c])]
    found = agreement_of_masks(masks)
    first = np.mean([dice(a, b), dice(a, c), dice(b, c)])
    assert found.value == pytest.approx((first + dice(a, c)) / 2)
    assert (found.items, found.readers) == (2, 3)
    assert found.low <= found.value <= found.high


def test_agreement_on_absence_is_told():
    both = np.stack([disk(10), disk(8)])
    found = agreement_of_masks([both, np.zeros((2, 9, 9), bool), both[:1]])
    assert found.value == pytest.approx((dice(*both) + 1) / 2)
    assert found.words == "In 1 of 2 images nobody drew anything, which counts as 1."
    assert found.items == 2


def test_masks_that_cannot_be_compared_are_told():
    both = np.stack([disk(10), disk(8)])
    assert agreement_of_masks([]).words == "No image has masks of two readers: let some be drawn twice."
    assert agreement_of_masks([both[:1]]).value is None
    assert (
        agreement_of_masks([both, both[::-1]], np.zeros(2)).words
        == "All of it is of one group: there is no interval."
    )
    assert agreement_of_masks([both, both]).words.startswith("Every image has the same 0.77")
    with pytest.raises(InputError, match="1 images and 2 groups"):
        agreement_of_masks([both], np.zeros(2))
