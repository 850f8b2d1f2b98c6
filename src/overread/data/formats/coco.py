"""Reads COCO's JSON of instances: masks per category, or one class an image."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overread.data.address import address
from overread.data.faults import BadImage
from overread.data.formats.coco_shapes import Unreadable, drawn
from overread.data.formats.inside import inside
from overread.data.formats.shelf import Shelf
from overread.data.manifest import Strings
from overread.data.mask_files import MaskFiles, Part
from overread.data.options import DataOptions
from overread.data.problems import Problem, counted, quoted, refuse
from overread.data.samples import Samples, strings
from overread.errors import InputError

LIMIT = 400_000_000  # pixels of a mask
EXPECTED = 'Expected COCO: {"images": [...], "annotations": [...], "categories": [...]}.'


@dataclass(frozen=True)
class Coco:
    """A file's lists, less what is not used."""

    images: list[dict[str, Any]]
    categories: list[str]  # names
    shapes: dict[
        tuple[int, int], list[tuple[Any, Any]]
    ]  # (image, category) by place: (id, segmentation) of each
    crowds: int  # annotations of a crowd

    @property
    def has_shapes(self) -> bool:
        """Whether anything is drawn, rather than boxed or named."""
        return any(shape for found in self.shapes.values() for _, shape in found)

    def of(self, image: int) -> list[int]:
        """The categories of an image."""
        return [category for category in range(len(self.categories)) if (image, category) in self.shapes]


def read_coco(path: Path, options: DataOptions) -> Samples:
    """The samples of a file: segmentation where something is drawn, unless --task says otherwise."""
    others = [flag for flag in options.columns if flag != "--group-col"]
    if others:
        raise InputError(f"{' '.join(others)}: {path} is COCO, it has no columns. Leave the flag out.")
    found = open_coco(path)
    names = [str(image.get("file_name", "")) for image in found.images]
    if outside := tuple(name or "(no file_name)" for name in names if not name or not inside(name)):
        what = (
            f"{counted(len(outside), 'file_name leads', 'file_names lead')} out of the folder, or are empty"
        )
        refuse(path, [Problem(what, "name files below one folder.", outside)])
    root = _root(path.absolute(), names)
    images = strings(names)
    drawn_in = options.task == "segmentation" or (options.task is None and found.has_shapes)
    if drawn_in and not found.has_shapes:
        raise InputError(f"--task segmentation: {path} draws nothing: no annotation has a segmentation.")
    labels, problems = ([""] * len(names), []) if drawn_in else _labels(found, names, options)
    return Samples(
        kind="COCO",
        root=root,
        ids=images,
        images=images,
        labels=strings(labels),
        groups=_groups(found, options),
        splits=strings("" for _ in names),
        masks=_masks(path.absolute(), found, images) if drawn_in else None,
        structures=tuple(found.categories) if drawn_in else (),
        notes=_notes(found, root, path) if drawn_in else [],
        problems=problems,
    )


def open_coco(path: str | Path) -> Coco:
    """The lists of a file, kept while it does not change. Raises `InputError`."""
    return _opened.get(str(path), lambda: _open(Path(path)))


def _open(path: Path) -> Coco:
    try:
        whole = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path} cannot be read as JSON: {getattr(error, 'strerror', None) or error}."
        ) from None
    try:
        images, categories = list(whole["images"]), list(whole["categories"])
        by_id = {image["id"]: at for at, image in enumerate(images)}
        kinds = {one["id"]: at for at, one in enumerate(categories)}
        names = [str(one["name"]) for one in categories]
        shapes = defaultdict(list)
        for one in whole["annotations"]:
            shapes[by_id[one["image_id"]], kinds[one["category_id"]]].append(
                (one.get("id"), one.get("segmentation"))
            )
        crowds = sum(bool(one.get("iscrowd")) for one in whole["annotations"])
    except (TypeError, KeyError, AttributeError) as error:
        what = f"{error} is missing, or names nothing" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{path} is JSON of another kind ({what}). {EXPECTED}") from None
    if not images or not names or len(set(names)) < len(names) or len(by_id) < len(images):
        twice = [name for name in names if names.count(name) > 1]
        why = (
            f"categories are called alike: {quoted(set(twice))}"
            if twice
            else "a list is empty, or ids occur twice"
        )
        raise InputError(f"{path}: {why}. {EXPECTED}")
    return Coco(images, names, dict(shapes), crowds)


