"""Decodes one mask file to the numbers that were drawn into it, and says what kind of numbers they are.

Numbers are taken as they stand: a palette's indices, 0/1, 0/255, 16 bits. Nothing is scaled.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from overread.data import deep
from overread.data.contents import read_mask_file
from overread.data.faults import BadImage, told
from overread.data.formats import arrays
from overread.data.images import FORMATS, TURNS, gate, orientation, refuse_stack, tiff_of
from overread.data.silence import silenced, without_pixel_limit

Array = np.ndarray[Any, np.dtype[Any]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]

LOSSY = ("JPEG", "MPO", "JPEG2000", "WEBP")
STRIP = 512  # rows
TINT = 16  # how far the channels of a grey picture may lie apart after lossy compression
COLOURED = (
    "is a coloured picture: it is not known which colour is which structure. Save it as an indexed mask (a "
    "palette, or grey with one number a structure), or as one file a structure"
)


@dataclass(frozen=True)
class MaskPicture:
    """The numbers in a mask file."""

    values: Array  # [H, W] integers, 0 or more
    counts: dict[int, int]  # how many pixels have each number, in order of the numbers
    lossy: bool = False  # its format may change numbers
    palette: bool = False  # the numbers are indices of a palette

    @property
    def half(self) -> int:
        """Half of full scale: where a grey mask is cut."""
        return 128 if max(self.counts) < 256 else 32768

    @property
    def is_grey(self) -> bool:
        """Whether it holds other numbers than 0 and one more, so that it has to be cut at half."""
        drawn = [value for value in self.counts if value]
        return len(drawn) > 1 or (self.lossy and any(value < self.half for value in drawn))

    def drawn(self, value: int | None = None) -> Bools:
        """[H, W] where `value` stands; without one whatever is not background: not 0, or half and above."""
        if value is not None:
            return np.equal(self.values, value)
        return np.greater_equal(self.values, self.half if self.is_grey else 1)


def read_mask(path: str | Path, name: str) -> MaskPicture:
    """The mask in a file; `name` is for the message. Raises `BadImage`."""
    return mask_of_bytes(read_mask_file(path, name), name)


def mask_of_bytes(data: bytes, name: str) -> MaskPicture:
    """The mask in the bytes of a file; `name` is for the message. Raises `BadImage`."""
    if not data:
        raise BadImage(name, "the file is empty (0 bytes)")
    with silenced(), told(name):
        return _decode(data)


def _decode(data: bytes) -> MaskPicture:
    if data.startswith(arrays.MAGIC):
        values = arrays.from_bytes(data)
        return _picture(values if values.ndim == 2 else _one_channel(values, False), False, False)
    try:
        with without_pixel_limit():
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        return _with_tifffile(data)
    with gate(image):
        refuse_stack(image)
        try:
            deep.load(image)
        except deep.UnknownLayout:
            return _with_tifffile(data)
        lossy, palette = image.format in LOSSY, image.mode in ("P", "PA")
        turn = TURNS.get(orientation(image))
        upright = image if turn is None else image.transpose(turn)
        return _picture(_numbers(upright, lossy), lossy, palette)


def _with_tifffile(data: bytes) -> MaskPicture:
    values = tiff_of(data)
    return _picture(values if values.ndim == 2 else _one_channel(values, False), False, False)


def _picture(values: Array, lossy: bool, palette: bool) -> MaskPicture:
    whole = _whole_numbers(values)
    return MaskPicture(whole, _counts(whole), lossy, palette)


def _numbers(image: Image.Image, lossy: bool) -> Array:
    """[H, W] the numbers of a picture of any mode."""
    if image.mode in ("1", "L", "I", "F") or image.mode.startswith("I;16"):
        return np.asarray(image)
    if image.mode in ("P", "PA"):
        return _indices(image)
    if image.mode in ("LA", "La", "RGBA", "RGBa"):  # as for images: transparent parts are black
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, (0, 0, 0, 255)), layer)
    return _one_channel(np.asarray(image.convert("RGB")), lossy)


def _indices(image: Image.Image) -> Array:
    """The indices of a palette; of one that is but black and white, black is 0 whichever index it has."""
    indices = np.asarray(image if image.mode == "P" else image.getchannel(0))
    colours = np.array(image.getpalette("RGB") or [0] * 3, np.uint8).reshape(-1, 3)
    used = [index for index in _counts(indices) if index < len(colours)]
    if sorted(map(tuple, colours[used].tolist())) == [(0, 0, 0), (255, 255, 255)]:
        return np.asarray(colours[np.minimum(indices, len(colours) - 1), 0])
    return indices


def _one_channel(colour: Array, lossy: bool) -> Array:
    """[H, W] of [H, W, 3] whose channels are alike."""
    least, most = colour.min(axis=2), colour.max(axis=2)
    if (most.astype(np.int64) - least > (TINT if lossy else 0)).any():
        raise BadImage("", COLOURED)
    return np.asarray(most)


def _whole_numbers(values: Array) -> Array:
    """Integers of 0 and above; floats between 0 and 1 become 0..255."""
    if values.dtype == np.bool_:
        return values.astype(np.uint8)
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise BadImage("", "holds numbers that are not finite")
        fraction = (values != np.round(values)).any()
        values = np.round(values * 255 if fraction and values.max() <= 1 else values).astype(np.int64)
    if not values.size:
        raise BadImage("", "has no pixels")
    if values.min() < 0:
        raise BadImage(
            "", f"holds negative numbers (down to {values.min()}); a mask is 0 where nothing is drawn"
        )
    return values


def _counts(values: Array) -> dict[int, int]:
    """How many pixels have each number."""
    most = int(values.max())
    if most >= 65536:
        numbers, counts = np.unique(values, return_counts=True)
        return dict(zip(numbers.tolist(), counts.tolist(), strict=True))
    total = np.zeros(most + 1, np.int64)
    for row in range(0, len(values), STRIP):  # in strips, to spare the memory
        total += np.bincount(values[row : row + STRIP].ravel(), minlength=most + 1)
    return {int(value): int(total[value]) for value in np.flatnonzero(total)}
