"""Reads a table of answers: `id`, `answer`, and where wanted `reader`, `reason`, `structure`, `mask`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from overread.data.faults import BadImage
from overread.data.formats.inside import inside
from overread.data.mask_pictures import read_mask
from overread.data.problems import refuse
from overread.data.sheet import Sheet, read_sheet
from overread.errors import InputError
from overread.importing.answers import WORDS, Answer, Array, Faults, Known

MORE = ("answer", "reader", "reason", "structure", "mask")


def read(path: Path, known: Known) -> tuple[list[Answer], Faults]:
    """A row an answer; rows without one are passed over."""
    sheet, faults = read_sheet(path), Faults()
    if "id" not in sheet.columns or not {"answer", "mask"} & sheet.columns.keys():
        raise InputError(
            f"{path} is no table of answers: it needs the columns id and answer (of masks also mask)."
        )
    if sheet.problems:
        refuse(f"{path}; nothing was taken from it", sheet.problems)
    return list(_answers(sheet, known, faults)), faults


def _answers(sheet: Sheet, known: Known, faults: Faults) -> Iterator[Answer]:
    rows = known.row_by_id()
    blank = np.full(len(sheet.lines), "", dtype=object)
    columns = [sheet.columns["id"], *(sheet.columns.get(name, blank) for name in MORE)]
    for line, *cells in zip(sheet.lines, *columns, strict=True):
        name, answer, reader, reason, structure, file = (str(cell).strip() for cell in cells)
        if not (answer or file):
            continue
        who = known.readers.get(reader, reader) or known.everybody
        where = f"line {line}"
        label = known_label(answer, known)
        mask = mask_of(sheet.path, file, where, faults) if file else None
        if file and mask is None:
            continue
        is_word = answer in WORDS and label is None
        yield Answer(
            where,
            str(known.ids[rows[name]]) if name in rows else name,
            who,
            answer if is_word and mask is None else "label",
            label=None if known.structures or is_word else label or answer,
            structure=structure or None,
            mask=mask,
            reason=reason,
            evidence={"shown": "csv"},
        )
        if known.structures and mask is None and not is_word:
            cure = f"name the file of a mask in the column mask, or write {', '.join(WORDS)}."
            faults.add("neither a mask nor an outcome", cure, f"{where}: {answer!r}")


def known_label(answer: str, known: Known) -> str | None:
    """The class that an answer means; a spreadsheet was given it with a quote where it looks like a formula."""
    return next((name for name in known.classes if answer in (name, f"'{name}")), None)


def mask_of(table: Path, file: str, where: str, faults: Faults) -> Array | None:
    """bool [H, W] of a file beside the table."""
    try:
        if not inside(file):
            raise BadImage(file, "leads out of the folder of the table")
        return np.asarray(read_mask(table.parent / file, file).drawn(), bool)
    except BadImage as error:
        faults.add("the mask cannot be read", "name a picture beside the table.", f"{where}: {error}")
        return None
