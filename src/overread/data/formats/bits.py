"""Frames of one bit a pixel, as DICOM segmentations hold them: packed without a gap, also between frames."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.data.faults import BadImage
from overread.data.formats.shelf import Shelf

Array = np.ndarray[Any, np.dtype[Any]]
PLAIN = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99")  # little endian, as it is
_packed: Shelf[Array] = Shelf(lambda found: found.nbytes)


def is_packed(found: Any, syntax: str) -> bool:
    """Whether a data set holds its pixels so: by one bit, and not compressed."""
    return found.get("BitsAllocated") == 1 and syntax in PLAIN


def packed_frame(path: str, found: Any, frame: int) -> Array:
    """uint8 [H, W], 0 or 1. (pydicom 3.0.2 refuses a frame that begins and ends within bytes.)"""
    height, width = int(found.Rows), int(found.Columns)
    return unpacked(_packed.get(path, lambda: _bytes_of(path)), frame, (height, width))


def unpacked(packed: Array, frame: int, size: tuple[int, int]) -> Array:
    """Frame number `frame`, the first bit of a byte being its lowest.

    >>> unpacked(np.array([0b10110001, 0b1], np.uint8), 2, (1, 3)).tolist()
    [[0, 1, 1]]
    """
    count = size[0] * size[1]
    first, last = frame * count, (frame + 1) * count
    bits = np.unpackbits(packed[first // 8 : -(-last // 8)], bitorder="little")[first % 8 :][:count]
    if len(bits) < count:
        raise BadImage("", "the file is truncated: its end is missing")
    return np.asarray(bits.reshape(size))


def _bytes_of(path: str) -> Array:
    from pydicom import dcmread

    data = dcmread(path, force=True, specific_tags=["PixelData"]).get("PixelData")
    if data is None:
        raise BadImage("", "holds no picture (no pixel data)")
    return np.frombuffer(data, np.uint8)
