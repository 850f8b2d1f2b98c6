"""Long-tailed subsets: the sizes by the formula, the rest by chance alone."""

from __future__ import annotations

import numpy as np
import pytest

from overread.data.long_tail import long_tail
from overread.errors import InputError

LABELS = np.repeat([3, 1, 0], [50, 200, 100])


def sizes(rows):
    return {
        int(name): int(count)
        for name, count in zip(*np.unique(LABELS[rows], return_counts=True), strict=True)
    }


def test_sizes_fall_from_the_smallest_class_by_frequency():
    rows = long_tail(LABELS, 25, np.random.default_rng(0))
    assert sizes(rows) == {1: 50, 0: 10, 3: 2}  # 50 * 25 ** -(0, 1/2, 1)
    assert (np.diff(rows) > 0).all()


def test_a_ratio_of_one_is_balanced_and_no_class_vanishes():
    assert sizes(long_tail(LABELS, 1, np.random.default_rng(0))) == {0: 50, 1: 50, 3: 50}
    assert sizes(long_tail(LABELS, 1e6, np.random.default_rng(0)))[3] == 1


def test_the_draw_is_the_seeds():
    one, again, other = (long_tail(LABELS, 10, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_what_cannot_be_is_said():
    with pytest.raises(InputError, match=r"1 or more, got 0\.5"):
        long_tail(LABELS, 0.5, np.random.default_rng(0))
    with pytest.raises(InputError, match="at least two classes"):
        long_tail(np.zeros(5, int), 10, np.random.default_rng(0))
