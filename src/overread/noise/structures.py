"""Slips with whole structures: one is not drawn, or two bear each other's names."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar, Literal

import numpy as np

from overread.data.manifest import Ints
from overread.errors import InputError
from overread.noise.labels import check_share
from overread.noise.masks import Mask


@dataclass(frozen=True)
class Missing:
    """One structure of the image is not drawn: of those that are, each with the same chance.

    An image in which nothing is drawn stays as it is. Source: ours; a structure that was overlooked, or whose
    file was lost.

    >>> mask = np.array([[[0]], [[1]], [[0]]], bool)
    >>> given, what = Missing(1.0).draw(mask, np.random.default_rng(0))
    >>> int(given.sum()), what
    (0, {'structures': [1]})
    """

    rate: float  # share of images, 0 to 1
    task: ClassVar[str] = "segmentation"

    def __post_init__(self) -> None:
        check_share("rate", self.rate)

    def draw(self, mask: Mask, rng: np.random.Generator) -> tuple[Mask, dict[str, Any]]:
        """[K, H, W], and the number of the structure"""
        drawn = drawn_in(mask)
        chosen = [int(rng.choice(drawn))] if len(drawn) else []
        given = mask.copy()
        given[chosen] = False
        return given, {"structures": chosen}


@dataclass(frozen=True)
class Swap:
    """Two structures of the image exchange their names: left is called right.

    Names are confused of structures that are alike. With h and w the height and width of a structure's box,

        apart(i, j) = |log(h_i / h_j)| + |log(w_i / w_j)|,

    a pair is drawn, with equal chance, from those in which each is the nearest of the other among the structures
    that are drawn in this image: of two lungs, two clavicles and a heart the lungs or the clavicles. With
    `partner="any"` it is drawn from all pairs. Where only one structure is drawn, it takes the name of any
    other. An image in which nothing is drawn stays as it is. Source: ours.

    >>> mask = np.array([[[1, 1, 0, 0]], [[0, 0, 1, 0]], [[0, 0, 0, 0]]], bool)
    >>> given, what = Swap(1.0).draw(mask, np.random.default_rng(0))
    >>> given.astype(int).tolist(), what
    ([[[0, 0, 1, 0]], [[1, 1, 0, 0]], [[0, 0, 0, 0]]], {'structures': [0, 1]})
    """

    rate: float  # share of images, 0 to 1
    partner: Literal["similar", "any"] = "similar"
    task: ClassVar[str] = "segmentation"

    def __post_init__(self) -> None:
        check_share("rate", self.rate)

    def draw(self, mask: Mask, rng: np.random.Generator) -> tuple[Mask, dict[str, Any]]:
        """[K, H, W], and the numbers of the two structures"""
        if len(mask) < 2:
            raise InputError("Noise 'swap' exchanges two structures, and these masks have one.")
        given = mask.copy()
        pairs = self._pairs(mask)
        if not pairs:
            return given, {"structures": []}
        one, other = pairs[int(rng.integers(len(pairs)))]
        given[[one, other]] = mask[[other, one]]
        return given, {"structures": [one, other]}

    def _pairs(self, mask: Mask) -> list[tuple[int, int]]:
        drawn = drawn_in(mask).tolist()
        if len(drawn) == 1:
            return [(drawn[0], other) for other in range(len(mask)) if other != drawn[0]]
        pairs = list(combinations(drawn, 2))
        if self.partner == "any" or not pairs:
            return pairs
        nearest = nearest_boxes(mask, drawn)
        return [(one, other) for one, other in pairs if nearest[one] == other and nearest[other] == one]


def nearest_boxes(mask: Mask, drawn: list[int]) -> dict[int, int]:
    """For each of the structures `drawn` the other one whose box is nearest in size; on ties the earlier."""
    sizes = {one: np.log([np.ptp(places) + 1 for places in np.nonzero(mask[one])]) for one in drawn}

    def nearest(one: int) -> int:
        others = (other for other in drawn if other != one)
        return min(others, key=lambda other: float(np.abs(sizes[one] - sizes[other]).sum()))

    return {one: nearest(one) for one in drawn}


def drawn_in(mask: Mask) -> Ints:
    """Numbers of the structures that have a pixel."""
    return np.flatnonzero(mask.any((1, 2))).astype(np.int64)
