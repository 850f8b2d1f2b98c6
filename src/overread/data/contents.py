"""The content of an image or a mask, whatever kind of file or part of a file it is.

Pictures that Pillow or tifffile decode are handed on as the bytes of their file. A slice, a frame or an annotation
is handed on as the bytes of an array, so that whoever decodes and whoever hashes need not know where it lay.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from overread.data.address import split_address
from overread.data.faults import BadImage, told
from overread.data.formats import arrays, channels, coco, dicom, embedded, nifti, npz
from overread.data.silence import silenced

Array = arrays.Array


def read_file(path: str | Path, name: str) -> bytes:
    """The content of an image; `name` is for the message. Raises `BadImage`."""
    return _content(str(path), name, "picture")


def read_mask_file(path: str | Path, name: str) -> bytes:
    """The content of a mask, whose numbers no window changes; `name` is for the message. Raises `BadImage`."""
    return _content(str(path), name, "labels")


def values_of_part(path: str | Path, name: str) -> Array | None:
    """[H, W] or [H, W, 3] the numbers of a medical image before any window, for a viewer that windows by itself.

    None of a plain picture. Raises `BadImage`.
    """
    file, part = split_address(str(path))
    reader = _reader(file, part)
    if reader is None:
        return None
    with silenced(), told(name):
        found: Array = reader.values(file, name, part)
        return found


def size_of_part(path: str | Path, name: str) -> tuple[int, int] | None:
    """(height, width) of what lies in a medical format; None of a plain picture. Raises `BadImage`."""
    file, part = split_address(str(path))
    reader = _reader(file, part)
    if reader is None:
        return None
    with silenced(), told(name):
        found: tuple[int, int] = reader.size(file, name, part)
        return found


def _content(path: str, name: str, how: str) -> bytes:
    file, part = split_address(path)
    reader = _reader(file, part)
    if reader is None and "value" not in part:
        return plain_bytes(path, name)
    with silenced(), told(name):
        if reader is None:
            found = _plain_labels(plain_bytes(path, name), name)
        else:
            found = getattr(reader, how)(file, name, part)
        if "value" in part:
            found = np.isin(found, [int(value) for value in part["value"].split("+")]).astype(np.uint8)
        return _bytes(found, name if how == "picture" else "")


def _plain_labels(data: bytes, name: str) -> Array:
    from overread.data.mask_pictures import mask_of_bytes  # which needs this file

    return mask_of_bytes(data, name).values


def _bytes(found: Array, name: str) -> bytes:
    """An array as bytes. A slice of one grey is the copy of no other: its `name` is added to its content."""
    blank = name and found.size and (found == found.flat[0]).all()
    return arrays.to_bytes(found) + (name.encode("utf-8", "surrogatepass") if blank else b"")


def _reader(file: str, part: Mapping[str, str]) -> Any:
    """The module that reads a file, or a part of it; None where it is a plain picture."""
    if "channels" in part:
        return channels
    if "category" in part:
        return coco
    if "array" in part:
        return npz
    if nifti.is_nifti(file):
        return nifti
    return dicom if "frame" in part or dicom.is_dicom(file) else None


def plain_bytes(path: str | Path, name: str) -> bytes:
    """The bytes of a whole file, or of one in a cell of Parquet; `name` is for the message. Raises `BadImage`."""
    file, part = split_address(str(path))
    if "column" in part:
        return embedded.cell(file, name, part)
    try:
        return Path(file).read_bytes()
    except FileNotFoundError:
        raise BadImage(name, "does not exist") from None
    except (OSError, ValueError) as error:
        raise BadImage(name, f"cannot be opened: {getattr(error, 'strerror', None) or error}") from None
