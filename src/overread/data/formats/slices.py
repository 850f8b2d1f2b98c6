"""Volumes and multi-frame files become one row for each slice or frame, kept together as a group."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import numpy as np

from overread.data.address import address, split_address
from overread.data.cache import usable_cores
from overread.data.decoding import in_threads
from overread.data.files import Fault
from overread.data.formats.opening import CUT, Part, Row, is_medical, open_row
from overread.data.formats.privacy import Pseudonyms
from overread.data.formats.spacing import spacing_notes, spacings
from overread.data.formats.telling import notes_on
from overread.data.manifest import Strings
from overread.data.mask_files import MaskFiles
from overread.data.options import DataOptions
from overread.data.samples import Samples, strings
from overread.data.silence import silenced

Place = tuple[int, int]  # a row, and which of its parts


def unfold(samples: Samples, faults: list[Fault], options: DataOptions) -> tuple[Samples, list[Fault]]:
    """The samples with a row for each slice or frame, and what is wrong with files; plain pictures stay."""
    wrong = {fault.row for fault in faults}
    if not any(is_medical(samples.root, name) for name in _names(samples)):
        return samples, faults
    group = Pseudonyms(options.id_key)

    def opened(row: int) -> Row:
        return Row() if row in wrong else open_row(samples, row, options, group.of)

    with silenced(), closing(in_threads(opened, range(len(samples)), usable_cores())) as results:
        rows = list(results)
    order = _order(rows)
    first = {row: at for at, (row, _) in reversed(list(enumerate(order)))}
    found = [Fault(first[at], row.why, row.mask) for at, row in enumerate(rows) if row.why]
    moved = [fault._replace(row=first[fault.row]) for fault in faults]
    return _repeated(samples, rows, order, options), sorted([*moved, *found])


def left_whole(samples: Samples, faults: list[Fault]) -> set[str]:
    """The masks of `faults`, and those that were not cut because something is wrong with their row."""
    rows = sorted({fault.row for fault in faults})
    files = [masks.files[rows].ravel() for masks in (samples.masks, samples.true_masks) if masks is not None]
    every = {str(name) for names in files for name in names if name}
    whole = {
        name for name in every if is_medical(samples.root, name) and not CUT & split_address(name)[1].keys()
    }
    return whole | {fault.mask for fault in faults}


def _names(samples: Samples) -> list[str]:
    masks = [one.files.ravel() for one in (samples.masks, samples.true_masks) if one is not None]
    return [str(name) for names in (samples.images, *masks) for name in names if name]


def _order(rows: list[Row]) -> list[Place]:
    """The parts of all rows: the slices of a series together, by where they lie and not by their number."""
    first: dict[str, int] = {}
    keyed: list[tuple[int, float, int, int]] = []
    for at, row in enumerate(rows):
        leader = first.setdefault(row.series, at) if row.series else at
        for part in range(len(row.parts)):
            plane = row.plane(part)
            keyed.append((leader, plane.position if plane else 0.0, at, part))
    return [(at, part) for _, _, at, part in sorted(keyed)]


def _repeated(samples: Samples, rows: list[Row], order: list[Place], options: DataOptions) -> Samples:
    """The samples with the parts of the rows, in that order."""
    whole = samples.take(np.array([at for at, _ in order], dtype=np.int64))
    parts = [rows[at].parts[part] for at, part in order]
    images = _addresses(samples, whole.images, parts, options.window)
    ids = strings(_with(str(name), part) for name, part in zip(whole.ids, parts, strict=True))
    groups = [given or rows[at].group for (at, _), given in zip(order, whole.groups, strict=True)]

    found = spacings(rows, order)
    sizes = [] if whole.masks is None else spacing_notes(rows, found, options.spacing)

    def masks(files: MaskFiles | None) -> MaskFiles | None:
        if files is None:
            return None
        columns = [_addresses(samples, column, parts, None) for column in files.files.T]
        return replace(files, files=np.stack(columns, axis=1), images=images)

    return replace(
        whole,
        ids=ids,
        images=images,
        groups=strings(groups),
        spacing=found,
        masks=masks(whole.masks),
        true_masks=masks(whole.true_masks),
        notes=[*samples.notes, *notes_on(rows, options), *sizes],
    )


def _addresses(samples: Samples, names: Strings, parts: list[Part], window: str | None) -> Strings:
    """[N] names with the rules of each row; only what lies in a medical format gets any."""

    def one(name: str, part: Part) -> str:
        if not name or not is_medical(samples.root, name):
            return name
        return _with(name, {**part, **({"window": window} if window else {})})

    return strings(one(str(name), part) for name, part in zip(names, parts, strict=True))


def _with(name: str, part: Part) -> str:
    """An address with further rules; those that it has itself stay."""
    file, rules = split_address(name)
    return address(file, **{**part, **rules})
