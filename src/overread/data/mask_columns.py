"""Which columns of a table hold masks: one file a structure, or one file for all; and which task that makes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from overread.data.manifest import Strings
from overread.data.mask_files import MaskFiles, Part
from overread.data.options import DataOptions
from overread.data.problems import quoted
from overread.data.samples import Samples, is_missing, strings
from overread.data.sheet import Sheet
from overread.errors import InputError

ONE, EACH, END, TRUE = "mask", "mask_", "_mask", "true_"
ONES = ("mask_path", "mask_file", "mask_filename", "mask_name", "mask_image", "mask_img")
GUESSES = (
    "segmentation",
    "segmentation_path",
    "segmentation_file",
    "seg",
    "seg_path",
)  # when masks are asked for


@dataclass(frozen=True)
class MaskColumns:
    """The columns of masks by structure; of a single column for all structures under the name `mask`."""

    given: dict[str, str] = field(default_factory=dict)  # {"heart": "mask_heart"}
    true: dict[str, str] = field(default_factory=dict)
    single: bool = False  # its files may be indexed
    guessed: dict[str, str] = field(default_factory=dict)


def mask_columns(sheet: Sheet, options: DataOptions) -> MaskColumns:
    """The mask columns of `sheet`; none where it has none. Raises `InputError` where two readings are possible."""
    found = _given(sheet, options)
    wanted = {name: TRUE + (ONE if found.single else EACH + name) for name in found.given}
    true = {name: column for name, true in wanted.items() if (column := _column(sheet, true))}
    every = [column for column in sheet.columns if column.lower().startswith(TRUE + ONE)]
    lacking = [name for name in found.given if name not in true]
    if every and found.given and (lacking or len(every) > len(true)):
        extra = [column for column in every if column not in true.values()]
        missing = [wanted[name] for name in lacking]
        raise InputError(
            "The true masks do not go with the given ones: "
            + " and ".join(
                [f"there is no column {quoted(missing)}"] * bool(missing)
                + [f"{quoted(extra)} stands alone"] * bool(extra)
            )
            + ". Each mask column needs one for the truth, or none has one."
        )
    return replace(found, true=true)


def add_masks(samples: Samples, sheet: Sheet, columns: MaskColumns, optional: bool) -> Samples:
    """The samples with the files that the mask columns name; where they are `optional`, some file must be named."""
    if not columns.given:
        return samples
    given = _files(sheet, columns.given)
    if optional and not (given != "").any():
        return samples
    parts = tuple((Part(index),) for index in range(len(columns.given)))
    true = MaskFiles(_files(sheet, columns.true), parts, images=samples.images) if columns.true else None
    masks = MaskFiles(given, parts, images=samples.images)
    names = tuple(columns.given)
    return replace(samples, masks=masks, true_masks=true, structures=names, indexed=columns.single)


def _given(sheet: Sheet, options: DataOptions) -> MaskColumns:
    if options.mask_col:
        return MaskColumns({ONE: options.mask_col}, single=True)
    names = {column.lower(): column for column in sheet.columns}
    each = {
        column[len(EACH) :]: column
        for column in sheet.columns
        if column.lower().startswith(EACH) and column.lower() not in (EACH, *ONES)
    }
    one = _column(sheet, ONE)
    if one and each:
        raise InputError(
            f"It has {quoted([one])}, one file for all structures, and {quoted(each.values())}, one a structure. "
            f"Choose the one file by --mask-col {one}, or take its column out of the table."
        )
    if each or one:
        return MaskColumns(each or {ONE: one}, single=bool(one))
    return _guessed(names, options.task == "segmentation")


def _guessed(names: dict[str, str], asked: bool) -> MaskColumns:
    """The columns with other usual names; some of them only where masks were asked for."""
    single = [names[low] for low in (*ONES, *(GUESSES if asked else ())) if low in names]
    ends = [
        column for low, column in names.items() if asked and low.endswith(END) and not low.startswith(TRUE)
    ]
    each = {column[: -len(END)]: column for column in ends}
    if len(single) + bool(each) > 1:
        raise InputError(
            f"More than one column could be the mask: {quoted([*single, *each.values()])}. "
            "Choose one: --mask-col NAME"
        )
    if single:
        return MaskColumns({ONE: single[0]}, single=True, guessed={ONE: single[0]})
    return MaskColumns(each, guessed={EACH + name: column for name, column in each.items()})


def _column(sheet: Sheet, name: str) -> str:
    """The column of that name in any case, or ""."""
    return next((column for column in sheet.columns if column.lower() == name.lower()), "")


def _files(sheet: Sheet, columns: dict[str, str]) -> Strings:
    """[N, P] the files of some columns; an empty cell is ""."""
    cells = [strings(str(cell).strip() for cell in sheet.columns[column]) for column in columns.values()]
    for column in cells:
        column[is_missing(column)] = ""
    return np.stack(cells, axis=1)