def size(path: str, name: str, part: Mapping[str, str]) -> tuple[int, int]:
    """(height, width) of an image, as the file says."""
    image = _image(open_coco(path), name, part)
    try:
        height, width = int(image["height"]), int(image["width"])
    except (KeyError, TypeError, ValueError):
        raise BadImage(name, "does not say the height and width of its image") from None
    if height < 1 or width < 1 or height * width > LIMIT:
        raise BadImage(name, f"says that its image has {width} x {height} pixels")
    return height, width


def labels(path: str, name: str, part: Mapping[str, str]) -> Any:
    """uint8 [H, W]: 1 where an image's annotations of a category draw."""
    found = open_coco(path)
    height, width = size(path, name, part)
    whole = np.zeros((height, width), bool)
    for own, segmentation in found.shapes.get((int(part["image"]), int(part.get("category", -1))), []):
        try:
            whole |= drawn(segmentation or [], height, width)
        except Unreadable as error:
            raise BadImage(name, f"the annotation {str(own)[:30]} cannot be drawn: {error}") from None
    return whole.astype(np.uint8)


def picture(path: str, name: str, part: Mapping[str, str]) -> Any:
    """There is none."""
    raise BadImage(name, "is an annotation, not an image")


values = picture


def _image(found: Coco, name: str, part: Mapping[str, str]) -> dict[str, Any]:
    at = part.get("image", "")
    if not at.isdecimal() or int(at) >= len(found.images):
        raise BadImage(name, f"has {len(found.images)} images, counted from 0; there is no {at}")
    return found.images[int(at)]


def _root(path: Path, names: list[str]) -> Path:
    """The folder that images lie in: the first of the usual ones that has the first image."""
    above, kind = path.parent.parent, path.stem.rpartition("_")[2]
    usual = [
        path.parent,
        path.parent / "images",
        above,
        above / "images",
        above / kind,
        above / "images" / kind,
    ]
    return next((folder for folder in usual if os.path.isfile(folder / names[0])), path.parent)


def _masks(path: Path, found: Coco, images: Strings) -> MaskFiles:
    files = np.full((len(images), len(found.categories)), "", dtype=object)
    for (image, category), shapes in found.shapes.items():
        if any(shape for _, shape in shapes):
            files[image, category] = address(str(path), image=image, category=category)
    return MaskFiles(files, tuple((Part(column),) for column in range(len(found.categories))), images=images)


def _labels(found: Coco, names: list[str], options: DataOptions) -> tuple[list[str], list[Problem]]:
    """The one category of each image."""
    own = [found.of(image) for image in range(len(names))]
    several = tuple(_listed(found, names[at], of) for at, of in enumerate(own) if len(of) > 1)
    what = f"{counted(len(several), 'image has', 'images have')} several categories"
    cure = "a class an image is expected: --task segmentation reads masks, where they are drawn."
    problems = [Problem(what, cure, several)] if several and options.labels == "needed" else []
    return [found.categories[of[0]] if len(of) == 1 else "" for of in own], problems


def _listed(found: Coco, name: str, categories: list[int]) -> str:
    return f"{name}: {', '.join(found.categories[category] for category in categories[:5])}"


def _groups(found: Coco, options: DataOptions) -> Strings:
    """What `--group-col` names in each image."""
    key = options.group_col
    if key and not any(key in image for image in found.images):
        raise InputError(f"--group-col {key}: no image has it. They have {quoted(found.images[0])}.")
    return strings(str(image.get(key, "")) if key else "" for image in found.images)


def _notes(found: Coco, root: Path, path: Path) -> list[str]:
    notes = [] if root == path.absolute().parent else [f"Images are taken from {root}."]
    if found.crowds:
        notes.append(f"{counted(found.crowds, 'annotation')} of crowds (iscrowd) count as drawn.")
    boxed = sum(not shape for shapes in found.shapes.values() for _, shape in shapes)
    if boxed:
        notes.append(f"{counted(boxed, 'annotation')} without a segmentation (boxes alone) draw nothing.")
    return notes


_opened: Shelf[Coco] = Shelf(lambda _: 0)
