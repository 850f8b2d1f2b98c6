"""Masks drawn with a few clicks: coarse polygons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import ndimage

from overread.noise.labels import check_share
from overread.noise.masks import Mask, Plane, check_range

Corners = np.ndarray[Any, np.dtype[np.float64]]  # [M, 2] (y, x); pixel (i, j) spans [i, i+1] x [j, j+1]


@dataclass(frozen=True)
class Polygon:
    """Each connected part of a structure becomes a polygon with n corners, one n for all of an image:

        n ~ uniform on {low, ..., high}.

    The corners lie on the part's outline where a hand would set them: first the point farthest from the centre of
    its box and the point farthest from that one, then again and again the point of the outline farthest from the
    side of the polygon that it belongs to (Ramer 1972; Douglas and Peucker 1973). A pixel belongs to the polygon
    where its centre lies inside. Parts are connected over the four sides of a pixel; their holes are filled, for
    outlines know none; a part with no more than n corners stays as it is.
    Source: ours; how clicks in an annotation tool look when there is no time.

    >>> mask = np.zeros((1, 4, 6), bool)
    >>> mask[0, 1:], mask[0, 0, 2], mask[0, 2, 1] = True, True, False  # a house with a chimney and a window
    >>> Polygon(1.0, (4, 4)).draw(mask, np.random.default_rng(0))[0][0].astype(int)
    array([[0, 0, 0, 0, 0, 0],
           [1, 1, 1, 1, 1, 1],
           [1, 1, 1, 1, 1, 1],
           [1, 1, 1, 1, 1, 1]])
    """

    rate: float  # share of images, 0 to 1
    corners: tuple[int, int] = (5, 8)  # least and greatest n
    task: ClassVar[str] = "segmentation"

    def __post_init__(self) -> None:
        check_share("rate", self.rate)
        check_range("corners", self.corners, least=3)

    def draw(self, mask: Mask, rng: np.random.Generator) -> tuple[Mask, dict[str, Any]]:
        """[K, H, W], and the number of corners"""
        corners = int(rng.integers(self.corners[0], self.corners[1], endpoint=True))
        return np.stack([coarse(plane, corners) for plane in mask]), {"corners": corners}


def coarse(plane: Plane, corners: int) -> Plane:
    """[H, W] every connected part of `plane` as a polygon with at most so many corners."""
    given = np.zeros_like(plane)
    parts, _ = ndimage.label(plane)
    for number, box in enumerate(ndimage.find_objects(parts), start=1):
        part = ndimage.binary_fill_holes(parts[box] == number)
        way = outline(part)
        given[box] |= part if len(way) <= corners else filled(simplified(way, corners), part.shape)
    return given


def outline(part: Plane) -> Corners:
    """[M, 2] the corners of a connected part without holes, in their order around it.

    >>> outline(np.array([[True, True]])).tolist()
    [[0.0, 0.0], [0.0, 2.0], [1.0, 2.0], [1.0, 0.0]]
    """
    padded = np.pad(part, 1)
    steps: dict[
        tuple[int, int], tuple[int, int]
    ] = {}  # corner -> next corner, with the part on the right-hand side
    for (down, right), (start, end) in SIDES.items():
        free = part & ~padded[1 + down : padded.shape[0] - 1 + down, 1 + right : padded.shape[1] - 1 + right]
        at = np.argwhere(free)
        steps.update(zip(map(tuple, at + start), map(tuple, at + end), strict=True))
    way = [next(iter(steps))]
    while (following := steps[way[-1]]) != way[0]:
        way.append(following)
    points = np.array(way, dtype=np.float64)
    turns = np.roll(points, -1, 0) - points != points - np.roll(points, 1, 0)
    return np.asarray(points[turns.any(1)])


SIDES = {  # the neighbour that is outside -> (start, end) of the side towards it, clockwise
    (-1, 0): ((0, 0), (0, 1)),
    (0, 1): ((0, 1), (1, 1)),
    (1, 0): ((1, 1), (1, 0)),
    (0, -1): ((1, 0), (0, 0)),
}


def simplified(points: Corners, corners: int) -> Corners:
    """[corners, 2] those of the points [M, 2], M >= corners >= 2, that stand out most, in their order.

    >>> simplified(np.array([[0.0, 0.0], [0.0, 8.0], [1.0, 8.0], [4.0, 4.0], [1.0, 0.0]]), 3).tolist()
    [[0.0, 0.0], [1.0, 8.0], [4.0, 4.0]]
    """
    first = _farthest(points, (points.min(0) + points.max(0)) / 2)
    points = np.roll(points, -first, 0)
    chosen = sorted({0, _farthest(points, points[0])})
    while len(chosen) < corners:
        off = np.full(len(points), -1.0)  # from the side of the polygon
        for start, end in zip(chosen, [*chosen[1:], len(points)], strict=True):
            between = points[start + 1 : end]
            off[start + 1 : end] = _from_side(between, points[start], points[end % len(points)])
        chosen = sorted([*chosen, int(off.argmax())])
    return points[chosen]


def _farthest(points: Corners, place: Corners) -> int:
    return int(((points - place) ** 2).sum(1).argmax())


def _from_side(points: Corners, start: Corners, end: Corners) -> np.ndarray[Any, np.dtype[np.float64]]:
    """[M] squared distance of points [M, 2] to the line from `start` to `end`, which is longer than 0."""
    side = end - start
    along = (((points - start) @ side) / (side @ side)).clip(0.0, 1.0)
    return np.asarray(((points - start - along[:, None] * side) ** 2).sum(1))


def filled(points: Corners, shape: tuple[int, ...]) -> Plane:
    """[H, W] pixels whose centre lies inside the polygon: an odd number of its sides are left of it."""
    y, x = np.arange(shape[0]) + 0.5, np.arange(shape[1]) + 0.5
    inside = np.zeros(shape, dtype=np.bool_)
    for (y0, x0), (y1, x1) in zip(points, np.roll(points, -1, 0), strict=True):
        if y0 == y1:
            continue
        rows = (y >= min(y0, y1)) & (y < max(y0, y1))
        crossing = x0 + (y[rows] - y0) * (x1 - x0) / (y1 - y0)
        inside[rows] ^= x > crossing[:, None]
    return inside
