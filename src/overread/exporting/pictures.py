"""The images of an export: paths to where they lie, or, of a .npz, files of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from overread.data.relative import relative_paths
from overread.exporting.again import read_again
from overread.exporting.labels import Labels
from overread.run import read_info


def image_cells(labels: Labels, folder: Path) -> list[str]:
    """[N] the column `image`, from where the export will lie; pixels of a .npz are written to `folder`."""
    source = str(read_info(labels.run).get("data", {}).get("path", ""))
    inside = source.endswith(".npz") or any(".npz/" in str(name) for name in labels.kept.images[:1])
    if inside:
        return _write_pixels(labels, folder)
    return relative_paths((Path(str(name)) for name in labels.kept.images), labels.out)


def _write_pixels(labels: Labels, folder: Path) -> list[str]:
    from PIL import Image

    pixels = read_again(labels.run, labels.kept).pixels
    assert pixels is not None
    (folder / "images").mkdir()
    names = [f"images/{row:06d}.png" for row in range(len(labels.kept))]
    for name, plane in zip(names, pixels, strict=True):
        Image.fromarray(np.asarray(plane)).save(folder / name)
    return names
