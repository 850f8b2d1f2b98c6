"""`--to masks`: the masks as they stand, as files in the layout they came in, with a table that is DATA."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from overread.data.manifest import Manifest
from overread.data.mask_files import MaskFiles
from overread.data.masks import read_masks
from overread.data.relative import relative_paths
from overread.errors import InputError
from overread.exporting.again import read_again
from overread.exporting.labels import Labels
from overread.exporting.table import counts, masks_table, shared_columns, write_two
from overread.file_names import names_of_files, safe_names

Array = np.ndarray[Any, np.dtype[Any]]
FOLDER = "masks"


def write(labels: Labels, folder: Path) -> dict[str, Any]:
    """Writes masks/, labels.csv (DATA; what is out of use in left-out.csv), and masks.csv: where each comes from."""
    kept = labels.kept
    if not kept.structures:
        raise InputError(f"{labels.run} has labels of whole images, and no masks. Export them by --to csv")
    manifest = read_again(labels.run, kept)
    assert manifest.masks is not None
    layout = layout_of(manifest.masks, kept.structures, [str(name) for name in kept.ids])
    for row, masks in enumerate(current_masks(labels, manifest)):
        layout.write(folder, row, masks)
    files = [[layout.path(row, k) for k in range(len(kept.structures))] for row in range(len(kept))]
    columns = {
        "image": relative_paths((Path(str(name)) for name in kept.images), labels.out),
        **layout.columns(),
        **truth_columns(labels),
        **shared_columns(labels),
        "id": kept.ids,
    }
    away = [labels.out_of_use(row) for row in range(len(kept))]
    write_two(pd.DataFrame(columns), away, folder)
    masks_table(labels, files).to_csv(folder / "masks.csv", index=False)
    read_with = layout.flags(manifest.masks.exclusive)
    return {**counts(labels), "left_out": sum(away), **({"read_with": read_with} if read_with else {})}


@dataclass(frozen=True)
class Layout:
    """Where masks lie: a file for each structure, or, where each has a number, one file for all."""

    structures: tuple[str, ...]
    folders: list[str]  # of each structure
    names: list[str]  # of each image
    values: tuple[int, ...] | None  # of each structure in the one file; None: a file a structure

    def path(self, row: int, structure: int) -> str:
        """The file of a mask, from the folder of the export."""
        between = "" if self.values else f"{self.folders[structure]}/"
        return f"{FOLDER}/{between}{self.names[row]}.png"

    def write(self, folder: Path, row: int, masks: Array) -> None:
        """The masks [K, H, W] of an image."""
        planes = masks.astype(np.uint8) * np.uint8(255)
        if self.values:
            numbers = np.array(self.values, np.uint16)[:, None, None]
            joined = (masks * numbers).max(0)  # where structures may overlap, the greater number is seen
            planes = joined[None].astype(np.uint8 if max(self.values) < 256 else np.uint16)
        for structure, plane in enumerate(planes):
            path = folder / self.path(row, structure)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(plane).save(path)

    def columns(self) -> dict[str, list[str]]:
        """`mask`, or `mask_STRUCTURE` for each."""
        named = {"mask": 0} if self.values else {f"mask_{name}": k for k, name in enumerate(self.structures)}
        return {name: [self.path(row, k) for row in range(len(self.names))] for name, k in named.items()}

    def flags(self, exclusive: bool) -> list[str]:
        """The flags with which the table means the same as the data that it was made from."""
        plain = self.values and self.structures == tuple(map(str, self.values))
        if self.values and not plain and self.structures != ("mask",):
            named = (
                f"{value}={_escaped(name)}" for value, name in zip(self.values, self.structures, strict=True)
            )
            return ["--map-labels", ",".join(named)]
        return ["--structures", "exclusive"] if exclusive and not self.values else []


def layout_of(masks: MaskFiles, structures: tuple[str, ...], ids: Sequence[str]) -> Layout:
    """The layout that masks came in. Of structures that were joined under one name the first number counts."""
    one_file = masks.files.shape[1] == 1
    numbers = [parts[0].value for parts in masks.parts]
    values = tuple(number for number in numbers if number is not None) if one_file else ()
    if one_file and structures == ("mask",) and not values:
        values = (255,)
    overlapping = len(values) > 1 and not masks.exclusive
    return Layout(
        structures, safe_names(structures), names_of_files(ids), None if overlapping else values or None
    )


def current_masks(labels: Labels, manifest: Manifest) -> Iterator[Array]:
    """[K, H, W] of each image: the given masks, and in their place those that experts have drawn."""
    for row in range(len(manifest)):
        yield current_mask(labels, manifest, row)


def current_mask(labels: Labels, manifest: Manifest, row: int) -> Array:
    """[K, H, W] of one image."""
    assert manifest.masks is not None
    given = read_masks(manifest.masks, manifest.root, row)
    drawn = {
        k: _mask(labels.store.mask(found.value))
        for k, name in enumerate(labels.kept.structures)
        if (found := labels.standing(row, name)).is_voted and found.value and labels.store
    }
    return joined(given, drawn, manifest.masks.exclusive)


def joined(given: Array, drawn: dict[int, Array], exclusive: bool) -> Array:
    """[K, H, W] the `given` masks with those `drawn` in their place, at the largest size among them.

    Of structures that exclude each other what was drawn goes before what was given, and then the first one.

    >>> heart, lungs = np.array([[True, True, False]]), np.array([[False, True, True]])
    >>> joined(np.stack([heart, ~heart]), {1: lungs}, exclusive=True).astype(int).tolist()
    [[[1, 0, 0]], [[0, 1, 1]]]
    """
    shape = max([given.shape[1:], *(one.shape for one in drawn.values())], key=lambda size: size[0] * size[1])
    masks = np.stack([stretched(drawn.get(k, plane), shape) for k, plane in enumerate(given)])
    if exclusive:
        taken = np.zeros(shape, bool)
        for k in sorted(range(len(masks)), key=lambda k: (k not in drawn, k)):
            masks[k] &= ~taken
            taken |= masks[k]
    return masks


def stretched(mask: Array, shape: tuple[int, ...]) -> Array:
    """A mask [H, W] at another size: each pixel takes the nearest.

    >>> stretched(np.array([[True, False]]), (2, 4)).astype(int).tolist()
    [[1, 1, 0, 0], [1, 1, 0, 0]]
    """
    down, across = (np.arange(new) * old // new for new, old in zip(shape, mask.shape, strict=True))
    return np.asarray(mask[np.ix_(down, across)], bool)


def truth_columns(labels: Labels) -> dict[str, list[str]]:
    """True masks of an experiment, as paths from the export; a structure that was joined has none to name."""
    columns = labels.kept.truth
    if any(" + " in str(cell) for column in columns.values() for cell in column):
        return {}
    return {
        name: [path and relative_paths([Path(path)], labels.out)[0] for path in map(str, column)]
        for name, column in columns.items()
    }


def _mask(png: bytes) -> Array:
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("L")) > 127


def _escaped(name: str) -> str:
    r"""A name as --map-labels takes it: a backslash before signs that mean something."""
    return re.sub(r"([,+=])", r"\\\1", name)
