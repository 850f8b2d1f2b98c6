"""Masks drawn too small or too large: erosion and dilation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from scipy import ndimage

from overread.noise.labels import check_share
from overread.noise.masks import Mask, Plane, check_range, scale_of

Element = Literal["disk", "cross", "square"]
METRICS = {"cross": "taxicab", "square": "chessboard"}


@dataclass(frozen=True)
class ErodeDilate:
    r"""All structures of an image are eroded, or all are dilated, by one radius:

        n ~ uniform on {low, ..., high},    r = n * sqrt(H W) / 256
        dilated = {p : d(p, M) <= r},       eroded = {p in M : d(p, not M) > r}

    with d(p, S) the distance from pixel p to the nearest pixel of S, between their centres. It is
    Euclidean for the element `disk`; |dy| + |dx| for `cross` and max(|dy|, |dx|) for `square`, where r is
    rounded to a whole number: these two equal r iterations of a 3 x 3 element of that form.

    Beyond the border nothing is known: a structure that the border cuts is not eroded from there, and what
    dilation pushes over it is lost. A structure that is thinner than 2r is empty after erosion, an empty one
    stays empty.

    Sources: Zhu et al. 2019 (P5), disks, 1-8 and 5-13 pixels at 256 x 256; P2, 5-15 iterations of a 3 x 3
    element. Both draw erosion or dilation with equal chance.

    >>> mask = np.zeros((1, 256, 256), bool)
    >>> mask[0, 100:110, 100:110] = True
    >>> given, what = ErodeDilate(1.0, (2, 2), "erode").draw(mask, np.random.default_rng(0))
    >>> int(given.sum()), what
    (36, {'direction': 'erode', 'pixels': 2, 'mask_pixels': 2.0})
    """

    rate: float  # share of images, 0 to 1
    pixels: tuple[int, int] = (5, 13)  # least and greatest n, in pixels as at 256 x 256
    direction: Literal["both", "erode", "dilate"] = "both"
    element: Element = "disk"
    task: ClassVar[str] = "segmentation"

    def __post_init__(self) -> None:
        check_share("rate", self.rate)
        check_range("pixels", self.pixels)

    def draw(self, mask: Mask, rng: np.random.Generator) -> tuple[Mask, dict[str, Any]]:
        """[K, H, W], and the direction with n as drawn and as pixels of this mask"""
        pixels = int(rng.integers(self.pixels[0], self.pixels[1], endpoint=True))
        coin = ("erode", "dilate")[int(rng.integers(2))]
        direction = coin if self.direction == "both" else self.direction
        radius = pixels * scale_of(mask)
        radius = radius if self.element == "disk" else float(round(radius))
        change = eroded if direction == "erode" else dilated
        given = np.stack([change(plane, radius, self.element) for plane in mask])
        return given, {"direction": direction, "pixels": pixels, "mask_pixels": radius}


def eroded(plane: Plane, radius: float, element: Element = "disk") -> Plane:
    """[H, W] pixels of `plane` that have none outside it within `radius`."""
    if plane.all():
        return plane.copy()
    return np.asarray(plane & (_distance(plane, element) > radius))


def dilated(plane: Plane, radius: float, element: Element = "disk") -> Plane:
    """[H, W] pixels that have one of `plane` within `radius`."""
    return ~eroded(~plane, radius, element)


def _distance(plane: Plane, element: Element) -> np.ndarray[Any, Any]:
    """[H, W] from each pixel of `plane` to the nearest one outside it; 0 outside."""
    if element == "disk":
        return np.asarray(ndimage.distance_transform_edt(plane))
    return np.asarray(ndimage.distance_transform_cdt(plane, metric=METRICS[element]))
