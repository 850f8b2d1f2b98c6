"""A trained model that draws masks: `overread.load(RUN)` gives it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from overread.data.mask_writing import Size, enlarged, most_likely, own_size
from overread.handed import Given, listed, opened

if TYPE_CHECKING:
    from torch import nn

Array = np.ndarray[Any, np.dtype[Any]]


@final
@dataclass(frozen=True)
class MaskModel:
    """What `load` gives where the model draws masks; `classes` [K] are the structures."""

    classes: tuple[str, ...]
    info: dict[str, Any]
    networks: Sequence[nn.Module]

    def predict(
        self, images: Given, batch_size: int = 16, device: str = "auto", quiet: bool = True
    ) -> list[Array]:
        """Probabilities of the structures, float32 [K, H, W] for each image at its own size; of images of one size
        `np.stack` makes [N, K, H, W]. The arguments are those of `Model.predict`."""
        return [enlarged(probs, size) for probs, size in self._each(images, batch_size, device, quiet)]

    def masks(
        self, images: Given, batch_size: int = 16, device: str = "auto", quiet: bool = True
    ) -> list[Array]:
        """The masks themselves, bool [K, H, W] for each image at its own size."""
        return [
            most_likely(enlarged(probs, size), self.exclusive)
            for probs, size in self._each(images, batch_size, device, quiet)
        ]

    @property
    def size(self) -> int:
        """The networks see images of size x size pixels."""
        return int(self.info["size"])

    @property
    def exclusive(self) -> bool:
        """Whether a pixel belongs to one structure at most."""
        return bool(self.info["exclusive"])

    def each(self, pixels: Any, batch_size: int, device: str, quiet: bool) -> Iterator[Array]:
        """Probabilities float32 [K, size, size], image by image, of what gives uint8 [B, size, size, 3] for a
        slice."""
        from overread.engine.saved import predictions, task_of

        for batch in predictions(self.networks, pixels, task_of(self.info), batch_size, device, quiet):
            yield from batch

    def _each(self, images: Given, batch_size: int, device: str, quiet: bool) -> Iterator[tuple[Array, Size]]:
        """Probabilities at the networks' size, and the size of the image itself."""
        if isinstance(images, str | Path):
            reading, pixels = opened(images, self.size, quiet)
            sizes = (own_size(reading.manifest, row) for row in range(len(pixels)))
            yield from zip(self.each(pixels, batch_size, device, quiet), sizes, strict=True)
            return
        pictures = listed(images, self.size)
        yield from zip(
            self.each(pictures, batch_size, device, quiet),
            (pictures.own_size(row) for row in range(len(pictures))),
            strict=True,
        )
