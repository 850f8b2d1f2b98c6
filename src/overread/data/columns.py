"""Which column of a table is what: named by a flag, by its standard name, or guessed when only one fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
MASKS_LATER = "Masks are not in this version yet: it reads labels of whole images (--task classification)."


@dataclass(frozen=True)
class Columns:
    """The names of the columns to read, "" where there is none."""

    image: str
    label: str
    group: str
    split: str
    true: str
    id: str
    guessed: dict[str, str]


def choose_columns(sheet: Sheet, options: DataOptions) -> Columns:
    """The columns of `sheet`. One `InputError` names all that are missing or have to be asked for."""
    faults = [fault for flag, name in options.columns.items() if (fault := _fault(sheet, flag, name))]
    chosen = dict.fromkeys(KNOWN, "")
    searches: dict[str, Callable[[], str]] = {
        "image": lambda: options.image_col or _needed(sheet, "image"),
        "label": lambda: _settle_task(sheet, options) or options.label_col or _label(sheet, options),
        "group": lambda: options.group_col or ("" if options.groups else find_column(sheet, "group")),
        "split": lambda: options.split_col or _split_column(sheet),
    }
    for role, search in searches.items():
        try:
            chosen[role] = search()
        except InputError as error:
            faults.append(str(error))
    if faults:
        raise InputError(
            f"Cannot use {sheet.path}\n" + "\n".join(f"- {fault}" for fault in faults) + _listed(sheet)
        )
    named = options.columns
    guessed = {
        role: name for role, name in chosen.items() if name not in ("", role) and f"--{role}-col" not in named
    }
    true = next((name for name in TRUE if name in sheet.columns), "")
    own = "id" if "id" in sheet.columns and chosen["image"] != "id" else ""
    return Columns(**chosen, true=true, id=own, guessed=guessed)


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


def _needed(sheet: Sheet, role: str) -> str:
    name = find_column(sheet, role)
    if not name:
        raise InputError(
            f"There is no column '{role}', nor one with another usual name. Name it: --{role}-col NAME"
        )
    return name


def _label(sheet: Sheet, options: DataOptions) -> str:
    return find_column(sheet, "label") if options.labels == "optional" else _needed(sheet, "label")


def _split_column(sheet: Sheet) -> str:
    """The split column; one with another name than `split` must hold nothing but names of splits."""
    name = find_column(sheet, "split")
    if name.lower() in ("", "split"):
        return name
    values = {str(value).strip().lower() for value in sheet.columns[name]}
    return name if values <= set(SPLITS) else ""


def _settle_task(sheet: Sheet, options: DataOptions) -> str:
    """Refuses masks, which come later; asks where the table could be both; "" when all is clear."""
    masks = [name for name in sheet.columns if name.lower() == "mask" or name.lower().startswith("mask_")]
    masks = [options.mask_col] if options.mask_col else masks
    if options.task == "classification" or not masks:
        return ""
    label = options.label_col or find_column(sheet, "label")
    if label:
        raise InputError(
            f"It has a label column ({quoted([label])}) and a mask column ({quoted(masks)}). "
            "Say which to read: --task classification or --task segmentation"
        )
    raise InputError(
        f"It has mask columns ({quoted(masks)}) and no column that is known to hold labels. {MASKS_LATER} "
        "If it has labels: --task classification --label-col NAME"
    )


def _fault(sheet: Sheet, flag: str, name: str) -> str:
    return "" if name in sheet.columns else sheet.lacks(name, flag)


def _listed(sheet: Sheet) -> str:
    return f"\nThe columns are: {quoted(sheet.columns)}."
