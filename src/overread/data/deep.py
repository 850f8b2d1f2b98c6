"""Images with more than 8 bits: 16-bit colour, integers, floats, and TIFF that Pillow cannot read."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin

Array = np.ndarray[Any, np.dtype[Any]]
Pixels = np.ndarray[Any, np.dtype[np.uint8]]

TIFF_BEGINNINGS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
OTHER_BYTE = {
    "B": "L",
    "L": "B",
    "N": "B",
}  # the raw mode that takes the low byte where this one takes the high
BITS, PHOTOMETRIC, PLANES = 258, 262, 284  # tags of TIFF
ROWS = 512


class Unfit(ValueError):
    """The data are in order but are not one picture; the message is for the user."""


class UnknownLayout(ValueError):
    """Pillow opened the file and cannot arrange its values."""


def to_uint8(values: Array) -> Pixels:
    """Values of any number type scaled from their own least..greatest finite value to 0..255.

    >>> to_uint8(np.array([[100, 4100], [2100, 100]], dtype=np.uint16)).tolist()
    [[0, 255], [128, 0]]
    """
    if values.dtype.kind not in "buif" or not values.size:
        raise Unfit(
            f"numbers of the type {values.dtype} are not an image"
            if values.size
            else "the image has no pixels"
        )
    least, greatest = _range(values)
    whole = np.zeros(values.shape, dtype=np.uint8)
    for row in range(0, len(values), ROWS) if greatest > least else ():  # in strips, to spare the memory
        strip = values[row : row + ROWS].astype(np.float32 if values.dtype.itemsize < 4 else np.float64)
        scaled = (np.nan_to_num(strip, nan=least) - least) / (greatest - least)
        whole[row : row + ROWS] = np.clip(scaled, 0.0, 1.0) * 255.0 + 0.5
    return whole


def _range(values: Array) -> tuple[float, float]:
    """The least and the greatest finite value."""
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
        if not values.size:
            raise Unfit("the image has no finite value")
    return float(values.min()), float(values.max())


def load(image: ImageFile.ImageFile) -> None:
    """Loads the picture. Raises `UnknownLayout` for planes of a TIFF that Pillow cannot arrange."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        image.load()
        return
    if image.tag_v2.get(PLANES) == 2 and max(image.tag_v2.get(BITS, (8,))) > 8:
        raise UnknownLayout("planes of more than 8 bits, whose bytes Pillow would take for values")
    try:
        image.load()
    except ValueError as error:
        raise UnknownLayout(str(error)) from error


def has_deep_colour(image: ImageFile.ImageFile) -> bool:
    """Whether Pillow would drop the low byte of 16-bit colour."""
    return image.mode in ("RGB", "RGBA") and any(";16" in _raw_mode(tile) for tile in image.tile)


def colour(image: ImageFile.ImageFile, again: ImageFile.ImageFile) -> Array:
    """The full 16 bits [H, W, 3] of a colour image that is opened twice; transparent parts become black.

    Pillow keeps one byte of each 16-bit value, the first or the second as the raw mode of the tile says: the
    second reading asks for the byte that the first one drops.
    """
    again.tile = [_other_byte(tile) for tile in again.tile]
    high = np.asarray(image).astype(np.uint16)
    try:
        low = np.asarray(again).astype(np.uint16)
    except ValueError:  # grey with alpha: no raw mode for the low byte
        low = np.zeros_like(high)
    whole = high << 8 | low  # [H, W, 3 or 4]
    if whole.shape[2] == 3:
        return whole
    alpha = whole[..., 3:].astype(np.float32) / 65535.0
    return whole[..., :3] * alpha


def white_is_zero(image: Image.Image) -> bool:
    """Whether a TIFF counts from white to black."""
    return isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(PHOTOMETRIC) == 0


def read_tiff(data: bytes, limit: int) -> Array:
    """[H, W] or [H, W, 3] from a TIFF, by tifffile. Raises `Unfit` where it is no single image."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        shape = page.shape
        if np.prod(shape[:2], dtype=np.int64) > limit or np.prod(shape, dtype=np.int64) > 4 * limit:
            raise Unfit(f"{shape} pixels are beyond the limit of {limit:,}")
        if len(file.pages) > 1 and file.pages[1].shape == shape:
            raise Unfit(f"holds {len(file.pages)} pages; one image a file is expected")
        values = page.asarray()
        inverted = page.photometric == 0
    if values.ndim == 3 and values.shape[0] in (3, 4) and values.shape[2] not in (3, 4):
        values = np.moveaxis(values, 0, -1)  # planes one after the other
    if values.ndim == 3 and values.shape[2] in (3, 4):
        return np.asarray(values[..., :3])
    if values.ndim != 2:
        raise Unfit(f"has the shape {list(values.shape)}; grey [H, W] or colour [H, W, 3] is expected")
    return np.asarray(values.max() - values if inverted else values)


def _raw_mode(tile: Any) -> str:
    return tile.args if isinstance(tile.args, str) else str((tile.args or ("",))[0])


def _other_byte(tile: Any) -> Any:
    mode = _raw_mode(tile)
    other = mode[:-1] + OTHER_BYTE[mode[-1]]
    return tile._replace(args=other if isinstance(tile.args, str) else (other, *tile.args[1:]))
