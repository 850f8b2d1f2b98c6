"""Noise that knows nothing but the label: symmetric, pair and balanced flips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overread.data.manifest import Ints
from overread.errors import InputError
from overread.noise.labels import Images, Labels, Rows, check_classes, check_share


@dataclass(frozen=True)
class Symmetric:
    """Exactly round(rate * N) labels flip, drawn from the whole set without replacement; every other class
    is equally likely:

        P(given = j | true = i) = rate / (C - 1)  for j != i,  1 - rate  for j = i.

    The count is exact and not binomial, so that runs with different seeds are noisy to the same degree.
    Source: van Rooyen et al. 2015; P4 draws it anew for each seed.

    >>> labels = Labels.plain(np.array([0, 1, 2, 0, 1, 2]))
    >>> given = Symmetric(0.5).draw(labels, np.random.default_rng(0))
    >>> int((given != labels.codes).sum())
    3
    """

    rate: float  # share of all labels that flip, 0 to 1

    def __post_init__(self) -> None:
        check_share("rate", self.rate)

    def draw(self, labels: Labels, rng: np.random.Generator, images: Images | None = None) -> Ints:
        """[N] int64"""
        check_classes(labels)
        rows = pick(labels, self.rate, rng)
        steps = rng.integers(1, len(labels.classes), size=len(rows))
        return moved(labels, rows, steps)


@dataclass(frozen=True)
class Pair:
    """Exactly round(rate * N) labels flip, each to the class after its own: given = (true + 1) mod C.

    Source: Han et al. 2018 (co-teaching), "pair flip". Classes follow the order of their names.

    >>> Pair(1.0).draw(Labels.plain(np.array([0, 1, 2])), np.random.default_rng(0)).tolist()
    [1, 2, 0]
    """

    rate: float  # share of all labels that flip, 0 to 1

    def __post_init__(self) -> None:
        check_share("rate", self.rate)

    def draw(self, labels: Labels, rng: np.random.Generator, images: Images | None = None) -> Ints:
        """[N] int64"""
        check_classes(labels)
        rows = pick(labels, self.rate, rng)
        return moved(labels, rows, np.ones(len(rows), dtype=np.int64))


@dataclass(frozen=True)
class Balanced:
    """The same number of labels wrong in each class, as true class and as given class alike:

        m = round(rate * N / C) labels leave each class, and m arrive in each.

    Of the m, every other class gets floor(m / (C - 1)); the r that remain go to r of the C - 1 cyclic
    neighbours, the same ones for all classes, drawn at random: so rows and columns of the table of
    true against given both sum to m off the diagonal. With two classes this is P3's table 1
    (324 + 324 of 10,788 at 6 %). Raises `InputError` where a class has fewer than m samples.

    >>> labels = Labels.plain(np.array([0, 0, 0, 0, 1, 1]))
    >>> given = Balanced(1 / 3).draw(labels, np.random.default_rng(0))
    >>> [int((given[labels.codes == c] != c).sum()) for c in (0, 1)]
    [1, 1]
    """

    rate: float  # share of all labels that flip, 0 to 1

    def __post_init__(self) -> None:
        check_share("rate", self.rate)

    def draw(self, labels: Labels, rng: np.random.Generator, images: Images | None = None) -> Ints:
        """[N] int64"""
        check_classes(labels)
        size = len(labels.classes)
        flips = round(self.rate * len(labels) / size)
        self._check(labels, flips)
        every, rest = divmod(flips, size - 1)
        extra = rng.permutation(np.arange(1, size))[:rest]
        steps = np.concatenate([np.repeat(np.arange(1, size), every), extra])  # [m]
        given = labels.codes.copy()
        for code in range(size):
            rows = rng.permutation(np.flatnonzero(labels.codes == code))[:flips]
            given[rows] = (code + steps) % size
        return given

    def _check(self, labels: Labels, flips: int) -> None:
        small = int(labels.counts.argmin())
        if labels.counts[small] < flips:
            most = labels.counts[small] * len(labels.classes) / len(labels)
            raise InputError(
                f"Balanced noise at rate {self.rate} flips {flips} labels in each class, but class "
                f"{labels.classes[small]!r} has {labels.counts[small]}. The rate can be {most:.3g} at most."
            )


def pick(labels: Labels, rate: float, rng: np.random.Generator) -> Rows:
    """[round(rate * N)] rows, each at most once."""
    return rng.permutation(len(labels))[: round(rate * len(labels))].astype(np.int64)


def moved(labels: Labels, rows: Rows, steps: Ints) -> Ints:
    """[N] a copy of the labels in which `rows` stand `steps` classes further on, in a circle."""
    given = labels.codes.copy()
    given[rows] = (given[rows] + steps) % len(labels.classes)
    return given
