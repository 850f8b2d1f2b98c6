"""The images of a run at their full size, as other programs can show them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from overread.data import deep
from overread.data.address import split_address
from overread.data.contents import read_file, size_of_part
from overread.data.faults import BadImage, told
from overread.data.formats import arrays
from overread.data.images import orientation, upright_size
from overread.data.relative import relative_paths
from overread.data.silence import silenced, without_pixel_limit
from overread.data.values import values_of
from overread.errors import InputError
from overread.exporting.labels import Labels
from overread.file_names import names_of_files

Array = np.ndarray[Any, np.dtype[Any]]
FOLDER = "images"
KNOWN = ("PNG", "JPEG", "BMP", "WEBP")  # what browsers show


class Pictures:
    """The images of a run by row: uint8 or uint16 [H, W], or uint8 [H, W, 3], upright."""

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.files = [f"{name}.png" for name in names_of_files([str(name) for name in labels.kept.ids])]

    def __getitem__(self, row: int) -> Array:
        name = str(self.labels.kept.images[row])
        try:
            with silenced(), told(name):
                data = read_file(name, name)
                whole = data.startswith(arrays.MAGIC)
                return shown(arrays.from_bytes(data) if whole else values_of(data))
        except BadImage as error:
            raise InputError(f"{error}. Nothing was exported; put the image back, or mend it.") from None

    def size(self, row: int) -> tuple[int, int]:
        """(height, width), from the header where that is enough."""
        name = str(self.labels.kept.images[row])
        try:
            return upright_size(name, name)
        except BadImage as error:
            raise InputError(f"{error}. Nothing was exported; put the image back, or mend it.") from None

    def write(self, row: int, folder: Path) -> str:
        """Writes an image as PNG, its pixels alone, to images/; returns its path from `folder`."""
        (folder / FOLDER).mkdir(exist_ok=True)
        path = f"{FOLDER}/{self.files[row]}"
        save_png(self[row], folder / path)
        return path

    def place(self, row: int, folder: Path) -> str:
        """An image as a path from the export: where it lies, or a PNG of what other programs would not show so."""
        name = str(self.labels.kept.images[row])
        if is_plain(name):
            return relative_paths([Path(name)], self.labels.out)[0]
        return self.write(row, folder)


def is_plain(name: str) -> bool:
    """Whether every program shows a file as we do: a picture of its own of 8 bits, that no EXIF turns."""
    if split_address(name)[1] or size_of_part(name, name):
        return False
    try:
        with silenced(), without_pixel_limit(), Image.open(name, formats=KNOWN) as image:
            return image.mode in ("L", "RGB") and orientation(image) == 1 and not deep.has_deep_colour(image)
    except Exception:  # Pillow raises nearly anything; reading the pixels says what is wrong
        return False


def shown(values: Array) -> Array:
    """Values as PNG can hold them: other types are scaled from their own range to 0..255.

    >>> shown(np.array([[0, 700]], np.uint16)).tolist(), shown(np.array([[-1.0, 1.0]])).tolist()
    ([[0, 700]], [[0, 255]])
    """
    if values.dtype == np.uint8 or (values.dtype == np.uint16 and values.ndim == 2):
        return values
    return deep.to_uint8(values)


def save_png(values: Array, path: Path) -> None:
    """An array as PNG, without any text."""
    Image.fromarray(np.ascontiguousarray(values)).save(path, "PNG")
