"""Greedy k-centre."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from overread.cleaning.samplers import coreset as module
from overread.cleaning.samplers.coreset import coreset, farthest_first, to_nearest
from overread.errors import InputError


def slow(features, trusted, askable, budget):
    """The definition, in float64: the farthest from all centres, again and again."""
    centres, left = list(trusted), list(askable)
    for _ in range(budget):
        distances = cdist(features[left], features[centres]).min(1)
        centres.append(left.pop(int(distances.argmax())))
    return centres[len(trusted) :]


def test_three_points_on_a_line_by_hand(pool_of, rng):
    """From 0: first 10, then 4 (4 away from 0, 6 from 10), then 1."""
    pool = pool_of([0] * 4, trusted=[0], features=[[0], [1], [4], [10]])
    assert coreset(pool, 3, rng).tolist() == [3, 2, 1]


def test_without_anything_trusted_it_begins_in_the_middle(pool_of, rng):
    """The mean of 0, 1, 5, 10 is 4; 5 is nearest to it, and 0 and 10 are then equally far away."""
    pool = pool_of([0] * 4, features=[[0], [1], [5], [10]])
    first, *others = coreset(pool, 3, rng).tolist()
    assert first == 2
    assert sorted(others) == [0, 3]


@pytest.mark.parametrize("block", [2048, 7])
@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_it_is_the_definition(pool_of, rng, monkeypatch, block, offset):
    monkeypatch.setattr(module, "BLOCK", block)
    features = np.random.default_rng(3).normal(size=(120, 16)) + offset
    trusted, askable = np.arange(0, 120, 4), np.arange(1, 120, 2)
    pool = pool_of([0] * 120, trusted=trusted, askable=askable, features=features)
    expected = slow(pool.evidence.features.astype(np.float64), trusted, askable, 25)
    assert coreset(pool, 25, rng).tolist() == expected


def test_distances_to_the_nearest_centre_are_scipys():
    draw = np.random.default_rng(0)
    x, centres, middle = (draw.normal(size=shape).astype(np.float32) for shape in ((50, 8), (9, 8), 8))
    expected = cdist(x, centres - middle).min(1) ** 2
    assert to_nearest(x, centres, middle) == pytest.approx(expected, rel=1e-5)


def test_no_centre_is_infinitely_far():
    assert np.isinf(to_nearest(np.ones((2, 3), np.float32), np.empty((0, 3)), np.zeros(3, np.float32))).all()


def test_it_covers_at_least_half_as_well_as_the_best(pool_of):
    """Gonzalez' bound, against every choice of three of twelve."""
    features = np.random.default_rng(8).random((12, 2))
    distances = cdist(features, features)
    best = min(distances[:, list(three)].min(1).max() for three in itertools.combinations(range(12), 3))
    rows = coreset(pool_of([0] * 12, features=features), 3, np.random.default_rng(0))
    assert distances[:, rows].min(1).max() <= 2 * best


def test_copies_are_chosen_once_all_else_is(pool_of, rng):
    pool = pool_of([0] * 6, trusted=[0], features=[[0], [0], [0], [1], [1], [2]])
    rows = coreset(pool, 5, rng).tolist()
    assert rows[0] == 5
    assert set(rows[1:2]) <= {3, 4}
    assert len(set(rows)) == 5


def test_the_features_stay_as_they_are(pool_of, rng):
    pool = pool_of([0] * 3, features=[[1], [2], [4]])
    coreset(pool, 2, rng)
    assert pool.evidence.features.tolist() == [[1], [2], [4]]


def test_a_trusted_feature_that_is_no_number_is_told(pool_of, rng):
    pool = pool_of([0] * 3, trusted=[0], features=[[np.inf], [2], [4]])
    with pytest.raises(InputError, match="first that of 's0'"):
        coreset(pool, 2, rng)


def test_farthest_first_never_takes_one_twice():
    x = np.zeros((4, 1), np.float32)
    assert sorted(farthest_first(x, np.zeros(4, np.float32), 4).tolist()) == [0, 1, 2, 3]
