"""`overread corrupt` on masks: draws the noise image by image, and writes given and true masks as PNG."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from shutil import disk_usage
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from overread.data.manifest import Ints, Manifest
from overread.data.mask_files import MaskFiles
from overread.data.masks import read_masks
from overread.errors import InputError
from overread.file_names import names_of_files, safe_names
from overread.noise.masks import Mask, MaskNoise, corrupted, dice, picked
from overread.verbs.corrupt_table import image_column, other_columns

GIVEN, TRUE = "masks", "true_masks"
BLOCK = 4096  # bytes that the smallest file takes on most disks


@dataclass
class MaskChanges:
    """What a draw did, image by image, as `noise.json` tells it."""

    structures: tuple[str, ...]
    samples: int  # images that the noise was drawn on, or could have been
    images: dict[str, dict[str, Any]] = field(default_factory=dict)  # by id, those that it was drawn on

    def add(self, name: str, true: Mask, given: Mask, what: dict[str, Any]) -> None:
        """One more image on which the noise was drawn."""
        if "structures" in what:
            what = {**what, "structures": [self.structures[number] for number in what["structures"]]}
        changed, emptied = (true != given).any((1, 2)), true.any((1, 2)) > given.any((1, 2))
        self.images[name] = {
            **what,
            "changed": self._named(changed),
            "emptied": self._named(emptied),
            "dice": {k: round(d, 4) for k, d in zip(self.structures, dice(given, true), strict=True)},
        }

    def _named(self, flags: Any) -> list[str]:
        return [name for name, flag in zip(self.structures, flags, strict=True) if flag]

    def summary(self) -> dict[str, Any]:
        """The counts over all images. `dice` is the mean over the images that the noise was drawn on."""
        drawn = self.images.values()
        changed = sum(bool(image["changed"]) for image in drawn)
        return {
            "samples": self.samples,
            "drawn": len(drawn),
            "changed": changed,
            "rate": changed / max(self.samples, 1),
            "per_structure": {
                name: {
                    "changed": sum(name in image["changed"] for image in drawn),
                    "emptied": sum(name in image["emptied"] for image in drawn),
                    "dice": float(np.mean([image["dice"][name] for image in drawn])) if drawn else None,
                }
                for name in self.structures
            },
        }


def corrupt_masks(
    manifest: Manifest, rows: Ints, noise: MaskNoise, seed: int, places: tuple[Path, Path], quiet: bool
) -> MaskChanges:
    """Draws `noise` on a share of `rows` and writes the masks and `labels.csv` of all rows.

    `places` are the folder to write to and the one that it will be. The image at place i among the rows has
    a generator of its own, so that it is made wrong in the same way at every rate at which it is.
    """
    folder, out = places
    assert manifest.masks is not None
    files, exclusive = manifest.masks, manifest.masks.exclusive
    rng = np.random.default_rng(seed)
    chosen = picked(len(rows), noise.rate, rng)
    own = rng.spawn(len(rows))
    draws = {int(rows[place]): own[place] for place in chosen}
    written = Written(folder, manifest)
    changes = MaskChanges(manifest.classes, len(rows))
    for row in progress(len(manifest), "Writing masks", quiet):
        given = true = read_masks(files, manifest.root, row)
        if row in draws:
            given, what = corrupted(true, noise, draws[row], exclusive)
            changes.add(str(manifest.ids[row]), true, given, what)
        written.write(row, given, true)
        if row == 0:
            written.check_space(out)
    columns = {**image_column(manifest, out), **written.columns(), **other_columns(manifest)}
    pd.DataFrame(columns).to_csv(folder / "labels.csv", index=False)
    return changes


class Written:
    """Masks as PNG, 0 and 255, under names that every file system takes."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.classes = manifest.classes
        self.structures = safe_names(manifest.classes)
        self.names = names_of_files([str(name) for name in manifest.ids])
        for kind in (GIVEN, TRUE):
            for structure in self.structures:
                (folder / kind / structure).mkdir(parents=True)

    def path(self, kind: str, structure: int, row: int) -> str:
        """Where a mask lies, from the folder."""
        return f"{kind}/{self.structures[structure]}/{self.names[row]}.png"

    def write(self, row: int, given: Mask, true: Mask) -> None:
        """The given and the true masks [K, H, W] of a row."""
        for kind, mask in ((GIVEN, given), (TRUE, true)):
            for structure, plane in enumerate(mask):
                picture = Image.fromarray(plane.view(np.uint8) * np.uint8(255))
                picture.save(self.folder / self.path(kind, structure, row))

    def check_space(self, out: Path) -> None:
        """Refuses where the disk cannot hold as many masks as there are images, going by the first image's."""
        files = [
            self.folder / self.path(kind, k, 0) for kind in (GIVEN, TRUE) for k in range(len(self.classes))
        ]
        needed = len(self.names) * sum(max(file.stat().st_size, BLOCK) for file in files)
        free = disk_usage(self.folder).free
        if needed > free:
            raise InputError(
                f"The masks in {out} need about {needed / 2**20:,.0f} MiB, and its disk has {free / 2**20:,.0f} MiB "
                "free. Free some space, choose an OUT on another disk, or take a part of the data: --split NAME"
            )

    def columns(self) -> dict[str, list[str]]:
        """`mask_STRUCTURE` and `true_mask_STRUCTURE`."""
        return {
            f"{column}_{name}": [self.path(kind, structure, row) for row in range(len(self.names))]
            for kind, column in ((GIVEN, "mask"), (TRUE, "true_mask"))
            for structure, name in enumerate(self.classes)
        }


def refuse_wrong_masks(manifest: Manifest, true: MaskFiles, quiet: bool) -> None:
    """Refuses data in which a given mask is not the true one already."""
    assert manifest.masks is not None
    wrong = 0
    for row in progress(len(manifest), "Comparing with true masks", quiet):
        given, truth = (read_masks(files, manifest.root, row) for files in (manifest.masks, true))
        wrong += not np.array_equal(given, truth)
    if wrong:
        raise InputError(
            f"The data already have wrong masks: in {wrong:,} of {len(manifest):,} images a true mask differs "
            "from the given one. Noise on noise has no single name and rate. Corrupt the data that these came from."
        )


def progress(count: int, what: str, quiet: bool) -> Iterator[int]:
    """0 .. count - 1 with a bar, which appears after half a second."""
    from tqdm import tqdm

    yield from tqdm(range(count), desc=what, unit=" images", disable=quiet, delay=0.5)
