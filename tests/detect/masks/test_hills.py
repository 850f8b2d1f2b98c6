"""One hill or two: densities against scipy, recovery of what was drawn, and no false alarm."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from overread.detect.masks.hills import find_hills, flat, median, normal, student


def scores(right, wrong, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(-0.5, 0.3, right), rng.normal(1.5, 0.4, wrong)])


def test_densities_are_scipys():
    s, two = np.linspace(-3, 5, 9), (np.array([0.5, -1.0]), np.array([0.7, 2.0]))
    for row, (centre, spread) in enumerate(zip(*two, strict=True)):
        np.testing.assert_allclose(student(s, *two)[row], stats.t.pdf(s, 4, centre, spread))
        np.testing.assert_allclose(normal(s, *two)[row], stats.norm.pdf(s, centre, spread))
    assert flat(np.array([0.0, 1.5, 3.0]), np.array([1.0]), 3.0).tolist() == [[0.0, 0.5, 0.5]]


def test_weighted_median():
    s, weights = np.array([3.0, 1.0, 2.0]), np.array([[1.0, 1, 1], [5, 1, 1], [0, 1, 0]])
    assert median(s, weights).tolist() == [2.0, 3.0, 1.0]


@pytest.mark.parametrize(("right", "wrong"), [(180, 60), (120, 120), (60, 180)])
def test_two_hills_are_found(right, wrong):
    score = scores(right, wrong)
    hills = find_hills(score)
    assert hills.two[0]
    assert hills.share[0] == pytest.approx(wrong / (right + wrong), abs=0.03)
    assert hills.centre[0] == pytest.approx(-0.5, abs=0.1)
    assert hills.wrong[0] == pytest.approx(1.5, abs=0.1)
    flagged = hills.p_wrong(score)[0] > 0.5
    assert flagged[:right].mean() < 0.03
    assert flagged[right:].mean() > 0.97


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("skew", [0.0, 0.2])
def test_one_hill_is_not_cut_in_two(seed, skew):
    rng = np.random.default_rng(seed)
    score = rng.normal(0, 0.3, 250) + skew * rng.exponential(1.0, 250)
    assert (find_hills(score).p_wrong(score)[0] > 0.5).mean() <= 0.03


def test_few_that_lie_far_out_are_found_without_a_hill():
    score = scores(240, 3)
    hills = find_hills(score)
    assert hills.p_wrong(score)[0][240:].min() > 0.5


def test_a_higher_score_is_never_less_suspicious():
    score = np.sort(scores(100, 40))
    for hills in (find_hills(score), find_hills(score[:100])):
        assert (np.diff(hills.p_wrong(score)[0]) >= 0).all()


def test_samples_are_found_as_if_each_were_alone():
    score = scores(80, 40)
    weights = np.random.default_rng(1).multinomial(120, np.full(120, 1 / 120), 3).astype(float)
    together = find_hills(score, weights)
    for row, weight in enumerate(weights):
        alone = find_hills(score, weight[None])
        assert together.share[row] == pytest.approx(alone.share[0])
        np.testing.assert_allclose(together.p_wrong(score)[row], alone.p_wrong(score)[0])


def test_samples_have_as_many_hills_as_all():
    score, alone = scores(80, 40), np.zeros((1, 120))
    alone[0, :80] = 1
    assert not find_hills(score, alone).two[0]
    assert find_hills(score, alone, near=find_hills(score)).two[0]


def test_the_search_may_begin_at_the_valley():
    score = scores(80, 40)
    first = find_hills(score)
    again = find_hills(score, near=first)
    assert -0.5 < first.valley < 1.5
    assert again.share[0] == pytest.approx(first.share[0], abs=1e-3)


@pytest.mark.parametrize("score", [np.zeros(30), np.array([1.0]), np.array([0.0] * 29 + [1.0])])
def test_nothing_to_tell_apart_is_no_reason_to_fail(score):
    p = find_hills(score).p_wrong(score)[0]
    assert np.isfinite(p).all()
    assert p[:-1].max(initial=0) < 0.5
