"""Folds by group: balanced, whole, repeatable."""

import time

import numpy as np
import pytest

from overread.data.splits import group_folds, holdout, lonely_classes
from overread.errors import InputError


def data(count, groups, classes, seed=0):
    rng = np.random.default_rng(seed)
    weights = np.arange(classes, 0, -1) ** 2.0
    return rng.choice(classes, count, p=weights / weights.sum()), rng.integers(0, groups, count)


def counts(labels, parts):
    table = np.zeros((parts.max() + 1, labels.max() + 1), int)
    np.add.at(table, (parts, labels), 1)
    return table


@pytest.mark.parametrize("groups", [10, 300, 5000])
def test_groups_never_cross(groups):
    labels, group = data(3000, groups, 6)
    for parts in (group_folds(labels, group, 5, 0), holdout(labels, group, 0.3, 0).astype(int)):
        assert all(len(set(parts[group == name])) == 1 for name in np.unique(group))


def test_classes_are_spread_evenly():
    labels, group = data(3000, 2500, 6)
    table = counts(labels, group_folds(labels, group, 5, 0))
    assert (table.max(axis=0) - table.min(axis=0) <= 1).all()
    assert np.ptp(table.sum(axis=1)) <= 2


def test_as_even_as_scikit_learn():
    from sklearn.model_selection import StratifiedGroupKFold

    labels, group = data(2000, 200, 4)
    theirs = np.zeros(len(labels), int)
    for fold, (_, rows) in enumerate(
        StratifiedGroupKFold(5, shuffle=True, random_state=0).split(labels, labels, group)
    ):
        theirs[rows] = fold
    ours = counts(labels, group_folds(labels, group, 5, 0))
    assert np.ptp(ours, axis=0).sum() <= np.ptp(counts(labels, theirs), axis=0).sum() + 4


def test_every_training_part_knows_every_class_that_has_two_groups():
    labels = np.array([0] * 40 + [1] * 2 + [2] * 3)
    group = np.array([*range(40), 50, 51, 60, 60, 61])
    for seed in range(20):
        folds = group_folds(labels, group, 2, seed)
        assert all(set(labels[folds != fold]) == {0, 1, 2} for fold in range(2))


def test_the_seed_decides():
    labels, group = data(500, 400, 3)
    assert np.array_equal(group_folds(labels, group, 4, 7), group_folds(labels, group, 4, 7))
    assert not np.array_equal(group_folds(labels, group, 4, 7), group_folds(labels, group, 4, 8))


def test_text_and_numbers_give_the_same_folds():
    labels, group = data(300, 100, 3)
    text = np.array([f"patient {name}" for name in group], dtype=object)
    assert np.array_equal(group_folds(labels, group, 3, 0), group_folds(labels, text, 3, 0))


def test_more_folds_than_groups():
    with pytest.raises(InputError, match=r"3 folds need at least 3 groups \(patients\); there are 2"):
        group_folds(np.array([0, 1, 0]), np.array([0, 1, 1]), 3, 0)
    with pytest.raises(InputError, match="at least 2"):
        group_folds(np.array([0, 1]), np.array([0, 1]), 1, 0)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_holdout_takes_its_share_of_each_class(share):
    labels, group = data(4000, 3000, 5)
    held = holdout(labels, group, share, 0)
    assert np.abs(np.bincount(labels[held]) / np.bincount(labels) - share).max() < 0.02


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0])
def test_a_share_that_is_none(share):
    with pytest.raises(InputError, match="share to hold out"):
        holdout(np.array([0, 1]), np.array([0, 1]), share, 0)


def test_lonely_classes():
    labels = np.array([5, 5, 2, 2, 9])
    assert lonely_classes(labels, np.array(["a", "a", "a", "b", "c"])).tolist() == [5, 9]


def test_many_groups_are_quick():
    labels, group = data(30_000, 30_000, 7)
    start = time.perf_counter()
    group_folds(labels, group, 5, 0)
    assert time.perf_counter() - start < 5
