"""The cases of a raw nnU-Net data set: which rows of a run each is made of, and where its image comes from."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from overread.data.address import split_address, without
from overread.data.formats import nifti
from overread.data.formats.nnunet import PLAN, is_nnunet, structures_of
from overread.data.formats.planes import PLANES, plane_of
from overread.data.problems import Problem, counted, refuse
from overread.errors import InputError
from overread.exporting.labels import Labels
from overread.exporting.pixels import Pictures
from overread.file_names import safe_names
from overread.run import read_info

Array = np.ndarray[Any, np.dtype[Any]]
ENDING = re.compile(r"\.(nii\.gz|nii|png|tiff?|bmp|dcm|jpe?g|npy|webp)$", re.IGNORECASE)
NUMBER = re.compile(r"_\d{4}$")


@dataclass(frozen=True)
class Case:
    """An image of one or several channels, and the rows of the run that are its slices."""

    name: str
    channels: tuple[str, ...]  # files; empty of a picture that is written anew
    rows: Mapping[int, int]  # number of the slice -> row of the run
    plane: str = ""  # "" of a picture
    test: bool = False

    @property
    def folders(self) -> tuple[str, str]:
        """Of its image and of its labels."""
        return ("imagesTs", "labelsTs") if self.test else ("imagesTr", "labelsTr")


@dataclass(frozen=True)
class Source:
    """What a raw nnU-Net data set said of itself, where the run's data were one."""

    root: Path | None = None
    plan: Mapping[str, Any] = field(default_factory=dict)
    structures: Mapping[str, Sequence[int]] = field(default_factory=dict)
    ignore: int | None = None

    def channels(self, image: str) -> tuple[str, ...]:
        """The files of all channels of an image."""
        if self.root is None:
            return (image,)
        if isinstance(listed := self.plan.get("dataset"), dict):
            inside = Path(os.path.relpath(image, self.root)).as_posix()
            for files in listed.values():
                if inside in map(str, files["images"]):
                    return tuple(str(self.root / name) for name in files["images"])
        folder, name = os.path.split(image)
        stem, ending = split_ending(name)
        if not NUMBER.search(stem):
            return (image,)
        pattern = re.compile(rf"{re.escape(stem[:-5])}_\d{{4}}{re.escape(ending)}")
        return tuple(
            os.path.join(folder, one) for one in sorted(os.listdir(folder)) if pattern.fullmatch(one)
        )


def source_of(labels: Labels) -> Source:
    """The data of a run, if they are a raw nnU-Net data set."""
    root = Path(str(read_info(labels.run).get("data", {}).get("path", "")))
    if not is_nnunet(root):
        return Source()
    plan = json.loads((root / PLAN).read_text("utf-8-sig"))
    structures, ignore = structures_of(root / PLAN, plan)
    return Source(root, plan, structures, ignore)


def split_ending(name: str) -> tuple[str, str]:
    """The name of a file, and its ending.

    >>> split_ending("case_1_0000.nii.gz")
    ('case_1_0000', '.nii.gz')
    """
    found = ENDING.search(name)
    return (name[: found.start()], found[0]) if found else (name, "")


def cases_of(labels: Labels, source: Source) -> list[Case]:
    """The cases of a run, in its order. What has no label to learn from is left out. Raises `InputError`."""
    kept = labels.kept
    rows: dict[str, list[int]] = {}
    for row in range(len(kept)):
        file, _ = split_address(str(kept.images[row]))
        own = file if nifti.is_nifti(file) else without(str(kept.images[row]), "channels")
        rows.setdefault(own, []).append(row)
    rows = {file: some for file, some in rows.items() if not all(map(labels.out_of_use, some))}
    volumes = [nifti.is_nifti(file) for file in rows]
    if any(volumes) and not all(volumes):
        what = f"{counted(sum(volumes), 'image is', 'images are')} NIfTI and {len(volumes) - sum(volumes):,} are not"
        cure = "nnU-Net has one kind of file a data set: export --to masks, or make a run of each kind."
        refuse(labels.run, [Problem(what, cure)])
    stems = [split_ending(os.path.basename(file).replace("#", "_"))[0] for file in rows]
    if source.root is not None:
        stems = [NUMBER.sub("", stem) for stem in stems]
    if len({stem.casefold() for stem in stems}) < len(stems):
        stems = [split_ending(str(kept.ids[some[0]]).partition("#")[0])[0] for some in rows.values()]
    names = safe_names(stems)
    return [
        Case(name, *_image(labels, source, file, some), test=all(kept.splits[row] == "test" for row in some))
        for name, (file, some) in zip(names, rows.items(), strict=True)
    ]


