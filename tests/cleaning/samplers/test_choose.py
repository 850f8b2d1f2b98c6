"""Samplers by name, and a user's own."""

from __future__ import annotations

import numpy as np
import pytest

from overread.cleaning.samplers.balanced import Balanced
from overread.cleaning.samplers.choose import choose, make
from overread.cleaning.samplers.entropy import entropy
from overread.errors import InputError


def test_names():
    assert make("entropy") is entropy
    assert make("entropy", balanced=True) == Balanced(entropy)
    with pytest.raises(InputError, match=r"Unknown sampler 'entropi'\. Did you mean 'entropy'"):
        make("entropi")


def test_a_users_own(pool_of, tmp_path, rng):
    file = tmp_path / "mine.py"
    file.write_text(
        "def last(pool, budget, rng):\n    return pool.askable.nonzero()[0][::-1][:budget]\nno = 3\n"
    )
    pool = pool_of([0, 1, 2], trusted=[2])
    assert choose(make(f"{file}:last"), pool, 1, rng).tolist() == [1]
    with pytest.raises(InputError, match=r"must be a function \(pool, budget, rng\) -> rows, got 3"):
        make(f"{file}:no")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([0, 1, 1], "3 rows for a budget of 2, 1 rows twice"),
        ([7, -1], r"2 rows outside 0 \.\. 3"),
        ([0, 3], "1 rows that may not be asked about"),
        ([0.0, 1.0], "whole numbers, got float64"),
        ([[0], [1]], r"row numbers \[n\], whole numbers, got int64 \[2, 1\]"),
    ],
)
def test_what_a_users_own_returns_is_checked(pool_of, rng, rows, words):
    with pytest.raises(InputError, match=words):
        choose(lambda *_: np.array(rows), pool_of([0, 1, 2, 0], trusted=[3]), 2, rng)
