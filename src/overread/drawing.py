"""Pictures for people: an image with the outlines of masks on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion

from overread.data.images import decode

Array = np.ndarray[Any, np.dtype[Any]]
Colour = tuple[int, int, int]
GIVEN, PREDICTED = (240, 106, 76), (72, 176, 240)  # RGB; style.css has the same, --drawn-given, --drawn-ours
LINE = 2  # pixels


def canvas(source: Path | Array, size: tuple[int, int], side: int) -> Array:
    """An image as uint8 [h, w, 3] whose longer side is `side`; `size` is its own height and width."""
    height, width = (max(1, round(side * one / max(size))) for one in size)
    square = Image.fromarray(decode(source, side))
    return np.array(square.resize((width, height), Image.Resampling.BILINEAR))


def outline(mask: Array, line: int = LINE) -> Array:
    """[H, W] the pixels of a mask that lie within `line` of its border; at the edge of the image too.

    >>> outline(np.ones((3, 3), bool), line=1).astype(int).tolist()
    [[1, 1, 1], [1, 0, 1], [1, 1, 1]]
    """
    return np.asarray(mask & ~binary_erosion(mask, iterations=line))


def stretched(mask: Array, size: tuple[int, int]) -> Array:
    """A mask [H, W] at another size, cut at one half."""
    picture = Image.fromarray(np.asarray(mask, np.uint8) * np.uint8(255))
    return np.asarray(picture.resize((size[1], size[0]), Image.Resampling.BILINEAR)) >= 128


def draw_outlines(picture: Array, masks: Array, colour: Colour) -> None:
    """Draws the outlines of masks [K, h, w] onto a picture [h, w, 3]."""
    for mask in masks:
        picture[outline(mask)] = colour
