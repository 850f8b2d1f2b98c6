"""Neighbours and outliers of what is too large to be held or compared whole."""

from __future__ import annotations

from math import erf, sqrt

import numpy as np
import pytest

from overread.functional import outliers
from overread.functional.neighbours import Units, nearest, nearest_among, unit
from overread.functional.outliers import class_outliers


@pytest.fixture
def clouds():
    """Two classes of 90 around two centres, and in each ten from the other."""
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    wrong = np.arange(200) < 20
    centres = rng.normal(size=(2, 8)) * 3
    return rng.normal(size=(200, 8)) + centres[np.where(wrong, 1 - y, y)], y, wrong


def test_features_read_row_by_row_are_scaled_alike():
    x = np.random.default_rng(1).normal(size=(50, 6)).astype(np.float16)
    read = []

    def rows(at):
        read.append(len(at))
        return x[at]

    units = Units.of(rows, 50, chunk=16)
    assert read == [16, 16, 16, 2]
    at = np.array([3, 49, 0])
    np.testing.assert_allclose(units[at], unit(x)[at], atol=1e-6)


def test_neighbours_of_others_equal_scikit_learn():
    from sklearn.neighbors import NearestNeighbors

    rng = np.random.default_rng(2)
    known, queries = rng.normal(size=(70, 5)), rng.normal(size=(30, 5))
    distances, indices = NearestNeighbors(n_neighbors=9).fit(known).kneighbors(queries)
    ours = nearest_among(known, queries, 9)
    np.testing.assert_array_equal(ours[0], indices)
    np.testing.assert_allclose(ours[1], distances, atol=1e-3)


def by_hand(x, known, k):
    """LoOP of each row of a class among the rows `known` of it, point by point."""
    apart = np.linalg.norm(x[:, None] - x[None], axis=2)
    near = [sorted(known[known != i], key=lambda j, i=i: apart[i, j])[:k] for i in range(len(x))]
    sigma = np.array([np.sqrt(np.mean(apart[i, near[i]] ** 2)) for i in range(len(x))])
    plof = np.array([sigma[i] / sigma[near[i]].mean() - 1 for i in range(len(x))])
    spread = 3 * np.sqrt(np.mean(plof**2)) * sqrt(2)
    return np.array([max(0.0, erf(value / spread)) for value in plof])


@pytest.mark.parametrize("most", [40, 1000])
def test_large_classes_are_compared_with_some_of_their_members(clouds, most, monkeypatch):
    x, y, wrong = clouds
    monkeypatch.setattr(outliers, "MOST_COMPARED", most)
    monkeypatch.setattr(outliers, "CHUNK", 7)
    score = class_outliers(x, y)
    np.testing.assert_array_equal(score, class_outliers(x, y))
    for label in (0, 1):
        rows = np.flatnonzero(y == label)
        known = np.sort(np.random.default_rng(0).permutation(100)[:most])
        expected = by_hand(x[rows], known, len(known) // 2)
        np.testing.assert_allclose(score[rows], expected, atol=1e-4)
    assert score[wrong].min() > score[~wrong].mean()


def test_nearest_leaves_out_the_row_itself_and_nearest_among_does_not():
    x = np.random.default_rng(3).normal(size=(20, 4))
    assert (nearest_among(x, x, 1)[0][:, 0] == np.arange(20)).all()
    assert (nearest(x, 1)[0][:, 0] != np.arange(20)).all()
