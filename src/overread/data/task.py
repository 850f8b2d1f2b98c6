"""Which task DATA is for, told before its images are opened."""

from __future__ import annotations

from pathlib import Path

from overread.data.columns import choose_columns
from overread.data.formats.coco import open_coco
from overread.data.formats.nnunet import is_nnunet
from overread.data.forms import TABLE_ENDINGS, TABLES
from overread.data.options import DataOptions
from overread.data.sheet import read_sheet
from overread.errors import InputError


def task_of(source: str | Path, options: DataOptions) -> str:
    """`classification` or `segmentation`. Where DATA cannot be read, `load` says why."""
    if options.task is not None:
        return options.task
    path = Path(source).expanduser()
    if is_nnunet(path):
        return "segmentation"
    if path.suffix.lower() == ".json" and path.is_file():
        try:
            return "segmentation" if open_coco(path).has_shapes else "classification"
        except InputError:
            return "classification"
    table = next((path / name for name in TABLES if (path / name).is_file()), path)
    if not table.is_file() or table.suffix.lower() not in (*TABLE_ENDINGS, ".txt"):
        return "classification"
    try:
        return "segmentation" if choose_columns(read_sheet(table), options).masks.given else "classification"
    except InputError:
        return "classification"
