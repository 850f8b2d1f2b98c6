"""Reads a `.npz` in the manner of MedMNIST: `train_images`, `train_labels`, `val_images`, ... Images stay in it."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overread.data.address import address
from overread.data.faults import BadImage
from overread.data.formats.npz import AXES, BROKEN, Stack, open_stack
from overread.data.options import DataOptions
from overread.data.problems import counted, quoted
from overread.data.samples import Samples, strings
from overread.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]
EXPECTED = (
    "Expected arrays in pairs such as train_images [N, H, W] or [N, H, W, 3], of volumes [N, D, H, W], and "
    "train_labels [N, 1]."
)
LABELS_LIMIT = 256 << 20  # bytes of labels


@dataclass(frozen=True)
class Part:
    """The images and labels of one split."""

    array: str  # "train_images"
    stack: Stack
    labels: list[str]  # [N]

    @property
    def split(self) -> str:
        return self.array.removesuffix("images").removesuffix("_")

    def named(self, plane: str) -> list[tuple[str, str, int]]:
        """(id, address without the file, row) of each picture: a row, or a slice of it."""
        rows = range(self.stack.shape[0])
        depth = self.stack.shape[1 + AXES.index(plane)] if self.stack.depth else 0
        cuts: list[dict[str, object]] = [{plane: index} for index in range(depth)] or [{}]
        return [
            (
                address(f"{self.split or 'image'}/{row}", **cut),
                address("", array=self.array, row=row, **cut),
                row,
            )
            for row in rows
            for cut in cuts
        ]


def read_npz(path: Path, options: DataOptions) -> Samples:
    """The samples of a `.npz`; labels are the numbers in it as text. Pickled arrays are refused."""
    if options.columns:
        raise InputError(
            f"{' '.join(options.columns)}: {path} is an .npz, it has no columns. Leave the flag out."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {one.filename.removesuffix(".npy"): one.file_size for one in archive.infolist()}
        arrays = _arrays(path, sizes, options.labels == "optional")
        parts = [_part(path, array, sizes) for array in arrays]
    except BROKEN as error:
        why = (
            "it is none, or it holds pickled objects, which are refused" if "pickle" in str(error) else error
        )
        raise InputError(f"{path} cannot be read as an .npz: {why}. {EXPECTED}") from None
    shapes = {part.stack.shape[1:] for part in parts}
    if len(shapes) > 1:
        raise InputError(f"{path}: the splits have images of different shapes {sorted(shapes)}. {EXPECTED}")
    return _samples(path.absolute(), parts, options.plane)


def _samples(path: Path, parts: list[Part], plane: str) -> Samples:
    """A sample a picture; the slices of a volume are a group."""
    found = [(part, *one) for part in parts for one in part.named(plane)]
    volumes = bool(parts[0].stack.depth)
    count = sum(part.stack.shape[0] for part in parts)
    what = f"{counted(count, 'volume is', 'volumes are')} read as {counted(len(found), f'{plane} slice')}"
    note = (
        f"{what}, a sample each; "
        f"those of one volume stay together. A .npz does not say how volumes lie: {', '.join(AXES)} are their first, "
        "second and third axis."
    )
    return Samples(
        kind="npz",
        root=path.parent,
        ids=strings(name for _, name, _, _ in found),
        images=strings(path.name + place for _, _, place, _ in found),
        labels=strings(part.labels[row] for part, _, _, row in found),
        groups=strings(f"{part.split or 'image'}/{row}" if volumes else "" for part, _, _, row in found),
        splits=strings(part.split for part, _, _, _ in found),
        notes=[note] if volumes else [],
    )


def _arrays(path: Path, names: dict[str, int], unlabelled: bool) -> list[str]:
    """The arrays of images that have labels of the same name, or may have none: "train_images", ..., "images"."""
    images = [name for name in names if re.fullmatch(r"([\w.+-]+_)?images", name)]
    pairs = [name for name in images if unlabelled or _labels_of(name) in names]
    if not pairs:
        raise InputError(f"{path} holds the arrays {quoted(names)}. {EXPECTED}")
    return pairs


def _labels_of(array: str) -> str:
    return f"{array.removesuffix('images')}labels"


def _part(path: Path, array: str, sizes: dict[str, int]) -> Part:
    """The images and labels of one split."""
    try:
        stack = open_stack(str(path), array)
    except BadImage as error:
        raise InputError(f"{path}: {error.why}. {EXPECTED}") from None
    count, named = stack.shape[0], _labels_of(array)
    if named not in sizes:
        return Part(array, stack, [""] * count)
    if sizes[named] > LABELS_LIMIT:
        raise ValueError(f"{named} unpacks to {sizes[named] / 2**30:,.1f} GiB")
    with np.load(path, allow_pickle=False) as file:
        labels: Array = file[named]
    if labels.ndim > 1 and labels.size > len(labels):
        raise InputError(
            f"{path}: {named} has the shape {list(labels.shape)}: an image has several labels at once, as in "
            "ChestMNIST. Multi-label data are not in this version: write a table with one label per image."
        )
    if count != labels.size:
        raise InputError(f"{path}: {count:,} {array} but {labels.size:,} {named}. {EXPECTED}")
    return Part(array, stack, [_name(label) for label in labels.reshape(-1).tolist()])


def _name(label: object) -> str:
    """A label as text: 1.0 is "1"."""
    return str(int(label)) if isinstance(label, float | bool) and label == label // 1 else str(label)
