"""Images for the browser: pixels re-encoded as PNG, never the file. Deep ones (over 8 bits) also as 16-bit values."""

from __future__ import annotations

import gzip
import io
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import numpy as np
from PIL import Image

from overread.data import deep
from overread.data.address import split_address
from overread.data.contents import values_of_part
from overread.data.images import SIDEWAYS, orientation, read_file, told
from overread.data.silence import silenced, without_pixel_limit
from overread.data.values import values_of
from overread.reviewing.source import Source

Array = np.ndarray[Any, np.dtype[Any]]
LONGEST = 4096  # pixels of the longer side that are sent
KEPT = 96 << 20  # bytes of encoded pictures that stay in memory


@dataclass(frozen=True)
class Picture:
    """An image as it is sent."""

    png: bytes
    width: int
    height: int
    full_width: int
    full_height: int
    low: float
    high: float
    raw: bytes | None = None  # deep grey: gzip of uint16, little endian

    @property
    def size(self) -> int:
        return len(self.png) + len(self.raw or b"")


class Kept:
    """The newest results of slow work, up to so many bytes."""

    def __init__(self, limit: int = KEPT) -> None:
        self._limit, self._size, self._lock = limit, 0, Lock()
        self._all: OrderedDict[object, tuple[Any, int]] = OrderedDict()

    def get(self, key: object, make: Callable[[], Any], size_of: Callable[[Any], int]) -> Any:
        """What is kept under `key`, made where it is not there."""
        with self._lock:
            if key in self._all:
                self._all.move_to_end(key)
                return self._all[key][0]
        made = make()
        size = size_of(made)
        with self._lock:
            if key not in self._all:
                self._all[key] = made, size
                self._size += size
            while self._size > self._limit and len(self._all) > 1:
                self._size -= self._all.popitem(last=False)[1][1]
        return made


class Images:
    """The images of a run by row."""

    def __init__(self, source: Source) -> None:
        self._source, self._kept, self._facts = source, Kept(), Kept(4 << 20)

    def picture(self, row: int, longest: int = LONGEST) -> Picture:
        """An image, its longer side at most `longest`. Raises `BadImage`."""
        found: Picture = self._kept.get(
            (row, longest), lambda: self._made(row, longest), lambda one: one.size
        )
        return found

    def window(self, row: int) -> list[float] | None:
        """[centre, width] of grey that the data set names for an image."""
        told = split_address(self._source.images[row])[1].get("window", "")
        return [float(number) for number in told.split(":")] if told else None

    def facts(self, row: int) -> Picture:
        """An image without its pixels: from the header of the file where that is enough, which is quick."""
        return self._facts.get(row, lambda: self._probed(row), lambda _: 200)  # type: ignore[no-any-return]

    def _probed(self, row: int) -> Picture:
        path = self._source.images[row]
        if (size := plain_size(path)) is not None:
            width, height = sent_size(size, LONGEST)
            return Picture(b"", width, height, *size, 0.0, 255.0)
        found = self.picture(row)
        return replace(found, png=b"", raw=None if found.raw is None else b"")

    def _made(self, row: int, longest: int) -> Picture:
        path = self._source.images[row]
        name = f"image {row}"
        with silenced(), told(name):
            pixels = values_of_part(path, name) if longest == LONGEST else None  # before any window
            return encoded(values_of(read_file(path, name)) if pixels is None else pixels, longest)


def plain_size(path: str) -> tuple[int, int] | None:
    """(width, height) of a picture of 8 bits, by its header; None of what must be decoded to be known."""
    try:
        with (
            silenced(),
            without_pixel_limit(),
            Image.open(path, formats=("JPEG", "PNG", "BMP", "WEBP")) as image,
        ):
            if image.mode not in ("L", "RGB", "P", "LA", "RGBA", "1") or deep.has_deep_colour(image):
                return None
            width, height = image.size
            return (height, width) if orientation(image) in SIDEWAYS else (width, height)
    except Exception:  # a broken file makes Pillow raise nearly anything; decoding it says what is wrong
        return None


def encoded(values: Array, longest: int) -> Picture:
    """Values as a picture to send."""
    height, width = values.shape[:2]
    is_deep = values.dtype != np.uint8
    low, high = range_of(values) if is_deep else (0.0, 255.0)
    shown = shrunk(
        Image.fromarray(np.ascontiguousarray(deep.to_uint8(values) if is_deep else values)), longest
    )
    raw = (
        raw_of(values, low, high, shown.size) if is_deep and values.ndim == 2 and longest == LONGEST else None
    )
    return Picture(png_of(shown), *shown.size, width, height, low, high, raw)


def range_of(values: Array) -> tuple[float, float]:
    """The least and the greatest finite value."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def raw_of(values: Array, low: float, high: float, size: tuple[int, int]) -> bytes:
    """round((v - low) / (high - low) * 65535) as uint16 in rows, compressed; at the size that is shown."""
    span = (high - low) or 1.0
    wide = np.clip((np.nan_to_num(values.astype(np.float64), nan=low) - low) / span, 0.0, 1.0)
    if values.shape != (size[1], size[0]):
        small = Image.fromarray(wide.astype(np.float32)).resize(size, Image.Resampling.BOX)
        wide = np.clip(np.asarray(small), 0.0, 1.0)
    return gzip.compress(np.round(wide * 65535.0).astype("<u2").tobytes(), compresslevel=1)


def shrunk(image: Image.Image, longest: int) -> Image.Image:
    """The picture with its longer side at most `longest`."""
    size = sent_size(image.size, longest)
    if size == image.size:
        return image
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0)


def sent_size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """(width, height) with the longer side at most `longest`."""
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def png_of(image: Image.Image) -> bytes:
    """A PNG of the pixels of an array: so no text, no EXIF, no profile."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()
