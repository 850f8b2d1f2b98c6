"""Which column of a table is what: named by a flag, by its standard name, or guessed when only one fits."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from overread.data.mask_columns import MaskColumns, mask_columns
from overread.data.options import DataOptions
from overread.data.problems import quoted
from overread.data.samples import SPLITS
from overread.data.sheet import Sheet
from overread.errors import InputError

KNOWN = {  # the standard name first: it needs no guessing
    "image": "image image_path img img_path file filename file_name filepath file_path path image_file",
    "label": "label given class class_name diagnosis dx target category finding y",
    "group": "group patient patient_id patientid pid subject subject_id lesion lesion_id slide slide_id",
    "split": "split subset partition phase",
}
TRUE = ("true_label", "true")
VERIFIED = "verified"
MASKS = re.compile(
    "mask|label|segm?|annotation"
)  # what columns of masks are called, where a table holds files
OF_LABELS = (
    "--reader-col is for labels. Of masks that several readers drew, make one an image first: staple or "
    "majority_mask of overread.readers.masks (docs/readers.md)."
)


@dataclass(frozen=True)
class Columns:
    """The names of the columns to read, "" where there is none."""

    image: str
    label: str
    group: str
    split: str
    true: str
    verified: str
    id: str
    guessed: dict[str, str]
    masks: MaskColumns


def choose_columns(sheet: Sheet, options: DataOptions) -> Columns:
    """The columns of `sheet`. One `InputError` names all that are missing or have to be asked for."""
    faults = [fault for flag, name in options.columns.items() if (fault := _fault(sheet, flag, name))]
    chosen = dict.fromkeys(KNOWN, "")
    searches: dict[str, Callable[[], str]] = {
        "image": lambda: options.image_col or _image(sheet),
        "label": lambda: "" if masks.given else options.label_col or _label(sheet, options),
        "group": lambda: options.group_col or ("" if options.groups else find_column(sheet, "group")),
        "split": lambda: options.split_col or _split_column(sheet, options),
    }
    masks = MaskColumns()
    try:
        masks = _masks(sheet, options)
    except InputError as error:
        faults.append(str(error))
        searches.pop("label")
    for role, search in searches.items():
        try:
            chosen[role] = search()
        except InputError as error:
            faults.append(str(error))
    if options.reader_col and masks.given:
        faults.append(OF_LABELS)
    if faults:
        raise InputError(
            f"Cannot use {sheet.path}\n" + "\n".join(f"- {fault}" for fault in faults) + _listed(sheet)
        )
    named = options.columns
    guessed = {
        role: name for role, name in chosen.items() if name not in ("", role) and f"--{role}-col" not in named
    }
    labelled = not masks.given and options.task != "segmentation"
    true = next((name for name in TRUE if labelled and name in sheet.columns), "")
    verified = VERIFIED if labelled and VERIFIED in sheet.columns else ""
    own = "id" if "id" in sheet.columns and chosen["image"] != "id" else ""
    guessed |= masks.guessed
    return Columns(**chosen, true=true, verified=verified, id=own, guessed=guessed, masks=masks)


def find_column(sheet: Sheet, role: str) -> str:
    """The column with the standard name of `role`, or the only one with another known name, or ""."""
    names = {name.lower(): name for name in reversed(sheet.columns)}
    known = KNOWN[role].split()
    found = [names[name] for name in known if name in names]
    if known[0] in names or len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            f"More than one column could be the {role}: {quoted(found)}. Choose one: --{role}-col NAME"
        )
    return ""


def _image(sheet: Sheet) -> str:
    """The column of that name, or the only one that holds files and is not called like masks."""
    held = [name for name in sheet.files if not MASKS.search(name.lower())]
    if "image" in map(str.lower, sheet.columns) or len(held) != 1:
        return _needed(sheet, "image")
    return held[0]


def _needed(sheet: Sheet, role: str) -> str:
    name = find_column(sheet, role)
    if role == "label" and name in sheet.files:
        raise InputError(
            f"The column '{name}' holds files. Are they masks? --task segmentation --mask-col {name}"
        )
    if not name:
        raise InputError(
            f"There is no column '{role}', nor one with another usual name. Name it: --{role}-col NAME"
        )
    return name


def _label(sheet: Sheet, options: DataOptions) -> str:
    if options.task == "segmentation":
        return ""
    return find_column(sheet, "label") if options.labels == "optional" else _needed(sheet, "label")


def _split_column(sheet: Sheet, options: DataOptions) -> str:
    """The split column; one with another name than `split` must hold nothing but names of splits.

    Without one it is the only column that holds just the names of `--split-map`.
    """
    name = find_column(sheet, "split")
    if name.lower() == "split":
        return name
    if name and {value.lower() for value in _values(sheet, name)} <= set(SPLITS):
        return name
    wanted = set(options.split_map or {})
    found = [column for column in sheet.columns if wanted and _values(sheet, column) - {""} == wanted]
    if len(found) > 1:
        raise InputError(
            f"More than one column holds the names of --split-map: {quoted(found)}. Choose one: --split-col NAME"
        )
    return found[0] if found else ""


def _values(sheet: Sheet, column: str) -> set[str]:
    return {str(value).strip() for value in sheet.columns[column]}


def _masks(sheet: Sheet, options: DataOptions) -> MaskColumns:
    """The mask columns to read, none where the labels are to be read; asks where a table could be both."""
    if options.task == "classification":
        if options.mask_col:
            raise InputError("--mask-col is for --task segmentation.")
        return MaskColumns()
    if options.mask_col and options.mask_col not in sheet.columns:
        return MaskColumns()  # which is said already
    masks = mask_columns(sheet, options)
    if options.task == "segmentation":
        if options.label_col:
            raise InputError("--label-col is for --task classification.")
        if not masks.given and options.labels == "needed":
            raise InputError(
                "There is no mask column: 'mask', or 'mask_STRUCTURE' for each structure. Name it: --mask-col NAME"
            )
        return masks
    label = options.label_col or find_column(sheet, "label") if masks.given else ""
    if label:
        raise InputError(
            f"It has a label column ({quoted([label])}) and a mask column ({quoted(masks.given.values())}). "
            "Say which to read: --task classification or --task segmentation"
        )
    return masks


def _fault(sheet: Sheet, flag: str, name: str) -> str:
    return "" if name in sheet.columns else sheet.lacks(name, flag)


def _listed(sheet: Sheet) -> str:
    return f"\nThe columns are: {quoted(sheet.columns)}."
