"""The columns of `labels.csv` that all tasks share: images, groups, splits, ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from overread.data.manifest import Manifest
from overread.data.relative import relative_paths

Columns = dict[str, Any]  # name -> [N] cells


def image_column(manifest: Manifest, folder: Path, out: Path) -> Columns:
    """`image`: paths from `out`, whose content is written to `folder` first; pixels that came in a .npz as PNG."""
    pixels = manifest.pixels is not None
    paths = (manifest.path(row) for row in range(len(manifest)))
    return {"image": _write_pixels(manifest, folder) if pixels else relative_paths(paths, out)}


def other_columns(manifest: Manifest) -> Columns:
    """`group` and `split`, and `id` only where the data brought ids of their own."""
    lonely = bool((manifest.group == manifest.ids).all())  # nobody named groups: nothing to write down
    columns: Columns = {"group": "" if lonely else manifest.group, "split": manifest.split}
    own = manifest.pixels is None and (manifest.ids != manifest.images).any()
    return {**columns, "id": manifest.ids} if own else columns


def _write_pixels(manifest: Manifest, folder: Path) -> list[str]:
    """[N] where each image of a .npz now lies as PNG, from `folder`."""
    from PIL import Image

    assert manifest.pixels is not None
    (folder / "images").mkdir()
    names = [f"images/{row:06d}.png" for row in range(len(manifest))]
    for name, pixels in zip(names, manifest.pixels, strict=True):
        Image.fromarray(np.asarray(pixels)).save(folder / name)
    return names
