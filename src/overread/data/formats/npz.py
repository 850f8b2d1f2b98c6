"""The rows of the arrays in an `.npz`, each an image or a volume. Pickles are refused.

No array is held whole: what `np.savez` stored is read where it lies, what `np.savez_compressed` deflated is inflated
block by block. At the start of each block the state of the inflater is kept, so that any row costs one block.
"""

from __future__ import annotations

import math
import struct
import threading
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from overread.data.faults import BadImage
from overread.data.formats.shelf import Shelf

Array = np.ndarray[Any, np.dtype[Any]]
BLOCK = 16 << 20  # bytes that are inflated at once; a whole row where that is more
LIMIT = 2 << 30  # bytes of a row
DENSEST = 1100  # times: deflate packs no better
READ = 1 << 16  # compressed bytes at once
BROKEN = (  # what zipfile and numpy raise of archives that are none, or damaged
    *(OSError, ValueError, LookupError, EOFError, MemoryError, OverflowError, RuntimeError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)
AXES = ("axial", "coronal", "sagittal")  # of a volume: cut along its first, second, third axis


@dataclass(frozen=True)
class Point:
    """Where a block begins."""

    state: Any  # of the inflater
    at: int  # in the file: the next byte that it wants
    crc: int  # of all that came before


@dataclass
class Stack:
    """An array [N, ...] in an archive."""

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int  # in the file, of the packed array
    header: int  # bytes before the values
    packed: bool
    crc: int
    points: list[Point] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def row_bytes(self) -> int:
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def rows(self) -> int:
        """Rows of a block."""
        return max(1, BLOCK // self.row_bytes)

    @property
    def depth(self) -> int:
        """Slices of a row along each axis that volumes are cut along; 0 of pictures."""
        return 0 if self.picture_shape(self.shape[1:]) else self.shape[1]

    @staticmethod
    def picture_shape(shape: tuple[int, ...]) -> bool:
        """Whether a row of that shape is one picture: [H, W], or [H, W, C] with 1 or 3 channels."""
        return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3))

    def block(self, number: int) -> Array:
        """[rows, ...] a block. Raises `BadImage`."""
        first = number * self.rows
        count = min(self.rows, self.shape[0] - first)
        if self.packed:
            data = self._inflated(number, count)
        else:
            with open(self.path, "rb") as file:
                file.seek(self.start + self.header + first * self.row_bytes)
                data = file.read(count * self.row_bytes)
        if len(data) < count * self.row_bytes:
            raise BadImage("", "the archive is truncated: its end is missing")
        return np.frombuffer(data, self.dtype).reshape(count, *self.shape[1:])

    def _inflated(self, number: int, count: int) -> bytes:
        """The bytes of a block; the blocks before it are inflated too where no point is known there."""
        with self.lock:
            if not self.points:
                begin = Point(zlib.decompressobj(-zlib.MAX_WBITS), self.start, 0)
                self.points.append(self._after(begin, self.header)[1])
            while len(self.points) <= number:
                self.points.append(self._after(self.points[-1], self.rows * self.row_bytes)[1])
            data, after = self._after(self.points[number], count * self.row_bytes)
            if number + 1 == len(self.points):
                self.points.append(after)
        if (number + 1) * self.rows >= self.shape[0] and after.crc != self.crc:
            raise BadImage("", "the archive is damaged: its checksum is wrong")
        return data

    def _after(self, point: Point, count: int) -> tuple[bytes, Point]:
        """`count` bytes from a point on, and the point behind them."""
        state, at, parts = point.state.copy(), point.at, []
        with open(self.path, "rb") as file:
            while count > 0:
                data = state.unconsumed_tail
                if not data:
                    file.seek(at)
                    data = file.read(READ)
                    at += len(data)
                try:
                    parts.append(state.decompress(data, count))
                except zlib.error:
                    raise BadImage("", "the archive is damaged: it cannot be unpacked") from None
                count -= len(parts[-1])
                if not parts[-1] and (state.eof or not data):
                    break
        whole = b"".join(parts)
        return whole, Point(state, at, zlib.crc32(whole, point.crc))


