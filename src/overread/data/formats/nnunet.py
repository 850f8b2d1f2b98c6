"""Reads a raw nnU-Net data set: `imagesTr`, `labelsTr` and a `dataset.json` that names the structures."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from overread.data.address import files_of
from overread.data.formats.inside import inside
from overread.data.formats.nnunet_channels import channels_of, several
from overread.data.mask_files import MaskFiles, Part, with_values
from overread.data.options import DataOptions
from overread.data.problems import Problem, counted, quoted, refuse
from overread.data.samples import Samples, strings
from overread.errors import InputError

PLAN = "dataset.json"
ENDINGS = (".nii.gz", ".nii", ".png", ".tif", ".tiff", ".bmp")
SUBSETS = {"train": ("imagesTr", "labelsTr"), "test": ("imagesTs", "labelsTs")}
BACKGROUND, IGNORE = "background", "ignore"


@dataclass(frozen=True)
class Case:
    """An image with its labels, as paths from the data set's folder."""

    image: str
    labels: str  # "" where there are none
    split: str


def is_nnunet(folder: Path) -> bool:
    """Whether a folder is a raw nnU-Net data set."""
    return (folder / PLAN).is_file() and (folder / "imagesTr").is_dir()


def read_nnunet(folder: Path, options: DataOptions) -> Samples:
    """The samples of a raw nnU-Net data set: a row a case; volumes become slices later."""
    root = folder.absolute()
    plan = _plan(root / PLAN)
    if options.columns or options.task == "classification":
        flags = " ".join([*options.columns, *["--task classification"] * (options.task == "classification")])
        raise InputError(
            f"{flags}: {folder} is a raw nnU-Net data set: masks, without columns. Leave the flag out."
        )
    structures, ignore = structures_of(root / PLAN, plan)
    problems: list[Problem] = []
    shown, channel_note = channels_of(plan, options.channel, root / PLAN)
    cases = list(_cases(root, plan, shown, problems))
    if not cases:
        named = f"CASE_{shown[0]}{plan.get('file_ending', '.nii.gz')}"
        refuse(
            folder, problems or [Problem("imagesTr holds no case", f"expected files like imagesTr/{named}.")]
        )
    unlabelled = [case for case in cases if not case.labels]
    if options.labels == "needed":
        cases = [case for case in cases if case.labels]
        lacking = tuple(case.image for case in unlabelled if case.split == "train")
        if lacking:
            what = f"{counted(len(lacking), 'image has', 'images have')} no file in labelsTr"
            problems.append(Problem(what, "add the labels, or take the images out.", lacking))
    samples = _samples(root, cases, structures, problems)
    images = strings(several(str(image), shown) for image in samples.images)
    samples = replace(samples, images=images)
    known = frozenset({0, *(() if ignore is None else (ignore,)), *chain(*structures.values())})
    return replace(samples, named=known, notes=[*channel_note, *_notes(ignore, unlabelled, options)])


def _samples(
    root: Path, cases: list[Case], structures: dict[str, list[int]], problems: list[Problem]
) -> Samples:
    images = strings(case.image for case in cases)
    files = [
        [with_values(case.labels, values) if case.labels else "" for values in structures.values()]
        for case in cases
    ]
    single = all(len(values) == 1 for values in structures.values())
    labelled = any(case.labels for case in cases)
    masks = MaskFiles(
        _table(files, len(structures)),
        tuple((Part(column),) for column in range(len(structures))),
        exclusive=single and len(structures) > 1,
        images=images,
    )
    apart = len({case.split for case in cases}) > 1
    return Samples(
        kind="nnU-Net",
        root=root,
        ids=images,
        images=images,
        labels=strings("" for _ in cases),
        groups=strings("" for _ in cases),
        splits=strings(case.split if apart else "" for case in cases),
        masks=masks if labelled else None,
        structures=tuple(structures) if labelled else (),
        problems=problems,
    )


def _table(files: list[list[str]], width: int) -> Any:
    import numpy as np

    table = np.empty((len(files), width), dtype=object)
    for row, names in enumerate(files):
        table[row] = names
    return table


def _plan(path: Path) -> dict[str, Any]:
    """What `dataset.json` says."""
    try:
        plan = json.loads(path.read_text("utf-8-sig"), object_pairs_hook=_each_once)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path} cannot be read as JSON: {error}. nnU-Net writes one with each data set."
        ) from None
    if not isinstance(plan, dict) or not isinstance(plan.get("labels"), dict):
        raise InputError(f'{path} names no structures: expected "labels": {{"background": 0, "liver": 1}}.')
    return plan


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, of whose keys the last of two alike would win in silence."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)!r} stands in it twice")
    return found


