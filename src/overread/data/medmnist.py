"""Reads a `.npz` in the manner of MedMNIST: `train_images`, `train_labels`, `val_images`, ..."""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from overread.data.manifest import Strings
from overread.data.options import DataOptions
from overread.data.problems import quoted
from overread.data.samples import Samples, strings
from overread.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]
EXPECTED = "Expected arrays in pairs such as train_images [N, H, W] or [N, H, W, 3] and train_labels [N, 1]."


def read_npz(path: Path, options: DataOptions) -> Samples:
    """The samples of a `.npz`; labels are the numbers in it as text. Pickled arrays are refused."""
    if options.columns:
        raise InputError(
            f"{' '.join(options.columns)}: {path} is an .npz, it has no columns. Leave the flag out."
        )
    try:
        _refuse_bomb(path)
        with np.load(path, allow_pickle=False) as file:
            prefixes = _prefixes(path, file.files, options.labels == "optional")
            parts = [_part(path, file, prefix) for prefix in prefixes]
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, zlib.error, MemoryError) as error:
        why = (
            "it is none, or it holds pickled objects, which are refused" if "pickle" in str(error) else error
        )
        raise InputError(f"{path} cannot be read as an .npz: {why}. {EXPECTED}") from None
    shapes = {pixels.shape[1:] for pixels, _, _ in parts}
    if len(shapes) > 1:
        raise InputError(f"{path}: the splits have images of different shapes {sorted(shapes)}. {EXPECTED}")
    splits = [split for pixels, _, split in parts for _ in range(len(pixels))]
    ids = [f"{split or 'image'}/{row}" for pixels, _, split in parts for row in range(len(pixels))]
    return Samples(
        kind="npz",
        root=path.absolute(),
        ids=strings(ids),
        images=strings(ids),
        labels=strings(label for _, labels, _ in parts for label in labels),
        groups=strings([""] * len(ids)),
        splits=strings(splits),
        pixels=np.concatenate([pixels for pixels, _, _ in parts]),
    )


def _refuse_bomb(path: Path) -> None:
    """Refuses an archive that does not fit into this machine's memory once it is unpacked."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        memory = 64 << 30
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > memory:
        raise InputError(
            f"{path} unpacks to {size / 2**30:,.0f} GiB; this machine has {memory / 2**30:,.0f} GiB of memory. "
            "Take a smaller size of the data set, or write the images as files."
        )


def _prefixes(path: Path, names: list[str], unlabelled: bool) -> list[str]:
    """What stands before `images` where there are labels of the same name, or may be none: "train_", ... or ""."""
    prefixes = [name.removesuffix("images") for name in names if name.endswith("images")]
    prefixes = [prefix for prefix in prefixes if prefix[-1:] in ("", "_")]
    pairs = [prefix for prefix in prefixes if unlabelled or f"{prefix}labels" in names]
    if not pairs:
        raise InputError(f"{path} holds the arrays {quoted(names)}. {EXPECTED}")
    return pairs


def _part(path: Path, file: Any, prefix: str) -> tuple[Array, Strings, str]:
    """The images [N, ...], labels [N] and name of one split."""
    images = file[f"{prefix}images"]
    named = f"{prefix}labels" in file.files
    labels: Array = file[f"{prefix}labels"] if named else np.full(len(images), "")
    if labels.ndim == 2 and labels.shape[1] > 1:
        raise InputError(
            f"{path}: {prefix}labels has {labels.shape[1]} columns: an image has several labels at once. "
            "Multi-label data are not in this version: write a table with one label per image."
        )
    if (
        images.ndim not in (3, 4)
        or (images.ndim == 4 and images.shape[-1] != 3)
        or images.dtype.kind not in "biuf"
    ):
        what = f"{prefix}images has the shape {list(images.shape)} and type {images.dtype}"
        raise InputError(f"{path}: {what}; volumes and other arrays are not read. {EXPECTED}")
    if len(images) != labels.size:
        raise InputError(
            f"{path}: {len(images):,} {prefix}images but {labels.size:,} {prefix}labels. {EXPECTED}"
        )
    return images, strings(_name(label) for label in labels.reshape(-1).tolist()), prefix.removesuffix("_")


def _name(label: object) -> str:
    """A label as text: 1.0 is "1"."""
    return str(int(label)) if isinstance(label, float | bool) and label == label // 1 else str(label)
