"""Masks for the browser, and masks that came from it."""

from __future__ import annotations

import base64
import binascii
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from overread.data.faults import BadImage
from overread.data.images import upright_size
from overread.data.mask_pictures import read_mask
from overread.drawing import stretched
from overread.file_names import names_of_files
from overread.reviewing.images import png_of
from overread.reviewing.refusing import Refused, missing
from overread.reviewing.source import Source
from overread.store.opinions import PNG

Array = np.ndarray[Any, np.dtype[Any]]
JOINED = " + "  # between the files of a structure that was merged
MOST = 16_000_000  # bytes of a mask that is handed in


class MaskPictures:
    """What a run knows of the masks of a sample: given, suggested, where it doubts them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._names: list[str] = []

    def size(self, row: int) -> tuple[int, int]:
        """(width, height) in which the masks of a sample are edited: that of the suggested ones."""
        for structure in self._source.structures:
            path = self._suggested_path(row, structure)
            if path.is_file():
                height, width = upright_size(path, path.name)
                return width, height
        height, width = upright_size(self._source.images[row], f"image {row}")
        return width, height

    def given(self, row: int, structure: str) -> bytes:
        """PNG of 0 and 255."""
        paths = self.files(row, structure)
        width, height = self.size(row)
        drawn = np.zeros((height, width), bool)
        for path in paths:
            drawn |= stretched(read_mask(path, f"mask of image {row}").drawn(), (height, width))
        return png_of(Image.fromarray(drawn.astype(np.uint8) * np.uint8(255)))

    def files(self, row: int, structure: str) -> list[str]:
        """The given files of a structure; refused where one file holds several, of which the manifest does not say
        which number is which."""
        place = self._source.structures.index(structure)
        paths = [path for path in self._source.masks[place][row].split(JOINED) if path]
        others = (
            cells[row].split(JOINED) for other, cells in enumerate(self._source.masks) if other != place
        )
        if set(paths) & {path for cell in others for path in cell if path}:
            raise missing("given mask of this structure by itself: one file holds several")
        return paths

    def suggested(self, row: int, structure: str) -> bytes:
        """PNG of 0 and 255."""
        return self._grey(self._suggested_path(row, structure), 128)

    def doubt(self, row: int) -> bytes:
        """PNG of 0 to 255: 128 and above is more probably wrong than right."""
        return self._grey(self._source.folder / "doubt" / f"{self.name(row)}.png", None)

    def name(self, row: int) -> str:
        """How the files of a sample are called."""
        if not self._names:
            self._names = names_of_files(self._source.ids)
        return self._names[row]

    def has(self, kind: str, row: int, structure: str) -> bool:
        """Whether there is a `suggested` or `doubt` picture."""
        path = self._source.folder / "doubt" / f"{self.name(row)}.png"
        return (self._suggested_path(row, structure) if kind == "suggested" else path).is_file()

    def _suggested_path(self, row: int, structure: str) -> Path:
        return (
            self._source.folder / "suggested" / folder_of(self._source, structure) / f"{self.name(row)}.png"
        )

    def _grey(self, path: Path, cut: int | None) -> bytes:
        if not path.is_file():
            raise missing("such picture")
        try:
            with Image.open(path, formats=["PNG"]) as picture:
                values = np.asarray(picture.convert("L"))
        except (OSError, ValueError, SyntaxError) as error:
            raise BadImage(path.name, f"cannot be read: {error}") from None
        return png_of(
            Image.fromarray(values if cut is None else (values >= cut).astype(np.uint8) * np.uint8(255))
        )


def folder_of(source: Source, structure: str) -> str:
    """The folder of a structure under suggested/."""
    from overread.file_names import safe_names

    return safe_names(source.structures)[source.structures.index(structure)]


def handed_in(text: str, size: tuple[int, int]) -> bytes:
    """A mask from the browser (base64 of a PNG) as a PNG of 0 and 255 alone; 128 and above counts as drawn.

    Its header is read first: what is not of the expected size is never unpacked.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(422, "The mask is not base64.") from None
    if not data.startswith(PNG) or len(data) > MOST:
        raise Refused(422, "The mask is not a PNG.")
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            if picture.size != size:
                raise Refused(
                    422,
                    f"The mask has {picture.size[0]} x {picture.size[1]} pixels; {size[0]} x {size[1]} are expected.",
                )
            values = np.asarray(picture.convert("RGB")).max(2)
    except Refused:
        raise
    except Exception:  # a broken file makes Pillow raise nearly anything
        raise Refused(422, "The mask is a PNG that cannot be read.") from None
    return png_of(Image.fromarray((values >= 128).astype(np.uint8) * np.uint8(255)))
