"""A budget spread over the classes."""

from __future__ import annotations

import numpy as np
import pytest

from overread.cleaning.samplers.balanced import Balanced, seen_as, shares
from overread.cleaning.samplers.choose import make


@pytest.mark.parametrize(
    ("sizes", "budget", "expected"),
    [
        ([10, 10, 10], 6, [2, 2, 2]),
        ([10, 9, 10], 7, [2, 3, 2]),  # the odd one to the smallest
        ([100, 1, 50], 10, [4, 1, 5]),
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
    assert seen_as(pool_of([0, 2, 1])).tolist() == [0, 2, 1]
    assert seen_as(pool_of([0, 2, 1], probs=np.eye(3))).tolist() == [0, 1, 2]


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
