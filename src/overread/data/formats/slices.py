"""Volumes and multi-frame files become one row for each slice or frame, kept together as a group."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass, field, replace

import numpy as np

from overread.data.address import address, file_of, split_address
from overread.data.cache import usable_cores
from overread.data.decoding import in_threads
from overread.data.faults import BadImage, told
from overread.data.files import Fault
from overread.data.formats import nifti
from overread.data.formats.planes import PLANES, plane_of
from overread.data.manifest import Strings
from overread.data.mask_files import MaskFiles
from overread.data.options import DataOptions
from overread.data.problems import counted
from overread.data.samples import Samples, strings
from overread.data.silence import silenced

Parts = list[dict[str, object]]
CUT = {*PLANES, "frame"}  # an address with one of these needs no cutting


@dataclass(frozen=True)
class Row:
    """What becomes of a row."""

    parts: Parts = field(default_factory=lambda: [{}])  # the rules of each new row's address
    group: str = ""  # where the data name none
    why: str = ""  # what is wrong with it,
    mask: str = ""  # or with this mask of it
    volume: bool = False


def unfold(samples: Samples, faults: list[Fault], options: DataOptions) -> tuple[Samples, list[Fault]]:
    """The samples with a row for each slice or frame, and what is wrong with files; plain pictures stay."""
    wrong = {fault.row for fault in faults}
    if samples.pixels is not None or not any(map(_is_medical, _names(samples))):
        return samples, faults
    todo = range(len(samples))

    def opened(row: int) -> Row:
        return Row() if row in wrong else _row(samples, row, options)

    with silenced(), closing(in_threads(opened, todo, usable_cores())) as results:
        rows = list(results)
    first = np.cumsum([0, *(len(row.parts) for row in rows)])
    found = [Fault(int(first[at]), row.why, row.mask) for at, row in enumerate(rows) if row.why]
    moved = [fault._replace(row=int(first[fault.row])) for fault in faults]
    return _repeated(samples, rows, options), sorted([*moved, *found])


def left_whole(samples: Samples) -> set[str]:
    """The masks in volumes that were not cut, because something is wrong with their row."""
    files = [masks.files.ravel() for masks in (samples.masks, samples.true_masks) if masks is not None]
    every = {str(name) for names in files for name in names}
    return {name for name in every if _is_medical(name) and not CUT & split_address(name)[1].keys()}


def _names(samples: Samples) -> list[str]:
    masks = [one.files.ravel() for one in (samples.masks, samples.true_masks) if one is not None]
    return [str(name) for names in (samples.images, *masks) for name in names]


def _is_medical(name: str) -> bool:
    return nifti.is_nifti(file_of(name))


def _row(samples: Samples, row: int, options: DataOptions) -> Row:
    """Opens the headers of a row's files."""
    name = str(samples.images[row])
    file, rules = split_address(name)
    path = os.path.join(samples.root, file)
    try:
        with told(name):
            if not nifti.is_nifti(file):
                mask = next((mask for mask in _masks(samples, row) if _is_medical(mask)), "")
                why = (
                    "is a volume and its image a picture: save both as NIfTI, or both as PNG" if mask else ""
                )
                return Row(why=why, mask=mask)
            place = nifti.geometry(path, name)
        for mask in _masks(samples, row):
            if why := _misfit(samples, place, mask):
                return Row(why=why, mask=mask)
    except BadImage as error:
        return Row(why=error.why)
    if CUT & rules.keys():
        return Row(group=file)
    plane = plane_of(place.canonical, options.plane)
    count = place.canonical[PLANES[plane]]
    return Row([{plane: index} for index in range(count)], group=file, volume=count > 1)


def _masks(samples: Samples, row: int) -> list[str]:
    """The mask files of a row."""
    files = [masks.files[row] for masks in (samples.masks, samples.true_masks) if masks is not None]
    return [str(name) for names in files for name in names if name]


def _misfit(samples: Samples, image: nifti.Geometry, mask: str) -> str:
    """Why a mask does not lie where its image does, or ""."""
    file, rules = split_address(mask)
    if not nifti.is_nifti(file):
        return "" if CUT & rules.keys() else _no_volume(image)
    try:
        with told(mask):
            own = nifti.geometry(os.path.join(samples.root, file), mask)
    except BadImage as error:
        return error.why
    if own.fits(image):
        return ""
    return f"lies elsewhere than its image, {own.told} and {image.told}: resample it onto the image"


def _no_volume(image: nifti.Geometry) -> str:
    thin = 1 in image.shape
    return (
        ""
        if thin
        else f"is one picture, but the image a volume of {' x '.join(map(str, image.shape))} voxels"
    )


def _repeated(samples: Samples, rows: list[Row], options: DataOptions) -> Samples:
    """The samples with the parts of each row."""
    order = [at for at, row in enumerate(rows) for _ in row.parts]
    parts = [part for row in rows for part in row.parts]
    images = _addresses(samples.images[order], parts, options.window)
    ids = strings(address(name, **part) for name, part in zip(samples.ids[order], parts, strict=True))
    groups = [given or rows[at].group for at, given in zip(order, samples.groups[order], strict=True)]
    whole = samples.take(np.array(order, dtype=np.int64))

    def masks(files: MaskFiles | None) -> MaskFiles | None:
        if files is None:
            return None
        columns = [_addresses(column, parts, None) for column in files.files.T]
        return replace(files, files=np.stack(columns, axis=1), images=images)

    return replace(
        whole,
        ids=ids,
        images=images,
        groups=strings(groups),
        masks=masks(whole.masks),
        true_masks=masks(whole.true_masks),
        notes=[*samples.notes, *_notes(rows, options)],
    )


def _addresses(names: Strings, parts: Parts, window: str | None) -> Strings:
    """[N] names with the rules of each row; only what lies in a medical format gets any."""

    def one(name: str, part: dict[str, object]) -> str:
        file, rules = split_address(name)
        if not _is_medical(file):
            return name
        return address(file, **{**rules, **part, **({"window": window} if window else {})})

    return strings(one(str(name), part) for name, part in zip(names, parts, strict=True))


def _notes(rows: list[Row], options: DataOptions) -> list[str]:
    volumes = [row for row in rows if row.volume]
    if not volumes:
        return []
    slices = sum(len(row.parts) for row in volumes)
    return [
        f"{counted(len(volumes), 'volume is', 'volumes are')} read as {counted(slices, f'{options.plane} slice')}, "
        "a sample each; the slices of a volume, or of its group, stay together."
    ]
