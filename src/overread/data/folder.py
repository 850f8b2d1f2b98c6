"""Reads a folder with one sub-folder per class, optionally under `train/`, `val/`, `test/`."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from overread.data.formats.dicom_header import is_dicom
from overread.data.forms import FORMS, IGNORED, TABLE_ENDINGS, is_image, why_not
from overread.data.options import DataOptions
from overread.data.problems import Problem, counted, quoted, refuse
from overread.data.samples import SPLITS, Samples, strings
from overread.data.unlabelled import all_images
from overread.errors import InputError


@dataclass(frozen=True)
class Found:
    """What a walk through the folder gathers."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)  # (image, class, split)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)  # class folders without an image
    loose: list[str] = field(default_factory=list)  # images beside class folders
    deep: list[str] = field(default_factory=list)  # folders inside class folders


def read_folder(path: Path, options: DataOptions) -> Samples:
    """The samples of a folder; the names of the class folders are the labels.

    Where labels are optional, a folder that does not tell the class of every image is read without labels.
    """
    if options.columns:
        named = " ".join(options.columns)
        raise InputError(
            f"{named}: {path} is a folder of class folders, it has no columns. Leave the flag out."
        )
    root = path.absolute()
    folders, files = _list(root, "")
    names = {*SPLITS, *(name.lower() for name in options.split_map or {})}
    splits = [folder for folder in folders if folder.lower() in names and _list(root, folder)[0]]
    flat = (
        [folder for folder in folders if folder.lower() in names and folder not in splits] if splits else []
    )
    beside = [folder for folder in folders if folder not in splits + flat] if splits else []
    found = _walk(root, splits, [] if splits else folders, flat)
    found.loose.extend(name for name in files if is_image(str(root / name)))
    problems = _problems(found, splits, beside)
    if options.labels == "optional" and problems and (samples := all_images(root)):
        return samples
    if problems or not found.rows:
        refuse(path, problems + _nothing(found, folders) + _table_hint(path, files))
    groups = os.path.abspath(os.path.expanduser(options.groups)) if options.groups else ""
    tables = [name for name in files if name.lower().endswith(TABLE_ENDINGS)]
    return _samples(root, found, [name for name in tables if os.path.join(root, name) != groups])


def _walk(root: Path, splits: list[str], classes: list[str], flat: list[str]) -> Found:
    """Gathers the images of class folders, those under split folders, and what lies `flat` in a split."""
    found = Found()
    for split in splits:
        inner, files = _list(root, split)
        found.loose.extend(name for name in files if is_image(str(root / name)))
        for folder in inner:
            _walk_class(root, folder, split, found)
    for folder in classes:
        _walk_class(root, folder, "", found)
    for split in flat:
        found.left_out.extend((name, "lies in no class folder") for name in _list(root, split)[1])
    return found


def _walk_class(root: Path, folder: str, split: str, found: Found) -> None:
    """Adds the images of one class folder."""
    inner, files = _list(root, folder)
    label = folder.rpartition("/")[2]
    images = [name for name in files if is_image(str(root / name))]
    others, seen = sorted(set(files) - set(images)), {os.path.realpath(root / folder)}
    for name in inner:
        series = _series(root, name, seen)
        images += series
        found.deep.extend([] if series else [name])
    found.rows.extend((name, label, split) for name in images)
    found.left_out.extend((name, "not an image by its ending") for name in others)
    if not images and not inner:
        found.empty.append(folder + "/")


def _list(root: Path, folder: str) -> tuple[list[str], list[str]]:
    """The folders and files in `folder` as sorted paths relative to `root`, without hidden ones."""
    try:
        with os.scandir(root / folder) as entries:
            seen = [entry for entry in entries if entry.name[0] != "." and entry.name.lower() not in IGNORED]
            kinds = {
                (f"{folder}/{entry.name}" if folder else entry.name): os.path.isdir(entry.path)
                for entry in seen
            }
    except OSError as error:
        raise InputError(f"The folder {root / folder} cannot be read: {error.strerror}.") from None
    return sorted(name for name in kinds if kinds[name]), sorted(name for name in kinds if not kinds[name])


def _series(root: Path, folder: str, seen: set[str]) -> list[str]:
    """All files below a folder where they are DICOM, as scanners export patients and series; else none.

    A folder that links lead to again, which `seen` knows by its real path, counts as none: links may go round.
    """
    real = os.path.realpath(root / folder)
    if real in seen:
        return []
    seen.add(real)
    inner, files = _list(root, folder)
    found = [name for below in inner for name in _series(root, below, seen) or [""]] + files
    return found if all(name and is_dicom(str(root / name)) for name in found) else []


def _samples(root: Path, found: Found, unused: list[str]) -> Samples:
    images, labels, splits = zip(*found.rows, strict=True)
    notes = []
    if found.empty:
        notes.append(
            f"{counted(len(found.empty), 'folder holds', 'folders hold')} no image: {quoted(found.empty)}."
        )
    if unused:
        notes.append(
            f"In the folder, but not read: {quoted(unused)}. (Groups come from a table by --groups FILE.)"
        )
    return Samples(
        kind="folder",
        root=root,
        ids=strings(images),
        images=strings(images),
        labels=strings(labels),
        groups=strings([""] * len(images)),
        splits=strings(splits),
        left_out=found.left_out,
        notes=notes,
    )


def _problems(found: Found, splits: list[str], beside: list[str]) -> list[Problem]:
    """What makes it unclear which class an image has."""
    expected = "expected CLASS/image.jpg or train/CLASS/image.jpg everywhere"
    problems = []
    if found.loose:
        what = f"{counted(len(found.loose), 'image lies', 'images lie')} outside the class folders"
        cure = f"move them into the folder of their class, or list them in a table ({expected})."
        problems.append(Problem(what, cure, tuple(found.loose)))
    if found.deep:
        what = f"{counted(len(found.deep), 'folder lies', 'folders lie')} inside class folders (mixed depth)"
        cure = f"{expected}; for deeper trees write a table with the columns image and label."
        problems.append(Problem(what, cure, tuple(name + "/" for name in found.deep)))
    if beside:
        what = f"folders lie beside {quoted(name + '/' for name in splits)} that are not splits (mixed depth)"
        cure = f"{expected}; a split with another name is told by --split-map NAME=train."
        problems.append(Problem(what, cure, tuple(name + "/" for name in beside)))
    return problems


def _nothing(found: Found, folders: list[str]) -> list[Problem]:
    """The problem of a folder without a single image in class folders."""
    if found.rows or found.deep or found.loose:
        return []
    cure = f"give {FORMS}."
    endings = sorted({os.path.splitext(name)[1].lower() or "(none)" for name, _ in found.left_out})
    if endings:
        reasons = sorted({why for ending in endings if (why := why_not(ending))})
        what = f"no file in its folders is an image by its ending; the endings are {quoted(endings)}"
        return [Problem("; ".join([what, *reasons]), cure)]
    return [Problem("the folder is empty" if not folders else "its folders hold no image", cure)]


def _table_hint(path: Path, files: list[str]) -> list[Problem]:
    tables = [name for name in files if name.lower().endswith(TABLE_ENDINGS)]
    if not tables:
        return []
    return [
        Problem(
            f"the folder holds {quoted(tables)}",
            f"if that is the table of labels, give it: {path / tables[0]}",
        )
    ]
