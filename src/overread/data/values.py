"""An image at its own size and depth: the values in the bytes of its file."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from overread.data import deep
from overread.data.formats import arrays
from overread.data.images import FORMATS, TURNS, gate, grey_or_rgb, orientation, refuse_stack, tiff_of
from overread.data.silence import without_pixel_limit

Array = np.ndarray[Any, np.dtype[Any]]


def values_of(data: bytes) -> Array:
    """[H, W] or [H, W, 3] the values in the bytes of an image file, upright: uint8, or what a deep one holds."""
    if data.startswith(arrays.MAGIC):
        return arrays.from_bytes(data)
    try:
        with without_pixel_limit():
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        return tiff_of(data)
    with gate(image):
        refuse_stack(image)
        turn = TURNS.get(orientation(image))
        try:
            values = _loaded(image, data)
        except deep.UnknownLayout:
            return tiff_of(data)
    return values if turn is None else turned(values, turn)


def _loaded(image: Any, data: bytes) -> Array:
    if deep.has_deep_colour(image):
        with without_pixel_limit():
            again = Image.open(io.BytesIO(data), formats=FORMATS)
        return deep.colour(image, again)
    deep.load(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image)
        return np.asarray(values.max() - values if deep.white_is_zero(image) else values)
    return np.asarray(grey_or_rgb(image))


def turned(values: Array, turn: Image.Transpose) -> Array:
    """Upright as EXIF or TIFF say."""
    flips: dict[Image.Transpose, Callable[[Array], Array]] = {
        Image.Transpose.FLIP_LEFT_RIGHT: lambda v: v[:, ::-1],
        Image.Transpose.ROTATE_180: lambda v: v[::-1, ::-1],
        Image.Transpose.FLIP_TOP_BOTTOM: lambda v: v[::-1],
        Image.Transpose.TRANSPOSE: lambda v: v.swapaxes(0, 1),
        Image.Transpose.ROTATE_270: lambda v: np.rot90(v, -1),
        Image.Transpose.TRANSVERSE: lambda v: v[::-1, ::-1].swapaxes(0, 1),
        Image.Transpose.ROTATE_90: lambda v: np.rot90(v, 1),
    }
    return flips[turn](values)
