"""Means over seeds, and differences of methods that met the same noise and the same test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

import numpy as np

from overread.quality import confusion, of_confusion, resampled_tables

Array = np.ndarray[Any, np.dtype[Any]]
LEVEL, DRAWS = 0.95, 2000


@dataclass(frozen=True)
class Difference:
    """How much better a method is than another, seed by seed: the mean, and an interval where one can be had."""

    value: float
    low: float | None = None
    high: float | None = None
    how: str = "no interval: one seed, and no images to draw from"


def mean_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """The mean, and the standard deviation of the sample where there are two values or more.

    >>> mean_sd([1.0, 2.0, 3.0]), mean_sd([4.0])
    ((2.0, 1.0), (4.0, None))
    """
    return mean(values), stdev(values) if len(values) > 1 else None


def over_seeds(ours: Sequence[float], theirs: Sequence[float]) -> Difference:
    r"""The mean of the n differences $d_s$ of the same seeds, with Student's interval
    $\bar d \pm t_{0.975,\,n-1}\, s_d / \sqrt n$; of one seed without.

    >>> found = over_seeds([3.0, 5.0], [1.0, 1.0])  # 2 and 4: t = 12.71, s = 1.414
    >>> found.value, round(found.low, 2), round(found.high, 2)
    (3.0, -9.71, 15.71)
    """
    from scipy.stats import t

    each = np.subtract(ours, theirs)
    value = float(each.mean())
    if len(each) < 2:
        return Difference(value)
    half = float(t.ppf(0.5 + LEVEL / 2, len(each) - 1) * each.std(ddof=1) / np.sqrt(len(each)))
    return Difference(value, value - half, value + half, f"Student's, over {len(each)} seeds")


def over_images(
    ours: Array, theirs: Array, groups: Array, drawn: str = "patients of the test part"
) -> Difference:
    """The mean difference of values [seeds, M] of the same M images, with the percentile interval of 2,000 draws of
    their groups [M] with replacement: what another set of patients would say of the same networks. `drawn` is the
    word for these.

    >>> found = over_images(np.array([[1.0, 1.0]]), np.array([[0.0, 0.0]]), np.array([0, 1]))
    >>> found.value, found.low, found.high
    (1.0, 1.0, 1.0)
    """
    each = np.mean(ours - theirs, axis=0)  # [M]
    codes = np.unique(groups, return_inverse=True)[1]
    sums, counts = np.bincount(codes, each), np.bincount(codes)
    rows = np.random.default_rng(0).integers(0, len(counts), (DRAWS, len(counts)))
    means = sums[rows].sum(1) / counts[rows].sum(1)
    low, high = np.percentile(means, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    how = f"bootstrap of the {drawn}, {DRAWS:,} draws"
    return Difference(float(each.mean()), float(low), float(high), how)


def over_classes(y: Array, ours: Array, theirs: Array, groups: Array, name: str) -> Difference:
    """The mean difference over seeds of a figure that is no mean over images, such as `macro_f1`, of predicted
    classes [seeds, M] for the same M test images of labels y [M]; the interval as in `over_images`.

    >>> found = over_classes(np.array([0, 1]), np.array([[0, 1]]), np.array([[1, 0]]), np.array([0, 1]), "accuracy")
    >>> found.value, found.low, found.high
    (1.0, 1.0, 1.0)
    """
    classes = int(max(y.max(), ours.max(), theirs.max())) + 1

    def of(tables: Array) -> Array:
        return of_confusion(tables)[name]

    def drawn(predicted: Array) -> Array:
        return of(resampled_tables(y, predicted, classes, groups, 0))

    pairs = list(zip(ours, theirs, strict=True))
    value = np.mean(
        [of(confusion(y, a, classes)[None]) - of(confusion(y, b, classes)[None]) for a, b in pairs]
    )
    each = np.mean([drawn(a) - drawn(b) for a, b in pairs], axis=0)  # [R]
    low, high = np.nanpercentile(each, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    how = f"bootstrap of the patients of the test part, {len(each):,} draws"
    return Difference(float(value), float(low), float(high), how)
