"""Images as users hand them over: paths, pictures, arrays or DATA."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from PIL.Image import Image

from overread.data.cache import usable_cores
from overread.data.images import SIDEWAYS, decode, decode_array, decode_picture, orientation, upright_size
from overread.data.mask_writing import Size
from overread.errors import InputError

if TYPE_CHECKING:
    from overread.data.opened import Images
    from overread.data.reading import Reading

Array = np.ndarray[Any, np.dtype[Any]]
Given: TypeAlias = str | Path | Array | Sequence[str | Path | Array | Image]
EXPECTED = (
    "Expected a list of paths, of PIL images or of arrays [H, W] or [H, W, 3]; an array of images [N, H, W] or "
    "[N, H, W, 3]; or the path of DATA. One image goes into a list."
)


@dataclass(frozen=True)
class Listed:
    """Images that are decoded when their turn comes."""

    images: Sequence[Any]
    size: int

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: slice) -> Array:
        with ThreadPoolExecutor(usable_cores()) as threads:
            return np.stack(list(threads.map(self._decoded, range(*rows.indices(len(self))))))

    def own_size(self, row: int) -> Size:
        """Height and width of an image as it is seen."""
        image = self.images[row]
        if isinstance(image, str | Path):
            return upright_size(image, str(image))
        if isinstance(image, np.ndarray):
            return image.shape[0], image.shape[1]
        width, height = image.size
        return (width, height) if orientation(image) in SIDEWAYS else (height, width)

    def _decoded(self, row: int) -> Array:
        image, name = self.images[row], f"image {row}"
        if isinstance(image, str | Path):
            return decode(image, self.size)
        if isinstance(image, np.ndarray) and image.ndim in (2, 3):
            return decode_array(image, self.size, name)
        if isinstance(image, Image):
            return decode_picture(image, self.size, name)
        came = f"an array of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise InputError(f"{name} is {came}. {EXPECTED}")


def opened(source: str | Path, size: int, quiet: bool) -> tuple[Reading, Images]:
    """DATA as the command line takes it, with or without labels."""
    from overread.data.load import load as open_data
    from overread.data.options import DataOptions

    return open_data(source, DataOptions(labels="optional"), size, quiet=quiet)


def listed(images: Any, size: int) -> Listed:
    """Several images in memory, or paths of them."""
    if isinstance(images, np.ndarray):
        several = images.ndim == 4 or (images.ndim == 3 and images.shape[-1] != 3)
        if not several:
            raise InputError(f"The array has the shape {list(images.shape)}. {EXPECTED}")
        return Listed(images, size)  # type: ignore[arg-type]
    if not isinstance(images, Sequence):
        raise InputError(f"The images are a {type(images).__name__}. {EXPECTED}")
    return Listed(images, size)
