"""Disagreement that was seen, and that which chance would make, from sums over items: many sums at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Weights = Callable[[int], Array]  # C -> [C, C]
Scale = Callable[[Array], Array]  # how often each class was said, [S, C] -> [S, C, C]


def _steps(classes: int) -> Array:
    return np.abs(np.subtract.outer(np.arange(classes), np.arange(classes))) / max(classes - 1, 1)


WEIGHTS: dict[str, Weights] = {
    "none": lambda classes: 1.0 - np.eye(classes),
    "linear": _steps,
    "quadratic": lambda classes: _steps(classes) ** 2,
}


def ordinal(said: Array) -> Array:
    r"""$(\sum_{g=c}^{k} n_g - (n_c + n_k) / 2)^2$ [S, C, C] of n [S, C], scaled to at most 1.

    The sum is a difference of middles: with $M_c = \sum_{g \le c} n_g - n_c / 2$ it is $|M_k - M_c|$.
    """
    middle = said.cumsum(1) - said / 2.0
    far = (middle[:, :, None] - middle[:, None, :]) ** 2
    most = far.max((1, 2), keepdims=True)
    return np.asarray(far / np.where(most > 0.0, most, 1.0))


SCALES: dict[str, Scale] = {
    "nominal": lambda said: (1.0 - np.eye(said.shape[1]))[None],
    "interval": lambda said: (_steps(said.shape[1]) ** 2)[None],
    "ordinal": ordinal,
}


def crossed(weights: Weights, sums: Array) -> tuple[Array, Array]:
    """Of two readers' tables [S, C * C]: the mean weight of the cells, and that of the product of the margins."""
    table, weight = _square(sums)
    w = weights(table.shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        chance = np.einsum("sj,jk,sk->s", table.sum(2), w, table.sum(1)) / weight**2
        return (table * w).sum((1, 2)) / weight, chance


def coincident(scale: Scale, sums: Array) -> tuple[Array, Array]:
    """Of coincidences [S, C * C]: Krippendorff's observed and expected disagreement."""
    table, n = _square(sums)
    said = table.sum(2)
    far = scale(said)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = (said[:, :, None] * said[:, None, :] * far).sum((1, 2)) / (n * (n - 1.0))
        return (table * far).sum((1, 2)) / n, expected


def spread(chance: Callable[[Array], Array], sums: Array) -> tuple[Array, Array]:
    """Of sums of [raw disagreement, 1 if read twice, 1 if read, shares of the classes]: its mean, and `chance` of the
    mean shares."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums[:, 0] / sums[:, 1], chance(sums[:, 3:] / sums[:, 2:3])


def differing(sums: Array) -> tuple[Array, Array]:
    """Of sums of [pairs that differ, all pairs]: their ratio, and 1."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums[:, 0] / sums[:, 1], np.ones(len(sums))


def _square(sums: Array) -> tuple[Array, Array]:
    """Tables [S, C, C] and what each adds up to, [S]."""
    classes = round(sums.shape[1] ** 0.5)
    return sums.reshape(-1, classes, classes), sums.sum(1)
