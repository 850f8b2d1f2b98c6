"""One file of numbers for several structures: which number means which of them, where they may lie in one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from overread.data.problems import Problem, refuse

Array = np.ndarray[Any, np.dtype[Any]]
Together = frozenset[int]  # structures, by number, that a pixel shows at once
NOTHING: Together = frozenset()


@dataclass(frozen=True)
class Numbering:
    """The number of each combination of structures that occurs; 0 is the background."""

    numbers: Mapping[Together, int]
    labels: Mapping[str, int | list[int]]  # as nnU-Net writes it: a number, or of regions several
    order: Sequence[int] = ()  # of regions: the number that each one leaves behind, outer ones first

    @property
    def greatest(self) -> int:
        """The last number that is in use."""
        named = (number if isinstance(number, list) else [number] for number in self.labels.values())
        return max([*self.numbers.values(), *(number for some in named for number in some)])

    def joined(self, masks: Array) -> Array:
        """[H, W] the numbers of masks [K, H, W]."""
        combinations, places = found_in(masks)
        numbers = np.array([self.numbers[one] for one in combinations], np.min_scalar_type(self.greatest + 1))
        return np.asarray(numbers[places])


def found_in(masks: Array) -> tuple[list[Together], Array]:
    """The combinations of structures in masks [K, H, W], and [H, W] which pixel shows which of them.

    >>> found_in(np.array([[[0, 1, 1]], [[0, 0, 1]]], bool))
    ([frozenset(), frozenset({0}), frozenset({0, 1})], array([[0, 1, 2]]))
    """
    bits = np.packbits(masks.astype(bool), axis=0, bitorder="little")
    size = 8 * -(-len(bits) // 8)
    words = np.zeros((*masks.shape[1:], size), np.uint8)
    words[..., : len(bits)] = np.moveaxis(bits, 0, -1)
    codes = words.view("<u8").reshape(-1, size // 8)
    kinds, places = np.unique(codes[:, 0] if size == 8 else codes, axis=0, return_inverse=True)
    each = np.unpackbits(
        np.ascontiguousarray(kinds).view(np.uint8).reshape(len(kinds), -1), 1, None, "little"
    )
    return [frozenset(np.flatnonzero(one).tolist()) for one in each], places.reshape(masks.shape[1:])


def numbering(structures: Sequence[str], seen: Iterable[Together], source: object) -> Numbering:
    """Numbers 1, 2, ... in order of the structures where none lie upon each other, else regions of those that lie
    in one another. Raises `InputError` where two cross."""
    seen = {NOTHING, *seen}
    if all(len(one) < 2 for one in seen):
        numbers = {frozenset([k]): k + 1 for k in range(len(structures))}
        return Numbering({NOTHING: 0, **numbers}, {name: k + 1 for k, name in enumerate(structures)})
    inside = _inside(len(structures), seen)
    _refuse_crossing(structures, seen, inside, source)
    outer_first = sorted(inside, key=lambda k: (len(inside[k]), k))
    own = {
        k: number for number, k in enumerate(outer_first, 1)
    }  # what lies further in has the greater number
    regions = {
        k: sorted(own[other] for other in inside if other == k or k in inside[other]) for k in outer_first
    }
    return Numbering(
        {one: max((own[k] for k in one), default=0) for one in seen},
        {structures[k]: numbers if len(numbers) > 1 else numbers[0] for k, numbers in regions.items()},
        list(own.values()),
    )


def as_before(
    structures: Sequence[str],
    seen: Iterable[Together],
    numbers: Mapping[str, Sequence[int]],
    order: Sequence[int],
) -> Numbering | None:
    """The `numbers` that the structures had in a data set; None where these cannot say all that is `seen`."""
    if set(numbers) != set(structures):
        return None
    place = {name: k for k, name in enumerate(structures)}
    used = sorted({number for some in numbers.values() for number in some})
    means = {n: frozenset(place[name] for name, some in numbers.items() if n in some) for n in used}
    found = {NOTHING: 0, **{one: number for number, one in reversed(means.items())}}
    if used != list(range(1, len(used) + 1)) or not found.keys() >= set(seen):
        return None
    return Numbering(
        found, {name: list(some) if len(some) > 1 else some[0] for name, some in numbers.items()}, list(order)
    )


def _inside(count: int, seen: set[Together]) -> dict[int, set[int]]:
    """For each structure those that it lies in; of two that are always alike the first is the outer one."""
    holds = {k: [one for one in seen if k in one] for k in range(count)}
    within = {
        k: {
            other
            for other in range(count)
            if other != k and holds[k] and all(other in one for one in holds[k])
        }
        for k in range(count)
    }
    return {
        k: {other for other in found if k not in within[other] or other < k} for k, found in within.items()
    }


def _refuse_crossing(
    structures: Sequence[str], seen: set[Together], inside: Mapping[int, set[int]], source: object
) -> None:
    crossing = sorted(
        {
            (a, b)
            for one in seen
            for a in one
            for b in one
            if a < b and a not in inside[b] and b not in inside[a]
        }
    )
    if crossing:
        pairs = tuple(f"{structures[a]!r} and {structures[b]!r}" for a, b in crossing)
        what = (
            "structures lie upon each other without one holding the other, but nnU-Net has one number a pixel"
        )
        cure = (
            "export --to masks or --to coco, which keep each structure by itself; or audit with --structures "
            "exclusive, or with --merge."
        )
        refuse(source, [Problem(what, cure, pairs)])