def structures_of(path: Path, plan: dict[str, Any]) -> tuple[dict[str, list[int]], int | None]:
    """The numbers of each structure, in the order of the plan, and the number to ignore."""
    found: dict[str, list[int]] = {}
    for key, value in plan["labels"].items():
        name, numbers = (
            (str(value), key) if str(key).isdecimal() else (str(key), value)
        )  # version 1 of nnU-Net
        try:
            found[name] = [_whole(number) for number in (numbers if isinstance(numbers, list) else [numbers])]
        except (TypeError, ValueError, OverflowError):
            raise InputError(
                f"{path}: the label {name!r} is {numbers!r}; expected its number, or a list."
            ) from None
    found = {name: numbers for name, numbers in found.items() if numbers != [0]}
    ignore = found.pop(IGNORE, None)
    wrong = [name for name, numbers in found.items() if not numbers or min(numbers) < 1]
    if wrong or not found:
        what = (
            f"the labels {quoted(wrong)} have no number above 0"
            if wrong
            else "no structure but the background"
        )
        raise InputError(f'{path}: {what}. Expected "labels": {{"background": 0, "liver": 1}}.')
    _refuse_twins(path, found)
    return found, ignore[0] if ignore else None


def _whole(number: Any) -> int:
    if int(number) != float(number):
        raise ValueError(number)
    return int(number)


def _refuse_twins(path: Path, structures: dict[str, list[int]]) -> None:
    """Two structures with one and the same number: nobody could tell them apart."""
    seen: dict[tuple[int, ...], str] = {}
    for name, numbers in structures.items():
        if (other := seen.setdefault(tuple(sorted(numbers)), name)) != name:
            shown = " and ".join(map(str, numbers))
            raise InputError(
                f"{path}: {other!r} and {name!r} both have the number {shown}. Give each its own, or remove one."
            )


def _cases(root: Path, plan: dict[str, Any], shown: list[str], problems: list[Problem]) -> Iterator[Case]:
    """The cases of the folders, or those that the plan lists under `dataset`; of several channels the first."""
    if isinstance(plan.get("dataset"), dict):
        yield from _listed(root, plan["dataset"], shown, problems)
        return
    for split, (images, labels) in SUBSETS.items():
        names = _files(root / images)
        own = {_stem(name): name for name in _files(root / labels)}
        for name in names:
            stem = _stem(name)
            case, _, number = stem.rpartition("_")
            numbered = len(number) == 4 and number.isdecimal() and bool(case)
            if numbered and number != shown[0]:
                continue
            found = own.get(case if numbered else stem)
            yield Case(f"{images}/{name}", f"{labels}/{found}" if found else "", split)


def _listed(root: Path, cases: dict[str, Any], shown: list[str], problems: list[Problem]) -> Iterator[Case]:
    """Cases with paths of their own, which must not leave the folder."""
    outside = []
    for key, files in cases.items():
        try:
            images = [str(files["images"][int(number)]) for number in shown]
            labels = str(files.get("label") or "")
        except (TypeError, KeyError, IndexError, AttributeError):
            raise InputError(
                f'{root / PLAN}: the case {key!r} has no "images" with channel {", ".join(shown)}.'
            ) from None
        if wrong := [name for name in (*images, labels) if name and not inside(name)]:
            outside += wrong
        elif files_of(several(images[0], shown)) != images:
            raise InputError(
                f"{root / PLAN}: the channels of the case {key!r} are shown together where their files are called "
                "NAME_0000, NAME_0001 and so on. Rename them, or show one: --channel NAME"
            )
        else:
            yield Case(images[0], labels, "train")
    if outside:
        what = f"{counted(len(outside), 'path', 'paths')} in {PLAN} lead out of the folder"
        problems.append(Problem(what, "name files below the data set's own folder.", tuple(outside)))


def _files(folder: Path) -> list[str]:
    """The names of files that can be a case, sorted."""
    if not folder.is_dir():
        return []
    names = sorted(os.listdir(folder))
    return [name for name in names if name[0] != "." and name.lower().endswith(ENDINGS)]


def _stem(name: str) -> str:
    ending = next(ending for ending in ENDINGS if name.lower().endswith(ending))
    return name[: -len(ending)]


def _notes(ignore: int | None, unlabelled: list[Case], options: DataOptions) -> list[str]:
    notes = []
    if ignore is not None:
        notes.append(f"The number {ignore} ({IGNORE!r}) is read as nothing drawn.")
    others = [case.image for case in unlabelled if case.split == "test"]
    if others and options.labels == "needed":
        notes.append(f"{counted(len(others), 'image')} of imagesTs without labels left out.")
    return notes
