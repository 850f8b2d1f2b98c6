"""`--to nnunet`: the current masks as a raw nnU-Net data set; of volumes in the geometry that they came in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from overread.data.address import address, split_address
from overread.data.formats import nifti
from overread.data.formats.nnunet import PLAN
from overread.data.formats.planes import PLANES, picture_size
from overread.data.manifest import Manifest
from overread.data.mask_pictures import read_mask
from overread.errors import InputError
from overread.exporting.again import read_again
from overread.exporting.labels import IGNORE, Labels
from overread.exporting.mask_files import current_mask, stretched
from overread.exporting.nnunet_cases import Case, Source, cases_of, source_of, write_images
from overread.exporting.nnunet_tables import write_folds, write_weights
from overread.exporting.numbering import Numbering, as_before, found_in, numbering
from overread.exporting.pixels import Pictures
from overread.exporting.table import counts
from overread.file_names import names_of_files
from overread.files import write_json
from overread.store import CLOSED

Array = np.ndarray[Any, np.dtype[Any]]
COLOUR = ("R", "G", "B")
OWN = ("channel_names", "modality", "labels", "regions_class_order", "numTraining", "numTest", "file_ending")
LISTS = ("dataset", "training", "test")  # of files, which lie elsewhere now


def write(labels: Labels, folder: Path) -> dict[str, Any]:
    """Writes imagesTr, labelsTr, dataset.json, splits_final.json and case_weights.csv."""
    if not labels.kept.structures:
        raise InputError(f"{labels.run} has labels of whole images, and no masks. Export them by --to csv")
    maker = maker_of(labels)
    cases = cases_of(labels, maker.source)
    if not cases:
        raise InputError(f"No image of {labels.run} has a mask to learn from: all are out of use.")
    ending, channels = write_images(labels, cases, folder)
    ignored = sum(maker.write(case, folder, ending) for case in cases)
    plan = plan_of(maker, [case for case in cases if not case.test], ending, channels, ignored > 0)
    write_json(folder / PLAN, plan)
    write_folds(labels, cases, folder)
    write_weights(labels, cases, folder)
    used = {row for case in cases for row in case.rows.values()}
    left = len(labels.kept) - len(used)
    return {
        **counts(labels),
        "cases": len(cases),
        "left_out": left,
        "ignored_pixels": ignored,
        "labels": plan["labels"],
    }


@dataclass(frozen=True)
class Maker:
    """What is needed to write the labels of a case."""

    labels: Labels
    manifest: Manifest
    source: Source
    numbers: Numbering
    pictures: Pictures
    doubts: Sequence[Path]  # of each row, its doubt map

    @property
    def ignore(self) -> int:
        """The number that nnU-Net passes over: the one after all others."""
        return self.numbers.greatest + 1

    def write(self, case: Case, folder: Path, ending: str) -> int:
        """Writes the labels of a case; returns how many of its pixels are ignored."""
        path = folder / case.folders[1] / f"{case.name}{ending}"
        path.parent.mkdir(exist_ok=True)
        if not case.plane:
            picture = self.numbered(case.rows[0], self.pictures.size(case.rows[0]))
            Image.fromarray(picture).save(path)
            return int((picture == self.ignore).sum())
        image = case.channels[0]
        shape = nifti.geometry(image, image).canonical
        size = picture_size(shape, case.plane)
        unread = np.full(size, self.ignore, np.min_scalar_type(self.ignore))
        every = range(shape[PLANES[case.plane]])
        slices = {k: self.numbered(case.rows[k], size) if k in case.rows else unread for k in every}
        nifti.save_labels(slices, case.plane, image, path)
        return sum(int((one == self.ignore).sum()) for one in slices.values())

    def numbered(self, row: int, size: tuple[int, int]) -> Array:
        """[H, W] the numbers of a row."""
        masks = current_mask(self.labels, self.manifest, row)
        if masks.shape[1:] != size:
            masks = np.stack([stretched(plane, size) for plane in masks])
        found = self.numbers.joined(masks)
        return np.where(self.ignored(row, found), self.ignore, found).astype(found.dtype)

    def ignored(self, row: int, found: Array) -> Array:
        """[H, W] what is not to be learned: slices that cannot be read, doubted pixels, what was ignored before."""
        each = [self.labels.standing(row, name) for name in self.labels.kept.structures]
        if all(one.status in CLOSED for one in each):
            return np.ones(found.shape, bool)
        ignored = np.zeros(found.shape, bool)
        if all(one.verified for one in each):
            return ignored
        if self.labels.doubt == IGNORE:
            with Image.open(self.doubts[row]) as picture:
                ignored |= stretched(np.asarray(picture) > 127, found.shape)
        if self.source.ignore is not None:
            ignored |= stretched(self.ignored_before(row), found.shape) & (found == 0)
        return ignored

    def ignored_before(self, row: int) -> Array:
        """[H, W] where the given labels have the number to ignore."""
        assert self.manifest.masks is not None
        file, rules = split_address(str(self.manifest.masks.files[row, 0]))
        name = address(file, **{key: rules[key] for key in PLANES if key in rules})
        return np.asarray(read_mask(self.manifest.root / name, name).values == self.source.ignore)


def maker_of(labels: Labels) -> Maker:
    """Reads the data of a run again, and finds out which structures lie upon each other."""
    kept, source = labels.kept, source_of(labels)
    doubts = [
        labels.run / "doubt" / f"{name}.png" for name in names_of_files([str(name) for name in kept.ids])
    ]
    if labels.doubt == IGNORE and (missing := [path for path in doubts if not path.is_file()]):
        raise InputError(
            f"--doubt ignore: {len(missing):,} of {len(kept):,} images of {labels.run} have no doubt map, such as "
            f"{missing[0]}. `overread audit` of masks writes them: export its run, or leave --doubt out."
        )
    manifest = read_again(labels.run, kept)
    seen = {one for row in range(len(kept)) for one in found_in(current_mask(labels, manifest, row))[0]}
    order = source.plan.get("regions_class_order") or ()
    numbers = as_before(kept.structures, seen, source.structures, order)
    numbers = numbers or numbering(kept.structures, seen, labels.run)
    return Maker(labels, manifest, source, numbers, Pictures(labels), doubts)


def plan_of(maker: Maker, cases: Sequence[Case], ending: str, channels: int, ignores: bool) -> dict[str, Any]:
    """dataset.json: what the data set said of itself before, with the labels that there are now."""
    before = maker.source.plan
    names: Mapping[str, Any] = (
        before.get("channel_names")
        or before.get("modality")
        or {
            str(number): name
            for number, name in enumerate(COLOUR if channels == 3 and ending == ".png" else ["image"])
        }
    )
    ignore = {"ignore": maker.ignore} if ignores or maker.source.ignore is not None else {}
    regions = {"regions_class_order": list(maker.numbers.order)} if maker.numbers.order else {}
    return {
        **{key: value for key, value in before.items() if key not in (*OWN, *LISTS)},
        "channel_names": dict(names),
        "labels": {"background": 0, **maker.numbers.labels, **ignore},
        **regions,
        "numTraining": len(cases),
        "file_ending": ending,
    }
