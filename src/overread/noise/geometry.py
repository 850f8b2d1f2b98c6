"""Masks in the wrong place: shifted as a whole, or with a boundary that sways."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import ndimage

from overread.errors import InputError
from overread.noise.labels import check_share
from overread.noise.masks import SIDE, Mask, Plane, check_range, scale_of

Field = np.ndarray[Any, np.dtype[np.float64]]
CELL = 2  # pixels, as at 256 x 256: the grid on which elastic fields are drawn


@dataclass(frozen=True)
class Shift:
    r"""All structures of an image lie off by one vector, as if mask and image had come out of step:

        given(p) = true(p - v),    v = l (sin a, cos a) * sqrt(H W) / 256, rounded to whole pixels,
        l ~ uniform on [low, high],    a ~ uniform on [0, 2 pi).

    Beyond the border the mask is taken to go on as its outermost pixels: a structure that the border cuts
    stays open there. Source: ours.

    >>> mask = np.zeros((1, 256, 256), bool)
    >>> mask[0, 100, 100] = True
    >>> given, what = Shift(1.0, (5.0, 5.0)).draw(mask, np.random.default_rng(0))
    >>> (np.argwhere(given[0]) - 100).tolist() == [[what["down"], what["right"]]]
    True
    """

    rate: float  # share of images, 0 to 1
    pixels: tuple[float, float] = (5.0, 13.0)  # least and greatest length, in pixels as at 256 x 256
    task: ClassVar[str] = "segmentation"

    def __post_init__(self) -> None:
        check_share("rate", self.rate)
        check_range("pixels", self.pixels)

    def draw(self, mask: Mask, rng: np.random.Generator) -> tuple[Mask, dict[str, Any]]:
        """[K, H, W], and the length as drawn with the vector in pixels of this mask"""
        length, angle = rng.uniform(*self.pixels), rng.uniform(0.0, 2.0 * math.pi)
        down, right = (round(length * scale_of(mask) * part(angle)) for part in (math.sin, math.cos))
        return moved(mask, down, right), {"pixels": round(length, 2), "down": down, "right": right}


@dataclass(frozen=True)
class Elastic:
    r"""The boundaries of an image's structures sway, as when a hand follows them without care:

        given = {p : phi(p + u(p)) > 0},
        u = a * (G_s * e) / rms(G_s * e) * sqrt(H W) / 256,    a ~ uniform on [low, high],

    with phi the signed distance to a structure's boundary (positive inside, between pixels linear), e two
    independent fields of white noise, G_s a Gaussian of standard deviation s = `smoothness`, and rms over the image
    of the length of the vector. One u moves all structures, so that neighbours stay neighbours, and what excludes
    each other goes on doing so. Beyond the border the image is taken to go on as its outermost pixels. The field
    is drawn on a grid of 2 pixels as at 256 x 256: one draw sways an image in the same way at every size.

    The boundary folds where |du/dp| nears 1; its standard deviation is a / (2 s), so amplitudes above
    0.6 s are refused. Source: the field of Simard et al. 2003 (elastic distortions), on the mask alone.
    """

    rate: float  # share of images, 0 to 1
    amplitude: tuple[float, float] = (4.0, 8.0)  # least and greatest a: rms length, pixels as at 256 x 256
    smoothness: float = 16.0  # s, in pixels as at 256 x 256
    task: ClassVar[str] = "segmentation"

    def __post_init__(self) -> None:
        check_share("rate", self.rate)
        check_range("amplitude", self.amplitude)
        if not CELL <= self.smoothness <= SIDE:
            raise InputError(f"smoothness is {CELL} to {SIDE} pixels, got {self.smoothness}.")
        if self.amplitude[1] > 0.6 * self.smoothness:
            raise InputError(
                f"amplitude {self.amplitude[1]} tears the structures at smoothness {self.smoothness}: "
                f"it can be {0.6 * self.smoothness:.3g} at most, or raise the smoothness."
            )

    def draw(self, mask: Mask, rng: np.random.Generator) -> tuple[Mask, dict[str, Any]]:
        """[K, H, W], and the amplitude as drawn and in pixels of this mask"""
        amplitude = rng.uniform(*self.amplitude)
        length = amplitude * scale_of(mask)
        way = length * smooth_field(mask.shape[1:], self.smoothness, rng)  # [2, H, W]
        given = np.stack([bent(plane, way) for plane in mask])
        return given, {"amplitude": round(amplitude, 2), "mask_amplitude": round(length, 2)}


def moved(mask: Mask, down: int, right: int) -> Mask:
    """[K, H, W] `mask` moved by whole pixels; its outermost pixels fill what comes free."""
    height, width = mask.shape[1:]
    rows = (np.arange(height) - down).clip(0, height - 1)
    columns = (np.arange(width) - right).clip(0, width - 1)
    return mask[:, rows[:, None], columns]


def bent(plane: Plane, way: Field) -> Plane:
    """[H, W] the pixels that lie in `plane` after a step along `way` [2, H, W]."""
    if plane.all() or not plane.any():
        return plane.copy()  # it has no boundary
    signed = ndimage.distance_transform_edt(plane) - ndimage.distance_transform_edt(~plane)
    at = np.indices(plane.shape) + way
    return np.asarray(ndimage.map_coordinates(signed, at, order=1, mode="nearest") > 0.0)


def smooth_field(shape: tuple[int, ...], smoothness: float, rng: np.random.Generator) -> Field:
    """[2, H, W] vectors that change slowly from pixel to pixel; the root mean square of their length is 1."""
    side = math.sqrt(shape[0] * shape[1])
    grid = [max(2, round(SIDE / CELL * length / side)) for length in shape]  # the same at every size
    noise = rng.standard_normal((2, *grid))
    coarse = ndimage.gaussian_filter(noise, (0.0, smoothness / CELL, smoothness / CELL), mode="reflect")
    coarse /= np.sqrt((coarse**2).sum(0).mean())
    where = [(np.arange(n) + 0.5) * g / n - 0.5 for n, g in zip(shape, grid, strict=True)]
    at = np.meshgrid(*where, indexing="ij")  # the pixels' places in the grid
    return np.stack([ndimage.map_coordinates(part, at, order=1, mode="nearest") for part in coarse])
