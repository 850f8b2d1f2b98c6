"""Reads DATA, whatever its form, into a checked manifest."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from overread.data.check import check_samples, notes_on
from overread.data.files import Fault, file_problems, find_files
from overread.data.folder import read_folder
from overread.data.groups import add_groups, groups_across_splits
from overread.data.manifest import Ints, Manifest, Strings
from overread.data.medmnist import read_npz
from overread.data.names import pick_split, rename_labels, rename_splits
from overread.data.options import DataOptions
from overread.data.problems import Problem, refuse
from overread.data.reading import Reading
from overread.data.samples import Samples
from overread.data.table import read_table
from overread.errors import InputError, did_you_mean

FORMS = "a folder with one sub-folder per class, a folder with a labels.csv, a CSV or TSV, or a MedMNIST .npz"
OTHER_FORMS = {
    ".xlsx": "Excel workbooks are not read: save the sheet as CSV UTF-8",
    ".xls": "Excel workbooks are not read: save the sheet as CSV UTF-8",
    ".zip": "archives are not read: unpack it first",
    ".gz": "archives are not read: unpack it first",
    ".tar": "archives are not read: unpack it first",
    ".parquet": "Parquet is not read in this version: write a CSV",
    ".json": "JSON is not read in this version: write a CSV",
    ".dcm": "DICOM is not read in this version",
    ".nii": "NIfTI is not read in this version",
}
DEFAULT = DataOptions()


@dataclass(frozen=True)
class Gathered:
    """Samples with all that is wrong with them, before it is decided whether to go on."""

    source: str
    samples: Samples  # whose files exist
    crossing: list[str]  # groups in more than one split
    problems: list[Problem]


def read(source: str | Path, options: DataOptions = DEFAULT) -> Reading:
    """Reads and checks DATA without opening the images. Raises one `InputError` with all that is wrong."""
    gathered = gather(source, options)
    if gathered.problems:
        refuse(gathered.source, gathered.problems)
    return settle(gathered)


def gather(source: str | Path, options: DataOptions) -> Gathered:
    """Reads DATA and collects its problems; flags that do not fit the data raise at once."""
    samples = add_groups(_read_samples(Path(source).expanduser(), options), options)
    samples = rename_splits(samples, options)
    crossing = groups_across_splits(samples)
    samples = rename_labels(pick_split(samples, options.split), options)
    samples, faults = find_files(samples)
    skip = options.on_bad_image == "skip" and len(faults) < len(samples)
    problems = [*samples.problems, *([] if skip else file_problems(samples, faults))]
    kept = _without(samples, faults)
    problems += check_samples(kept if skip else samples)
    return Gathered(str(source), kept, crossing, problems)


def settle(gathered: Gathered) -> Reading:
    """The reading of samples without problems."""
    samples = gathered.samples
    manifest = to_manifest(samples)
    return Reading(
        manifest,
        gathered.source,
        samples.kind,
        guessed=samples.guessed,
        left_out=samples.left_out,
        groups_across_splits=gathered.crossing,
        notes=[*samples.notes, *notes_on(manifest)],
    )


def to_manifest(samples: Samples) -> Manifest:
    """Labels become numbers; a sample without a group is its own."""
    names = set(samples.labels) | set(() if samples.true is None else samples.true)
    classes = tuple(sorted(names))
    code = {name: index for index, name in enumerate(classes)}

    def codes(labels: Strings) -> Ints:
        return np.array([code[label] for label in labels], dtype=np.int64)

    return Manifest(
        ids=samples.ids,
        images=samples.images,
        given=codes(samples.labels),
        classes=classes,
        group=np.where(samples.groups == "", samples.ids, samples.groups),
        split=samples.splits,
        root=samples.root,
        truth=None if samples.true is None else codes(samples.true),
        pixels=samples.pixels,
    )


def _without(samples: Samples, faults: list[Fault]) -> Samples:
    bad = dict(faults)
    left_out = [(str(samples.images[row]), why) for row, why in faults]
    kept = samples.take(np.array([row for row in range(len(samples)) if row not in bad], dtype=np.int64))
    return replace(kept, left_out=[*samples.left_out, *left_out])


def _read_samples(path: Path, options: DataOptions) -> Samples:
    """Finds the reader for what lies at `path`."""
    if options.task == "segmentation":
        raise InputError(
            "--task segmentation: masks are not in this version yet; it reads labels of whole images."
        )
    if not os.path.exists(path):
        raise InputError(f"{path} does not exist{_neighbour(path)}. Expected {FORMS}.")
    if path.is_dir():
        table = path / "labels.csv"
        if table.is_file():
            return read_table(table, options)
        if (path / "run.json").is_file():
            raise InputError(f"{path} is the folder of a run, not a data set. Expected {FORMS}.")
        return read_folder(path, options)
    ending = path.suffix.lower()
    if ending == ".npz":
        return read_npz(path, options)
    if ending in (".csv", ".tsv", ".tab", ".txt"):
        return read_table(path, options)
    why = OTHER_FORMS.get(ending, "this is not a form of data that is known")
    raise InputError(f"{path}: {why}. Expected {FORMS}.")


def _neighbour(path: Path) -> str:
    """What lies beside a path that does not exist, under nearly its name."""
    if "://" in str(path) or not path.parent.is_dir():
        return ""
    near = did_you_mean(path.name, os.listdir(path.parent))
    return f". {near.rstrip('?')} beside it?" if near.startswith("Did") else ""
