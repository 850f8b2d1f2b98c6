"""The masks that noise is drawn on, and what all noises of masks share.

A mask noise is a frozen dataclass with `rate`, the share of images that get it, and its own fields. Lengths are
in pixels of an image with sides of 256 and are scaled to each mask, so that a noise means the same at every size.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Protocol

import numpy as np
from scipy import ndimage

from overread.data.manifest import Ints
from overread.errors import InputError

Mask = np.ndarray[Any, np.dtype[np.bool_]]  # [K, H, W]: structure k is drawn at a pixel, or not
Plane = np.ndarray[Any, np.dtype[np.bool_]]  # [H, W]
SIDE = 256  # the side of the image that lengths are told for


class MaskNoise(Protocol):
    """What every noise of masks can do; a user's own needs nothing more."""

    task: ClassVar[str]  # "segmentation"
    rate: float  # share of images that get it

    def draw(self, mask: Mask, rng: np.random.Generator) -> tuple[Mask, dict[str, Any]]:
        """A wrong mask [K, H, W], and what was drawn, as JSON can hold it. `mask` stays as it is.

        Structures are told by their numbers under the key `structures`; who writes it down puts their names.
        """
        ...


def scale_of(mask: Mask) -> float:
    """How many pixels of the mask one pixel of a 256 x 256 image is: sqrt(H W) / 256.

    >>> scale_of(np.zeros((1, 512, 512), bool))
    2.0
    """
    height, width = mask.shape[-2:]
    return math.sqrt(height * width) / SIDE


def picked(count: int, rate: float, rng: np.random.Generator) -> Ints:
    """Rows of exactly round(rate * count) images, each at most once, ascending.

    With equal `rng` those of a lower rate are among those of a higher one.
    """
    return np.sort(rng.permutation(count)[: round(rate * count)]).astype(np.int64)


def corrupted(
    mask: Mask, noise: MaskNoise, rng: np.random.Generator, exclusive: bool = False
) -> tuple[Mask, dict[str, Any]]:
    """A wrong mask [K, H, W] and what was drawn; where structures exclude each other, they go on doing so."""
    given, what = noise.draw(mask, rng)
    if given.dtype != np.bool_ or given.shape != mask.shape:
        raise InputError(
            f"{type(noise).__name__}.draw returned {given.dtype} {given.shape}, expected bool {mask.shape}."
        )
    return disjoint(given, mask) if exclusive else given, what


def disjoint(drawn: Mask, before: Mask) -> Mask:
    """[K, H, W] `drawn` with no pixel in two structures, for structures that exclude each other.

    A pixel that several structures claim goes to the one whose mask lay nearest before the noise, on ties to the
    earlier one. So a structure keeps what it had, and dilation takes from the background alone.

    >>> before = np.array([[[1, 0, 0, 0]], [[0, 0, 1, 1]]], bool)
    >>> disjoint(np.array([[[1, 1, 1, 0]], [[0, 1, 1, 1]]], bool), before).astype(int).tolist()
    [[[1, 1, 0, 0]], [[0, 0, 1, 1]]]
    """
    contested = drawn.sum(0) > 1  # [H, W]
    if not contested.any():
        return drawn
    far = np.stack([distance_to(plane) for plane in before])  # [K, H, W]
    far[~drawn] = np.inf
    keeper = far.argmin(0)  # [H, W]
    return np.asarray(drawn & (~contested | (np.arange(len(drawn))[:, None, None] == keeper)))


def distance_to(plane: Plane) -> np.ndarray[Any, np.dtype[np.float64]]:
    """[H, W] Euclidean distance of each pixel to the nearest one in `plane`; H + W where there is none."""
    if not plane.any():
        return np.full(plane.shape, float(sum(plane.shape)))
    return np.asarray(ndimage.distance_transform_edt(~plane), dtype=np.float64)


def dice(given: Mask, true: Mask) -> list[float]:
    """[K] 2 |given and true| / (|given| + |true|) of each structure; empty against empty is 1.

    >>> dice(np.array([[[1, 1, 0]], [[0, 0, 0]]], bool), np.array([[[0, 1, 0]], [[0, 0, 0]]], bool))
    [0.6666666666666666, 1.0]
    """
    both = (given & true).sum((1, 2))
    sizes = given.sum((1, 2)) + true.sum((1, 2))
    return [2.0 * int(b) / int(s) if s else 1.0 for b, s in zip(both, sizes, strict=True)]


def check_range(name: str, values: tuple[float, float], least: float = 0) -> None:
    """Refuses a range that is not least <= low <= high."""
    low, high = values
    if not least <= low <= high < math.inf:
        raise InputError(
            f"{name} is a range LOW,HIGH with {least} <= LOW <= HIGH (5,13; for one value twice the same: 5,5), "
            f"got {low},{high}."
        )
