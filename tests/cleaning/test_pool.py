"""The pool."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from overread.detect.suspicion import Suspicion
from overread.errors import InputError


def test_what_fits_is_taken(pool_of):
    pool = pool_of([0, 1, 2], probs=np.eye(3), features=np.ones((3, 2)), trusted=[0])
    assert len(pool) == 3
    assert pool.need("probs", "entropy").shape == (3, 3)


def test_all_that_does_not_fit_comes_in_one_message(pool_of):
    pool = pool_of([0, 1, 2])
    evidence = replace(
        pool.evidence, given=np.array([0, 3, -1]), probs=np.ones((3, 2)), features=np.ones((2, 5))
    )
    short = Suspicion(np.zeros(2), np.zeros(2, int), np.zeros(2, bool))
    with pytest.raises(InputError) as caught:
        replace(pool, evidence=evidence, askable=np.ones(3), trusted=np.ones(2, bool), suspicion=short)
    for words in (
        "askable must be bool [3], got float64 [3]",
        "trusted must be bool [3], got bool [2]",
        "2 labels lie outside 0 .. 2",
        "probs must be [3, 3], got [3, 2]",
        "features must be [3, D], got [2, 5]",
        "suspicion must be [3], got [2]",
    ):
        assert words in str(caught.value)


def test_what_is_trusted_is_not_asked_about(pool_of):
    with pytest.raises(InputError, match="2 samples are trusted and may be asked about at once"):
        pool_of([0, 1, 2], trusted=[0, 1], askable=[0, 1, 2])


def test_one_class_leaves_nothing_to_clean(pool_of):
    with pytest.raises(InputError, match="at least two classes, got 1"):
        pool_of([0, 0], classes=1)


def test_a_missing_field_is_told_with_the_sampler(pool_of):
    with pytest.raises(
        InputError, match=r"'margin' needs probs, which this run did not record.*--sampler NAME"
    ):
        pool_of([0, 1]).need("probs", "margin")
