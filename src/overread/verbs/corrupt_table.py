"""The columns of `labels.csv` that all tasks share: images, groups, splits, ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from overread.data.manifest import Manifest
from overread.data.relative import relative_paths

Columns = dict[str, Any]  # name -> [N] cells


def image_column(manifest: Manifest, out: Path) -> Columns:
    """`image`: paths from `out`."""
    return {"image": relative_paths((manifest.path(row) for row in range(len(manifest))), out)}


def other_columns(manifest: Manifest) -> Columns:
    """`group` and `split`, and `id` only where the data brought ids of their own."""
    lonely = bool((manifest.group == manifest.ids).all())  # nobody named groups: nothing to write down
    columns: Columns = {"group": "" if lonely else manifest.group, "split": manifest.split}
    return {**columns, "id": manifest.ids} if (manifest.ids != manifest.images).any() else columns
