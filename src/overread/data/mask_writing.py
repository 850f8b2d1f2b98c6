"""From probabilities of structures to masks of the image's own size, and to PNG files of 0 and 255."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from overread.data.images import upright_size
from overread.data.manifest import Manifest
from overread.file_names import names_of_files, safe_names
from overread.files import write_whole

Array = np.ndarray[Any, np.dtype[Any]]
Size = tuple[int, int]  # height, width


def own_size(manifest: Manifest, row: int) -> Size:
    """Height and width of an image as it lies on disk, upright."""
    return upright_size(manifest.path(row), str(manifest.images[row]))


def own_sizes(manifest: Manifest) -> Array:
    """[N, 2] height and width of every image."""
    return np.array([own_size(manifest, row) for row in range(len(manifest))], np.int64).reshape(-1, 2)


def fractions(probs: Array) -> Array:
    """Probabilities as float32: uint8 v stands for what lies between v / 256 and (v + 1) / 256.

    >>> fractions(np.array([63, 127, 128], np.uint8)).tolist()
    [0.248046875, 0.498046875, 0.501953125]
    """
    found = probs.astype(np.float32)
    return np.asarray((found + 0.5) / 256 if probs.dtype == np.uint8 else found)


def enlarged(probs: Array, size: Size) -> Array:
    """Probabilities [K, S, S], uint8 or float, as float32 [K, H, W] at the `size` of an image, bilinear."""
    height, width = size
    planes = (Image.fromarray(np.ascontiguousarray(plane)) for plane in fractions(probs))
    large = [np.asarray(plane.resize((width, height), Image.Resampling.BILINEAR)) for plane in planes]
    return np.stack(large) if large else np.empty((0, height, width), np.float32)


def most_likely(probs: Array, exclusive: bool) -> Array:
    """Masks [..., K, H, W] from probabilities: what is above one half; where structures exclude each other what is
    likelier than every other one and than none of them. uint8 probabilities will do.

    >>> p = np.array([[[0.4]], [[0.35]]])  # none: 0.25
    >>> most_likely(p, exclusive=True).ravel(), most_likely(p, exclusive=False).ravel()
    (array([ True, False]), array([False, False]))
    """
    if not exclusive:
        return np.asarray(probs >= 128 if probs.dtype == np.uint8 else probs > 0.5)
    p = fractions(probs)
    none = 1.0 - p.sum(-3, keepdims=True)
    best = np.concatenate([none, p], -3).argmax(-3)  # [..., H, W] 0: none
    return np.asarray(np.expand_dims(best, -3) == np.arange(1, p.shape[-3] + 1)[:, None, None])


@dataclass(frozen=True)
class MostLikely:
    """The masks of N images, made of probabilities [N, K, S, S] when their turn comes."""

    probs: Array
    exclusive: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, K, S, S)"""
        return tuple(self.probs.shape)

    def __len__(self) -> int:
        return len(self.probs)

    def __getitem__(self, row: int) -> Array:
        return most_likely(self.probs[row], self.exclusive)


class Packed:
    """Masks [K, S, S] one after the other, a bit a pixel."""

    def __init__(self, structures: int, side: int) -> None:
        self._bits: list[Array] = []
        self._one = (structures, side, side)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, K, S, S)"""
        return (len(self), *self._one)

    def __len__(self) -> int:
        return len(self._bits)

    def __getitem__(self, row: int) -> Array:
        count = int(np.prod(self._one))
        return np.unpackbits(self._bits[row], count=count).reshape(self._one).astype(bool)

    def add(self, masks: Array) -> None:
        """One image more."""
        self._bits.append(np.packbits(masks))


class MaskFolder:
    """Masks as FOLDER/STRUCTURE/ID.png, 0 and 255, under names that every file system takes."""

    def __init__(self, folder: Path, structures: Sequence[str], ids: Iterable[str]) -> None:
        self.folder = folder
        self.structures = safe_names(structures)
        self.names = names_of_files([str(name) for name in ids])

    def path(self, structure: int, row: int) -> str:
        """Where a mask lies, from the folder that holds this one."""
        return f"{self.folder.name}/{self.structures[structure]}/{self.names[row]}.png"

    def write(self, row: int, masks: Array) -> None:
        """The masks [K, H, W] of a row."""
        for structure, plane in enumerate(masks):
            write_png(self.folder.parent / self.path(structure, row), plane)


def write_png(path: Path, mask: Array) -> None:
    """A mask [H, W] as 0 and 255."""
    picture = Image.fromarray(np.asarray(mask, np.uint8) * np.uint8(255))
    write_whole(path, lambda part: picture.save(part, "PNG"))
