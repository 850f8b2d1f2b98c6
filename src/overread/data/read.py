"""Reads DATA, whatever its form, into a checked manifest."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from overread.data.check import check_samples, notes_on
from overread.data.files import Fault, file_problems, find_files
from overread.data.folder import read_folder
from overread.data.formats.coco import read_coco
from overread.data.formats.nnunet import is_nnunet, read_nnunet
from overread.data.formats.privacy import name_notes
from overread.data.formats.segments import in_frames
from overread.data.formats.slices import left_whole, unfold
from overread.data.forms import FORMS, TABLE_ENDINGS, TABLES, UNLABELLED, is_image, why_not
from overread.data.groups import add_groups, groups_across_splits
from overread.data.manifest import Ints, Manifest, Strings
from overread.data.mask_check import mask_faults, nothing_drawn
from overread.data.mask_facts import Survey, survey
from overread.data.mask_notes import drawn_counts, mask_notes
from overread.data.medmnist import read_npz
from overread.data.names import pick_split, rename_labels, rename_splits
from overread.data.options import DataOptions
from overread.data.problems import Problem, refuse
from overread.data.reader_facts import kept_readings
from overread.data.reading import Reading
from overread.data.readings import agreed
from overread.data.samples import Samples, are_yes, is_missing
from overread.data.shards import sheet_of
from overread.data.structures import refuse_mask_flags, settle_structures, without_masks
from overread.data.table import read_table, samples_of
from overread.data.unlabelled import one_image
from overread.data.unnamed import unnamed_numbers
from overread.errors import InputError, did_you_mean

DEFAULT = DataOptions()


@dataclass(frozen=True)
class Gathered:
    """Samples with all that is wrong with them, before it is decided whether to go on."""

    source: str
    samples: Samples  # all of them, also those without a usable file
    faults: list[Fault]  # rows without a usable file
    crossing: list[str]  # groups in more than one split
    problems: list[Problem]  # of anything but the files
    found: Survey | None  # what the mask files hold


def read(
    source: str | Path, options: DataOptions = DEFAULT, cache_dir: Path | None = None, *, quiet: bool = True
) -> Reading:
    """Reads and checks DATA without opening the images; masks are opened. One `InputError` tells all problems."""
    return settle(gather(source, options, cache_dir, quiet), options)


def gather(source: str | Path, options: DataOptions, cache_dir: Path | None, quiet: bool) -> Gathered:
    """Reads DATA and collects what is wrong; flags that do not fit the data raise at once."""
    samples = add_groups(_read_samples(Path(source).expanduser(), options), options)
    samples = rename_splits(samples, options)
    crossing = groups_across_splits(samples)
    samples = agreed(rename_labels(pick_split(samples, options.split), options))
    samples, faults = in_frames(*unfold(*find_files(samples), options))
    problems = [*samples.problems, *check_samples(samples, options.labels)]
    if samples.masks is None:
        refuse_mask_flags(options)
        return Gathered(str(source), samples, faults, crossing, problems, None)
    found = survey(samples, left_whole(samples, faults), cache_dir, quiet)
    if found.facts:
        samples = settle_structures(samples, samples.masks, found, options)
    faults += unnamed_numbers(samples, faults, cache_dir, quiet)
    faults = sorted([*faults, *mask_faults(samples, found)])
    problems += nothing_drawn(samples, found) if options.labels == "needed" else []
    return Gathered(str(source), samples, faults, crossing, problems, found)


def settle(gathered: Gathered, options: DataOptions) -> Reading:
    """The reading of samples, without those that have a fault if these may be skipped."""
    samples, faults, found = gathered.samples, gathered.faults, gathered.found
    kept = samples.take(good_rows(gathered))
    problems = list(gathered.problems)
    if options.on_bad_image == "stop" or not len(kept):
        problems += file_problems(samples, faults)
    elif faults:
        problems = [*samples.problems, *check_samples(kept, options.labels)]
    if problems:
        refuse(gathered.source, problems)
    manifest = to_manifest(kept, options)
    readings = kept_readings(kept, manifest)
    left_out = {fault.row: str(fault) for fault in sorted(faults, reverse=True)}
    return Reading(
        manifest,
        gathered.source,
        samples.kind,
        guessed=samples.guessed,
        left_out=[
            *samples.left_out,
            *((str(samples.images[row]), left_out[row]) for row in sorted(left_out)),
        ],
        groups_across_splits=gathered.crossing,
        notes=[
            *samples.notes,
            *(readings.notes if readings else []),
            *name_notes(manifest.images, [*manifest.classes, *samples.labels]),
            *([] if found is None else mask_notes(kept, found)),
            *(notes_on(manifest) if options.labels == "needed" else []),
        ],
        structures={} if found is None else drawn_counts(kept, found),
        readings=readings,
    )


def good_rows(gathered: Gathered) -> Ints:
    """The rows of the samples that have no fault."""
    good = np.ones(len(gathered.samples), dtype=bool)
    good[[fault.row for fault in gathered.faults]] = False
    return np.flatnonzero(good).astype(np.int64)


def to_manifest(samples: Samples, options: DataOptions) -> Manifest:
    """Labels become numbers, missing ones -1 (of masks all 0); a sample without a group is its own."""
    columns = [samples.labels] if samples.true is None else [samples.labels, samples.true]
    classes = tuple(sorted({name for column in columns for name in column[~is_missing(column)]}))
    code = {name: index for index, name in enumerate(classes)}

    def codes(labels: Strings) -> Ints:
        return np.array([code.get(label, -1) for label in labels], dtype=np.int64)

    masked = samples.masks is not None
    return Manifest(
        ids=samples.ids,
        images=samples.images,
        given=np.zeros(len(samples), np.int64) if masked else codes(samples.labels),
        classes=samples.structures if masked else classes,
        group=np.where(samples.groups == "", samples.ids, samples.groups),
        split=samples.splits,
        root=samples.root,
        truth=None if samples.true is None else codes(samples.true),
        masks=samples.masks,
        true_masks=samples.true_masks,
        verified=None if samples.verified is None else are_yes(samples.verified),
        spacing=samples.spacing if options.spacing is None else np.full((len(samples), 2), options.spacing),
    )


def _read_samples(path: Path, options: DataOptions) -> Samples:
    """Finds the reader for what lies at `path`."""
    if not os.path.exists(path):
        raise InputError(
            f"{path}: {why_not(str(path)) or 'it does not exist'}. {_neighbour(path)}Expected {FORMS}."
        )
    if path.is_dir():
        has_table = any((path / name).is_file() for name in TABLES)
        if is_nnunet(path) and not has_table:
            return read_nnunet(path, options)
        if (path / "run.json").is_file() and not has_table:
            raise InputError(f"{path} is the folder of a run, not a data set. Expected {FORMS}.")
        if sheet := sheet_of(path, options):
            return samples_of(sheet, path.absolute(), options)
        return without_masks(read_folder(path, options), options)
    ending = path.suffix.lower()
    optional = options.labels == "optional"
    if optional and is_image(str(path)):
        return one_image(path)
    if ending == ".json":
        return read_coco(path, options)
    if ending == ".npz":
        return without_masks(read_npz(path, options), options)
    if ending in (*TABLE_ENDINGS, ".txt"):
        return read_table(path, options)
    why = why_not(path.name) or "this is not a form of data that is known"
    raise InputError(f"{path}: {why}. Expected {UNLABELLED if optional else FORMS}.")


def _neighbour(path: Path) -> str:
    """What lies beside a path that does not exist, under nearly its name."""
    if not os.path.isdir(path.parent):
        return ""
    near = did_you_mean(path.name, os.listdir(path.parent))
    return f"{near} " if near.startswith("Did") else ""
