"""What all samplers promise, and the scores of each by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy

from overread.cleaning.samplers import SAMPLERS
from overread.cleaning.samplers.bernhardt import relabelling_gain
from overread.cleaning.samplers.choose import choose, make
from overread.cleaning.samplers.entropy import entropies
from overread.cleaning.samplers.least_confidence import doubts
from overread.cleaning.samplers.margin import closeness
from overread.cleaning.samplers.order import highest
from overread.detect.suspicion import Suspicion
from overread.errors import InputError

EVERY = [(name, balanced) for name in SAMPLERS for balanced in (False, True)]
LOG2, LOG3 = np.log(2), np.log(3)


@pytest.fixture
def pool(pool_of):
    """60 samples of 3 classes, sorted by class; a third trusted, one in seven neither trusted nor askable."""
    rng = np.random.default_rng(1)
    given = np.repeat([0, 1, 2], [40, 15, 5])
    probs = rng.dirichlet([0.5] * 3, 60)
    score = rng.random(60)
    trusted = np.arange(0, 60, 3)
    free = [row for row in range(60) if row % 3 and row % 7]
    return pool_of(
        given,
        askable=free,
        trusted=trusted,
        probs=probs,
        features=rng.normal(size=(60, 4)),
        suspicion=Suspicion(score, given, score > 0.5),
    )


@pytest.mark.parametrize(("name", "balanced"), EVERY)
@pytest.mark.parametrize("budget", [0, 1, 10, 1000])
def test_only_askable_rows_once_each_and_no_more_than_the_budget(pool, name, balanced, budget):
    rows = choose(make(name, balanced), pool, budget, np.random.default_rng(0))
    assert len(rows) == min(budget, int(pool.askable.sum()))
    assert pool.askable[rows].all()
    assert len(set(rows.tolist())) == len(rows)


@pytest.mark.parametrize(("name", "balanced"), EVERY)
def test_equal_generators_choose_equally(pool, name, balanced):
    first, second = (choose(make(name, balanced), pool, 12, np.random.default_rng(5)) for _ in range(2))
    assert first.tolist() == second.tolist()


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_larger_budget_goes_on_where_a_smaller_one_ended(pool, name):
    few, many = (choose(make(name), pool, budget, np.random.default_rng(5)) for budget in (5, 20))
    assert few.tolist() == many[:5].tolist()


@pytest.mark.parametrize(("name", "balanced"), EVERY)
def test_the_order_of_the_data_favours_nobody(pool_of, name, balanced):
    """Of 200 equal samples, sorted by label, each is as likely to be asked about first."""
    flat = Suspicion(np.zeros(200), np.zeros(200, int), np.zeros(200, bool))
    pool = pool_of(
        np.repeat([0, 1], 100),
        classes=2,
        suspicion=flat,
        probs=np.full((200, 2), 0.5),
        features=np.ones((200, 3)),
    )
    sampler = make(name, balanced)
    first = [int(choose(sampler, pool, 1, np.random.default_rng(seed))[0]) for seed in range(100)]
    assert len(set(first)) > 60  # 79 are expected of 100 draws from 200
    assert 25 < sum(row < 100 for row in first) < 75


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "random"])
def test_missing_evidence_is_named(pool_of, name, rng):
    with pytest.raises(InputError, match=f"'{name}' needs .*which this run did not"):
        make(name)(pool_of([0, 1, 2]), 1, rng)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_negative_budget_is_refused(pool, name, rng):
    with pytest.raises(InputError, match="0 or more, got -1"):
        make(name)(pool, -1, rng)


@pytest.mark.parametrize("name", SAMPLERS)
def test_where_nothing_may_be_asked_nothing_is(pool_of, name, rng):
    suspicion = Suspicion(np.zeros(2), np.zeros(2, int), np.zeros(2, bool))
    pool = pool_of(
        [0, 1], askable=[], suspicion=suspicion, probs=np.full((2, 3), 1 / 3), features=np.ones((2, 1))
    )
    assert make(name)(pool, 3, rng).tolist() == []


def test_entropies_by_hand():
    probs = np.array([[1, 0, 0], [0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]])
    assert entropies(probs) == pytest.approx([0, LOG2, LOG3])


def test_entropies_are_scipys():
    probs = np.random.default_rng(0).dirichlet([0.3] * 7, 100)
    assert entropies(probs) == pytest.approx(scipy_entropy(probs, axis=1))


def test_doubts_and_closeness_by_hand():
    probs = np.array([[0.75, 0.25, 0], [0.5, 0.25, 0.25], [0.5, 0.5, 0]])
    assert doubts(probs).tolist() == [0.25, 0.5, 0.5]
    assert closeness(probs).tolist() == [0.5, 0.75, 1.0]


def test_relabelling_gain_by_hand():
    """Sure of another class; split between the given and another; sure of the given."""
    probs = np.array([[0.25, 0.75, 0], [0.5, 0.5, 0], [1, 0, 0]])
    entropy = -0.25 * np.log(0.25) - 0.75 * np.log(0.75)
    expected = [np.log(4) - entropy, LOG2 - LOG2, 0]
    assert relabelling_gain(probs, np.array([0, 0, 0])) == pytest.approx(expected)


def test_relabelling_gain_stays_finite_where_rounding_left_nothing():
    gain = relabelling_gain(np.array([[0.0, 1.0]], np.float32), np.array([0]))
    assert gain.tolist() == pytest.approx([12 * np.log(10)])


def test_relabelling_gain_prefers_the_easy_of_two_labels_equally_improbable():
    probs = np.array([[0.1, 0.9, 0.0], [0.1, 0.45, 0.45]])
    easy, hard = relabelling_gain(probs, np.array([0, 0]))
    assert easy > hard


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("entropy", [2, 1, 0]),
        ("least-confidence", [2, 1, 0]),
        ("margin", [1, 2, 0]),
        ("bernhardt", [0, 2, 1]),
    ],
)
def test_the_order_of_three_samples(pool_of, rng, name, order):
    probs = [[0.1, 0.9, 0.0], [0.5, 0.5, 0.0], [0.3, 0.45, 0.25]]
    assert make(name)(pool_of([0, 0, 0], probs=probs), 3, rng).tolist() == order


def test_suspicion_orders_by_its_score(pool_of, rng):
    suspicion = Suspicion(np.array([0.1, 0.9, 0.5]), np.zeros(3, int), np.zeros(3, bool))
    assert make("suspicion")(pool_of([0, 0, 0], suspicion=suspicion), 2, rng).tolist() == [1, 2]


def test_only_equals_are_drawn_for(pool_of):
    pool = pool_of([0, 0, 0, 0])
    orders = {
        tuple(highest(np.array([1, 1, 2, 0]), pool, 4, np.random.default_rng(s)).tolist()) for s in range(20)
    }
    assert orders == {(2, 0, 1, 3), (2, 1, 0, 3)}


@pytest.mark.parametrize("name", ["entropy", "least-confidence", "margin", "bernhardt", "coreset"])
def test_a_network_that_diverged_is_told(pool_of, rng, name):
    values = np.full((4, 3), 1 / 3)
    values[2] = np.nan
    pool = pool_of([0, 0, 0, 0], probs=values, features=values)
    with pytest.raises(InputError, match="of 1 samples is not a finite number, first that of 's2'"):
        make(name)(pool, 2, rng)


def test_random_draws_all_orders(pool_of):
    pool = pool_of([0, 0, 0])
    drawn = [tuple(make("random")(pool, 3, np.random.default_rng(s)).tolist()) for s in range(600)]
    counts = [drawn.count(order) for order in set(drawn)]
    assert len(counts) == 6
    assert min(counts) > 60
