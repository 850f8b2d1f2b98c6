"""Long-tailed subsets of a data set, for experiments on class imbalance."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.data.manifest import Ints
from overread.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]


def long_tail(labels: Array, ratio: float, rng: np.random.Generator) -> Ints:
    r"""Rows of a subset in which class c keeps $N_c = N_0 \, r^{-c/(C-1)}$ samples, at least one.

    Classes are numbered from the most frequent one (ties by code), so that the order of frequency stays.
    $N_0$ is the size of the smallest class: every class can give as many.

    Args:
        labels: [N] int codes; classes without a sample do not count.
        ratio: r, how many times larger the largest class is than the smallest; at least 1.
        rng: draws which samples stay, without replacement.

    Returns:
        row numbers, ascending.

    Source: Khanal et al., MICCAI 2024 (P4), with r = 100, after Cui et al., CVPR 2019.

    >>> rows = long_tail(np.repeat([0, 1, 2], [300, 200, 100]), 100.0, np.random.default_rng(0))
    >>> np.bincount(np.repeat([0, 1, 2], [300, 200, 100])[rows]).tolist()
    [100, 10, 1]
    """
    if not ratio >= 1.0:
        raise InputError(
            f"--long-tail is how many times larger the largest class stays: 1 or more, got {ratio}."
        )
    names, counts = np.unique(labels, return_counts=True)
    if len(names) < 2:
        raise InputError("--long-tail needs samples of at least two classes.")
    kept = []
    for place, which in enumerate(np.lexsort((names, -counts))):
        size = max(1, round(counts.min() * ratio ** (-place / (len(names) - 1))))
        kept.append(rng.choice(np.flatnonzero(labels == names[which]), size, replace=False))
    return np.sort(np.concatenate(kept)).astype(np.int64)