def open_stack(path: str, array: str) -> Stack:
    """An array of an archive, from its headers alone. Raises `ValueError`, and what zipfile raises."""
    return _stacks.get(path, lambda: _open(path, array), array)


def _open(path: str, array: str) -> Stack:
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(f"{array}.npy")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
            raise ValueError(f"{array} is packed in a way that numpy does not write")
        with archive.open(info) as file:
            version = np.lib.format.read_magic(file)
            form = np.lib.format
            header = form.read_array_header_1_0 if version[0] == 1 else form.read_array_header_2_0
            shape, fortran, dtype = header(file)
            before = file.tell()
        with open(path, "rb") as whole:
            whole.seek(0, 2)
            size = whole.tell()
            whole.seek(info.header_offset + 26)
            name, extra = (int.from_bytes(whole.read(2), "little") for _ in range(2))
    found = Stack(
        path,
        shape,
        dtype,
        start=info.header_offset + 30 + name + extra,
        header=before,
        packed=info.compress_type == zipfile.ZIP_DEFLATED,
        crc=info.CRC,
    )
    _check(found, array, fortran and len(shape) > 1, info.file_size, size)
    return found


def _check(found: Stack, array: str, fortran: bool, unpacked: int, size: int) -> None:
    """Refuses what cannot be read row by row, or is not what it says."""
    what = f"{array} has the shape {list(found.shape)} and type {found.dtype}"
    if found.dtype.hasobject:
        raise ValueError(f"{array} holds pickled objects, which are refused")
    if found.dtype.kind not in "biuf" or len(found.shape) not in (3, 4, 5) or 0 in found.shape:
        raise ValueError(what)
    if len(found.shape) == 5 and found.shape[4] not in (1, 3):
        raise ValueError(what)
    if fortran:
        raise ValueError(f"{array} lies in Fortran's order: save np.ascontiguousarray of it")
    if found.row_bytes > LIMIT:
        raise ValueError(f"one row of {array} has {found.row_bytes / 2**30:.0f} GiB")
    if unpacked != found.header + found.shape[0] * found.row_bytes or unpacked > DENSEST * size:
        raise ValueError(f"{what}, but {unpacked:,} bytes in a file of {size:,}")


def picture(path: str, name: str, part: Mapping[str, str]) -> Array:
    """[H, W] or [H, W, 3] as stored: a row, or a slice of it. Raises `BadImage`."""
    found = _stack(path, name, part)
    row = int(part["row"])
    number = row // found.rows
    block = _blocks.get(path, lambda: found.block(number), part["array"], number)
    values: Array = block[row - number * found.rows]
    if found.depth:
        axis, index = _cut(found, name, part)
        values = np.take(values, index, axis)
    return values[..., 0] if values.ndim == 3 and values.shape[2] == 1 else values


def size(path: str, name: str, part: Mapping[str, str]) -> tuple[int, int]:
    """(height, width), from the headers alone."""
    found = _stack(path, name, part)
    sides = list(found.shape[1:])
    if found.depth:
        del sides[_cut(found, name, part)[0]]
    return sides[0], sides[1]


labels = values = picture


def _stack(path: str, name: str, part: Mapping[str, str]) -> Stack:
    try:
        found = open_stack(path, part["array"])
    except BROKEN as error:
        raise BadImage(name, f"cannot be read as a row of an .npz: {error}") from None
    row = part.get("row", "")
    if not row.isdecimal() or int(row) >= found.shape[0]:
        raise BadImage(
            name, f"{part['array']} has {found.shape[0]} rows, counted from 0; there is no {row!r}"
        )
    return found


def _cut(found: Stack, name: str, part: Mapping[str, str]) -> tuple[int, int]:
    """Axis and index of a slice."""
    for axis, plane in enumerate(AXES):
        index = part.get(plane, "")
        if index.isdecimal() and int(index) < found.shape[1 + axis]:
            return axis, int(index)
    sides = " x ".join(map(str, found.shape[1:4]))
    raise BadImage(name, f"is a volume of {sides} voxels: name one of its slices, such as axial=0")


_stacks: Shelf[Stack] = Shelf(lambda _: 0)
_blocks: Shelf[Array] = Shelf(lambda block: block.nbytes)
