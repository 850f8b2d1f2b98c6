"""`overread export`: the labels of a run as they stand now, in a form that others read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from overread import __version__
from overread.errors import InputError, look_up
from overread.exporting import FORMATS
from overread.exporting.labels import DOUBTS, ID, KEEP, PATIENTS, Labels, labels_of
from overread.files import check_free, whole_folder, write_json
from overread.registry import load as load_entry
from overread.run import now
from overread.verbs.stores import store_of_run


@dataclass(frozen=True)
class ExportResult:
    """What was written into `out`, and the record that its export.json holds."""

    out: Path
    record: dict[str, Any]


def export(
    run: str | Path,
    out: str | Path,
    to: str = "csv",
    db: str | None = None,
    *,
    doubt: str = KEEP,
    patient: str = ID,
    command: Sequence[str] | None = None,
) -> ExportResult:
    """Writes the labels of `run`, as they stand in its label store (or that at `db`), into `out` in the form `to`.

    `out` must be new or empty, and appears whole or not at all. A run without a label store has given labels
    alone. `doubt`, "keep" or "ignore", is what nnU-Net is told of pixels that the audit doubts; `patient`, "id" or
    "full", is what DICOM objects say of the patient. Raises `InputError` where the run, the store or the form is
    not to be used.
    """
    run, out = Path(run), Path(out)
    write = load_entry("format", to, FORMATS)
    check_doubt(doubt, to)
    check_patient(patient, to)
    check_free(out)
    store = store_of_run(run, db)
    with closing(store) if store else nullcontext():
        labels = replace(labels_of(run, out, store), doubt=doubt, patient=patient)
        with whole_folder(out) as folder:
            record = {
                **about(labels, to, without_password(command, db, labels)),
                "written": write(labels, folder),
            }
            record["files"] = sorted(path.name for path in folder.iterdir())
            write_json(folder / "export.json", record)
    return ExportResult(out, record)


def check_doubt(doubt: str, to: str) -> None:
    """Refuses `doubt` where it is misspelt, or the form has no way to say that a pixel is to be ignored."""
    look_up("--doubt", doubt, dict.fromkeys(DOUBTS))
    if doubt != KEEP and to in FORMATS and to != "nnunet":
        raise InputError(
            f"--doubt {doubt} is for --to nnunet, which can ignore pixels; --to {to} cannot. Leave it out."
        )


def check_patient(patient: str, to: str) -> None:
    """Refuses `patient` where it is misspelt, or the form says nothing of patients."""
    look_up("--patient", patient, dict.fromkeys(PATIENTS))
    if patient != ID and to in FORMATS and to != "dicom-seg":
        raise InputError(
            f"--patient {patient} is for --to dicom-seg; --to {to} names no patient. Leave it out."
        )


def without_password(command: Sequence[str] | None, db: str | None, labels: Labels) -> list[str]:
    """The command as export.json tells it, to whoever reads that."""
    shown = db if labels.store is None else labels.store.url
    return [word.replace(db, str(shown)) if db else word for word in command or []]


def about(labels: Labels, to: str, command: Sequence[str]) -> dict[str, Any]:
    """The first part of export.json."""
    return {
        "overread": __version__,
        "verb": "export",
        "to": to,
        "command": list(command),
        "run": str(labels.run.absolute()),
        "store": None if labels.store is None else labels.store.url,
        "head": None if labels.head is None else labels.head._asdict(),
        "finished": now(),
    }
