"""A budget spread over the classes."""

from __future__ import annotations

import numpy as np
import pytest

from overread.cleaning.samplers.balanced import Balanced, classes_of, seen_as, shares
from overread.cleaning.samplers.choose import make
from overread.errors import InputError


@pytest.mark.parametrize(
    ("sizes", "budget", "expected"),
    [
        ([10, 10, 10], 6, [2, 2, 2]),
        ([9, 10, 10], 7, [3, 2, 2]),
        ([1, 50, 100], 10, [1, 5, 4]),
        ([0, 3, 100], 20, [0, 3, 17]),
        ([1, 2, 3], 100, [1, 2, 3]),
        ([5, 5], 0, [0, 0]),
    ],
)
def test_shares(sizes, budget, expected):
    assert shares(np.array(sizes), budget).tolist() == expected


def test_classes_take_turns_rarest_first_in_the_samplers_own_order(pool_of, rng):
    """Predicted a (4 samples), b (2), c (1); by least confidence each class from its least sure on."""
    probs = [
        [0.9, 0.1, 0.0],
        [0.8, 0.2, 0.0],
        [0.7, 0.3, 0.0],
        [0.6, 0.4, 0.0],
        [0.1, 0.9, 0.0],
        [0.2, 0.8, 0.0],
        [0.0, 0.1, 0.9],
    ]
    pool = pool_of([0] * 7, probs=probs)
    assert make("least-confidence", balanced=True)(pool, 6, rng).tolist() == [6, 5, 3, 4, 2, 1]


def test_every_class_gets_its_share(pool_of, rng):
    probs = np.eye(3)[np.repeat([0, 1, 2], [80, 15, 5])]
    rows = make("random", balanced=True)(pool_of([0] * 100, probs=probs), 12, rng)
    assert np.bincount(probs[rows].argmax(1)).tolist() == [4, 4, 4]
    assert probs[rows].argmax(1)[:3].tolist() == [2, 1, 0]


def test_without_probabilities_the_labels_count(pool_of):
    assert classes_of(pool_of([0, 2, 1])).tolist() == [0, 2, 1]
    assert classes_of(pool_of([0, 2, 1], probs=np.eye(3))).tolist() == [0, 1, 2]


def test_before_anything_is_learned_the_labels_count(pool_of, rng):
    pool = pool_of(np.repeat([0, 1, 2], [20, 8, 2]), probs=np.full((30, 3), 1 / 3))
    rows = make("entropy", balanced=True)(pool, 6, rng)
    assert np.bincount(pool.evidence.given[rows]).tolist() == [2, 2, 2]


def test_a_class_that_is_predicted_for_nobody_has_its_likeliest_samples():
    """By hand: mean .8 and .2; the third has 1.5 times the second class that is expected, and .875 of the first."""
    probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]])
    assert probs.argmax(1).tolist() == [0, 0, 0]
    assert seen_as(probs, np.array([0, 0, 0])).tolist() == [0, 0, 1]


def test_a_class_of_no_probability_at_all_is_nobodys(pool_of):
    probs = np.array([[0.9, 0.1, 0.0], [0.6, 0.4, 0.0]])
    assert seen_as(probs, np.array([2, 2])).tolist() == [0, 1]


def test_a_prediction_that_is_no_number_is_told(pool_of, rng):
    probs = np.full((3, 3), 1 / 3)
    probs[1] = np.nan
    with pytest.raises(
        InputError, match="prediction of 1 samples is not a finite number, first that of 's1'"
    ):
        make("random", balanced=True)(pool_of([0, 1, 2], probs=probs), 2, rng)


def test_coreset_measures_from_all_that_is_trusted(pool_of, rng):
    """Predicted b at 4 and 6; what is trusted at 0 and 5 is of class a: 4 and 6 are 1 away, 9 is 4 away."""
    features = [[0], [5], [4], [6.5], [9]]
    probs = np.eye(3)[[0, 0, 1, 1, 0]]
    pool = pool_of([0] * 5, trusted=[0, 1], features=features, probs=probs)
    assert make("coreset", balanced=True)(pool, 2, rng).tolist() == [4, 3]


def test_a_sampler_that_gives_less_is_taken_as_it_is(pool_of, rng):
    def one(pool, budget, rng):
        return np.flatnonzero(pool.askable)[:1]

    probs = np.eye(3)[[0, 0, 1, 1]]
    assert sorted(Balanced(one)(pool_of([0] * 4, probs=probs), 4, rng).tolist()) == [0, 2]
