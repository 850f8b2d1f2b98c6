"""Which task DATA is for, told before its images are opened."""

from __future__ import annotations

from pathlib import Path

from overread.data.columns import choose_columns
from overread.data.formats.coco import open_coco
from overread.data.formats.nnunet import is_nnunet
from overread.data.forms import TABLE_ENDINGS
from overread.data.options import DataOptions
from overread.data.shards import sheet_of
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
    if path.is_file() and path.suffix.lower() not in (*TABLE_ENDINGS, ".txt"):
        return "classification"
    try:
        sheet = sheet_of(path, options)
        return "segmentation" if sheet and choose_columns(sheet, options).masks.given else "classification"
    except InputError:
        return "classification"
