"""An array as the bytes of a file, and back: what parts of files are handed on as. Pickles are refused."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np

from overread.data.faults import BadImage

Array = np.ndarray[Any, np.dtype[Any]]
MAGIC = b"\x93NUMPY"


def to_bytes(array: Array) -> bytes:
    """`array` in numpy's own format."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
    return file.getvalue()


def from_bytes(data: bytes) -> Array:
    """The array [H, W] or [H, W, 3] in the bytes of a `.npy`, read-only. Raises `BadImage`."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        header = (
            np.lib.format.read_array_header_1_0 if version[0] == 1 else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = header(file)
    except ValueError as error:
        raise BadImage("", f"not an array that can be read ({error})") from None
    if dtype.hasobject:
        raise BadImage(
            "", "holds pickled objects, which are refused: save numbers (np.save of a plain array)"
        )
    if dtype.kind not in "buif" or len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] != 3):
        raise BadImage("", f"holds {dtype} {list(shape)}; numbers [H, W] or [H, W, 3] are expected")
    if math.prod(shape) * dtype.itemsize > len(data) - file.tell():
        raise BadImage("", "the file is truncated: its end is missing")
    flat = np.frombuffer(data, dtype, math.prod(shape), file.tell())
    return flat.reshape(shape, order="F" if fortran else "C")