def _image(
    labels: Labels, source: Source, file: str, rows: list[int]
) -> tuple[tuple[str, ...], dict[int, int], str]:
    """The channels of a case, its rows by slice, and the plane these lie in."""
    if not nifti.is_nifti(file):
        return (source.channels(file) if source.root else ()), {0: rows[0]}, ""
    parts = [split_address(str(labels.kept.images[row]))[1] for row in rows]
    planes = {plane for part in parts for plane in PLANES if plane in part}
    if len(planes) > 1:
        raise InputError(
            f"{file} was cut along several planes ({', '.join(sorted(planes))}): export --to masks"
        )
    plane = planes.pop() if planes else plane_of(nifti.geometry(file, file).canonical, "axial")
    slices = {int(part.get(plane, 0)): row for part, row in zip(parts, rows, strict=True)}
    return source.channels(file), slices, plane


def write_images(labels: Labels, cases: Sequence[Case], folder: Path) -> tuple[str, int]:
    """Writes the images of all cases; returns the ending of all files, and how many channels a case has."""
    if not cases or cases[0].channels:
        return _copy(cases, folder)
    pictures, colour = Pictures(labels), []
    for case in cases:
        values = pictures[case.rows[0]]
        colour.append(values.ndim == 3)
        _save(values, _path(folder, case, 0, ".png"))
    if any(colour):
        for case in (case for case, is_so in zip(cases, colour, strict=True) if not is_so):
            _to_colour(_path(folder, case, 0, ".png"))
    return ".png", 3 if any(colour) else 1


def _path(folder: Path, case: Case, channel: int, ending: str) -> Path:
    path = folder / case.folders[0] / f"{case.name}_{channel:04d}{ending}"
    path.parent.mkdir(exist_ok=True)
    return path


def _save(values: Array, path: Path) -> None:
    Image.fromarray(np.ascontiguousarray(values)).save(path)


def _to_colour(path: Path) -> None:
    """A grey picture among coloured ones becomes coloured."""
    from overread.data import deep

    with Image.open(path) as picture:
        grey = np.asarray(picture)
    _save(np.repeat(deep.to_uint8(grey)[..., None], 3, axis=2), path)


def _copy(cases: Sequence[Case], folder: Path) -> tuple[str, int]:
    """Copies the files as they are; where their endings differ, NIfTI is packed."""
    endings = {split_ending(file)[1].lower() for case in cases for file in case.channels}
    counts = {len(case.channels) for case in cases}
    if len(counts) > 1:
        raise InputError(
            f"Some cases have {min(counts)} channels and others {max(counts)}: nnU-Net wants the same."
        )
    ending = endings.pop() if len(endings) == 1 else ".nii.gz"
    for case, number, file in _files(cases):
        path = _path(folder, case, number, ending)
        if split_ending(file)[1].lower() == ending:
            shutil.copyfile(file, path)
        else:
            with open(file, "rb") as plain, gzip.open(path, "wb") as packed:
                shutil.copyfileobj(plain, packed)
    return ending, counts.pop() if counts else 1


def _files(cases: Sequence[Case]) -> Iterator[tuple[Case, int, str]]:
    for case in cases:
        for number, file in enumerate(case.channels):
            yield case, number, file
