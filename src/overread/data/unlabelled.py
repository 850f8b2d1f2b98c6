"""Images without labels, for a model to judge: one file, or all files below a folder."""

from __future__ import annotations

import os
from pathlib import Path

from overread.data.forms import IGNORED, is_image
from overread.data.problems import counted
from overread.data.samples import Samples, strings


def one_image(path: Path) -> Samples:
    """A single image file."""
    return _samples(path.absolute().parent, [path.name], [])


def all_images(root: Path) -> Samples | None:
    """All images below `root`, however deep, hidden ones left out; None where there is none."""
    images: list[str] = []
    others = 0
    for folder, inner, files in os.walk(root):
        inner[:] = sorted(name for name in inner if _is_seen(name))
        names = sorted(filter(_is_seen, files))
        found = [name for name in names if is_image(os.path.join(folder, name))]
        images += [(Path(folder) / name).relative_to(root).as_posix() for name in found]
        others += len(names) - len(found)
    note = f"{counted(others, 'file')} among the images {'is' if others == 1 else 'are'} none by the ending."
    return _samples(root, images, [note] if others else []) if images else None


def _is_seen(name: str) -> bool:
    return name[0] != "." and name.lower() not in IGNORED


def _samples(root: Path, images: list[str], notes: list[str]) -> Samples:
    empty = [""] * len(images)
    return Samples(
        kind="images",
        root=root,
        ids=strings(images),
        images=strings(images),
        labels=strings(empty),
        groups=strings(empty),
        splits=strings(empty),
        notes=notes,
    )
