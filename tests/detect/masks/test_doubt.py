"""How probably masks are wrong: by enumeration, where they go wrong together and where they do not."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from overread.detect.masks.doubt import STEPS, doubt, moved, resampled_groups, touched


def test_wrong_images_are_counted_and_found(whole_images):
    evidence, wrong = whole_images
    found = doubt(evidence)
    assert found.share == pytest.approx(0.25, abs=0.02)
    assert found.low <= 0.25 <= found.high
    assert found.high - found.low < 0.25
    assert ((found.image > 0.5) == wrong[:, 0]).mean() > 0.98


def test_single_wrong_masks_are_found_in_their_structure(single_masks):
    evidence, wrong = single_masks
    found = doubt(evidence)
    assert ((found.p_wrong > 0.5) == wrong).mean() > 0.98
    assert found.share == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("seed", range(4))
def test_right_masks_are_not_flagged(seed, make):
    found = doubt(make(np.zeros((160, 3), bool), seed))
    assert (found.image > 0.5).mean() <= 0.03
    assert found.share < found.high < 0.05


def test_the_known_share_is_kept_and_the_order_too(whole_images):
    evidence, _ = whole_images
    plain, known = doubt(evidence), doubt(evidence, rate=0.4)
    assert known.p_wrong.max(1).mean() == pytest.approx(0.4, abs=1e-3)
    assert (known.share, known.low, known.high) == (0.4, 0.4, 0.4)
    assert known.score.argmax() == plain.score.argmax()


def test_moved_to_where_it_is_changes_nothing():
    p = np.random.default_rng(0).uniform(0.01, 0.99, (50, 2))
    np.testing.assert_allclose(moved(p, p.max(1).mean()), p, atol=1e-6)


def test_touched_is_bayes_over_all_patterns():
    """Each posterior is the sum over all that can be wrong together."""
    rng = np.random.default_rng(0)
    ratio = np.exp(rng.normal(0, 2, (30, 3)) + 4 * (rng.random((30, 1)) < 0.4))
    found = touched(ratio, np.ones(30))
    again, lam, rho = found, 0.5, np.full(3, 0.5)
    for _ in range(STEPS):  # the shares that the posteriors amount to, from the definition alone
        wrong, is_touched = np.zeros((30, 3)), np.zeros(30)
        for row in range(30):
            total = 1 - lam
            for pattern in product([0, 1], repeat=3):
                z = np.array(pattern)
                mass = lam * np.prod(np.where(z, rho * ratio[row], 1 - rho))
                total += mass
                is_touched[row] += mass
                wrong[row] += mass * z
            wrong[row], is_touched[row] = wrong[row] / total, is_touched[row] / total
        again, lam, rho = (
            wrong,
            min(is_touched.mean(), 1 - 0.5 / 30),
            np.clip(wrong.sum(0) / is_touched.sum(), 0.01, 0.99),
        )
    np.testing.assert_allclose(found, again, rtol=1e-6)


def test_where_no_hill_shows_few_are_believed_to_be_wrong():
    ratio = np.full((100, 2), 1.0)
    ratio[0] = 1e5
    found = touched(ratio, np.ones(100), known=False)
    assert found[0].min() > 0.9
    assert found[1:].max() < 0.02


def test_masks_of_an_image_vouch_for_each_other():
    ratio = np.full((100, 2), 1e-4)
    ratio[:30] = 1e4
    alone = ratio.copy()
    ratio[0] = 1e4, 2.0
    alone[:30, 1] = 1e-4  # wrong ones never come in pairs
    alone[0, 1] = 2.0
    assert touched(ratio, np.ones(100))[0, 1] > 0.9
    assert touched(alone, np.ones(100))[0, 1] < 0.2


def test_groups_are_drawn_whole():
    groups = np.array([3, 3, 5, 9, 9, 9])
    weights = resampled_groups(groups, seed=0)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, [0, 2, 3]].sum(1) == 3).all()
