"""Numbers for several structures in one file."""

from __future__ import annotations

import numpy as np
import pytest

from overread.errors import InputError
from overread.exporting.numbering import as_before, found_in, numbering

A, B, AB, ABC = frozenset([0]), frozenset([1]), frozenset([0, 1]), frozenset([0, 1, 2])


@pytest.mark.parametrize("count", [1, 3, 8, 9, 70])
def test_combinations_are_found(count):
    masks = np.random.default_rng(count).random((count, 6, 7)) < 0.3
    kinds, places = found_in(masks)
    assert len(set(kinds)) == len(kinds)
    for y in range(6):
        for x in range(7):
            assert kinds[places[y, x]] == {k for k in range(count) if masks[k, y, x]}


def test_apart():
    found = numbering("xyz", [A, B], "run")
    assert found.labels == {"x": 1, "y": 2, "z": 3}
    assert found.joined(np.array([[[1, 0, 0]], [[0, 1, 0]], [[0, 0, 0]]], bool)).tolist() == [[1, 2, 0]]


def test_one_in_another_in_another():
    found = numbering("xyz", [A, AB, ABC], "run")
    assert found.labels == {"x": [1, 2, 3], "y": [2, 3], "z": 3}
    assert list(found.order) == [1, 2, 3]
    assert [found.numbers[one] for one in (frozenset(), A, AB, ABC)] == [0, 1, 2, 3]


def test_the_inner_one_first():
    assert numbering("xyz", [B, AB], "run").labels == {"y": [1, 3], "z": 2, "x": 3}


def test_two_that_are_alike():
    assert numbering("xy", [AB], "run").labels == {"x": [1, 2], "y": 2}


def test_crossing():
    with pytest.raises(InputError, match="'x' and 'y'"):
        numbering("xy", [A, B, AB], "run")


def test_as_before():
    assert as_before("xy", [A, B], {"x": [2], "y": [1]}, ()).labels == {"x": 2, "y": 1}
    assert as_before("xy", [A, B, AB], {"x": [2], "y": [1]}, ()) is None
    assert as_before("xy", [A], {"x": [2]}, ()) is None
    assert as_before("xy", [A], {"x": [4], "y": [1]}, ()) is None  # not consecutive
    regions = as_before("xy", [A, AB], {"x": [1, 2], "y": [1]}, (2, 1))
    assert (regions.numbers[A], regions.numbers[AB]) == (2, 1)
