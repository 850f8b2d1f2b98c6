"""Pools for the tests of cleaning."""

from __future__ import annotations

import numpy as np
import pytest

from overread.cleaning.pool import Pool
from overread.engine.evidence import Evidence


def pool_of(given=None, classes=3, askable=None, trusted=None, suspicion=None, **evidence):
    """A pool of as many samples as whatever is named has; all may be asked about but the trusted ones."""
    count = len(next(v for v in (given, *evidence.values()) if v is not None))
    none = np.zeros(count, bool)
    none[[] if trusted is None else trusted] = True
    free = ~none
    if askable is not None:
        free = np.isin(np.arange(count), askable)
    return Pool(
        Evidence(
            ids=np.array([f"s{row}" for row in range(count)], object),
            given=np.zeros(count, np.int64) if given is None else np.array(given),
            classes=tuple("abcdefghij"[:classes]),
            groups=np.arange(count),
            **{name: np.asarray(value, np.float32) for name, value in evidence.items()},
        ),
        askable=free,
        trusted=none,
        suspicion=suspicion,
    )


@pytest.fixture(name="pool_of")
def pool_maker():
    return pool_of


@pytest.fixture
def rng():
    return np.random.default_rng(0)
