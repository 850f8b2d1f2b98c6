"""Run lengths as Label Studio packs them (the scheme of thi.ng/rle-pack): of red, green, blue and alpha, pixel by
pixel in rows, so four values a pixel; alpha, the fourth, is the mask.

32 bits: how many values; 5 bits: bits of a value - 1; four times 4 bits: bits of a length - 1, in four sizes. Then
runs: 1 bit, whether one value is repeated; 2 bits, which of the four sizes; the length - 1; the value, or all values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from overread.rle.runs import BadRuns, runs_of

Array = np.ndarray[Any, np.dtype[Any]]
WORD = 8  # bits of a value
SIZES = (3, 4, 8, 16)  # bits of a length
CHANNELS = 4


def encode(mask: Array) -> list[int]:
    """The bytes of a mask [H, W]: all four values of a pixel are 255 or 0.

    >>> encode(np.ones((1, 1)))
    [0, 0, 0, 4, 57, 27, 252, 127, 224]
    """
    flat = np.asarray(mask, bool).ravel()
    head = (
        _bits(flat.size * CHANNELS, 32) + _bits(WORD - 1, 5) + "".join(_bits(size - 1, 4) for size in SIZES)
    )
    parts = [head]
    for place, length in enumerate(runs_of(flat)):
        rest = length * CHANNELS
        while rest:
            size = next((k for k, bits in enumerate(SIZES) if rest <= 1 << bits), len(SIZES) - 1)
            now = min(rest, 1 << SIZES[size])
            parts.append(f"1{_bits(size, 2)}{_bits(now - 1, SIZES[size])}{_bits(255 * (place % 2), WORD)}")
            rest -= now
    text = "".join(parts)
    text += "0" * (-len(text) % 8)
    return np.packbits(np.frombuffer(text.encode(), np.uint8) - 48).tolist()


def decode(rle: Sequence[int], size: tuple[int, int]) -> Array:
    """bool [H, W] of the bytes of a mask of this `size`: where alpha is 128 or more. Raises `BadRuns`."""
    try:
        stream = _Stream(bytes(rle))
    except (TypeError, ValueError):
        raise BadRuns("is no list of bytes") from None
    height, width = size
    count = stream.read(32)
    if count != height * width * CHANNELS:
        raise BadRuns(f"holds {count:,} values; {height} x {width} pixels have {height * width * CHANNELS:,}")
    word = stream.read(5) + 1
    lengths = [stream.read(4) + 1 for _ in range(4)]
    values = np.empty(count, np.uint32)
    at = 0
    while at < count:
        repeated = stream.read(1)
        end = at + 1 + stream.read(lengths[stream.read(2)])
        if end > count:
            raise BadRuns("has more runs than pixels")
        values[at:end] = stream.read(word) if repeated else [stream.read(word) for _ in range(end - at)]
        at = end
    alpha = values.reshape(height, width, CHANNELS)[..., 3]
    return np.asarray(alpha >= 1 << (word - 1))


def _bits(number: int, width: int) -> str:
    return format(number, f"0{width}b")


class _Stream:
    """Bits, the highest of a byte first."""

    def __init__(self, data: bytes) -> None:
        self.text, self.at = "".join(format(byte, "08b") for byte in data), 0

    def read(self, width: int) -> int:
        part = self.text[self.at : self.at + width]
        if len(part) < width:
            raise BadRuns("is truncated: its end is missing")
        self.at += width
        return int(part, 2)
