"""What the user should know of medical files; nothing of it names a patient."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from overread.data.formats.opening import Row
from overread.data.options import DataOptions
from overread.data.problems import counted

SAME = 1e-3  # how far the normals of one stack may lie apart
GAP = 1.5  # of the usual distance: then a slice is missing


def notes_on(rows: list[Row], options: DataOptions) -> list[str]:
    """A sentence each."""
    return [*_volumes(rows, options), *_modalities(rows), *_identities(rows), *_stacks(rows)]


def _volumes(rows: list[Row], options: DataOptions) -> list[str]:
    notes = []
    for kind, what, one in (
        ("NIfTI", f"{options.plane} slice", "volume"),
        ("DICOM", "frame", "multi-frame file"),
    ):
        several = [row for row in rows if row.kind == kind and len(row.parts) > 1]
        count = sum(len(row.parts) for row in several)
        if several:
            notes.append(
                f"{counted(len(several), f'{one} is', f'{one}s are')} read as {counted(count, what)}, a sample each; "
                "those of one file, or of its group, stay together."
            )
    return notes


def _modalities(rows: list[Row]) -> list[str]:
    found = Counter(row.header.modality or "not said" for row in rows if row.header)
    return (
        [f"Modality: {', '.join(f'{name} {count:,}' for name, count in sorted(found.items()))}."]
        if found
        else []
    )


def _identities(rows: list[Row]) -> list[str]:
    notes = []
    headers = [row.header for row in rows if row.header]
    if headers and any(header.patient for header in headers):
        notes.append("Patients are grouped by a pseudonym of their id; nothing else that names them is read.")
    if burned := sum(header.burned for header in headers):
        what = counted(burned, "file says", "files say")
        notes.append(
            f"{what} that names may stand in the picture (BurnedInAnnotation): readers would see them."
        )
    if secondary := sum(header.secondary and not header.burned for header in headers):
        what = counted(secondary, "file is a screenshot or scanned", "files are screenshots or scanned")
        notes.append(f"{what} (secondary capture): names may stand in the picture. Look before others do.")
    return notes


def _stacks(rows: list[Row]) -> list[str]:
    """Notes on series whose slices do not make a stack."""
    stacks = defaultdict(list)
    for row in rows:
        for part in range(len(row.parts)):
            if row.series and (plane := row.plane(part)):
                stacks[row.series].append(plane)
    mixed = gaps = 0
    for planes in stacks.values():
        normals = np.array([plane.normal for plane in planes])
        if np.abs(normals - normals[0]).max() > SAME:
            mixed += 1
            continue
        steps = np.diff(np.sort([plane.position for plane in planes]))
        gaps += len(steps) > 1 and steps.max() > GAP * float(np.median(steps)) > 0
    notes = []
    if mixed:
        what = counted(mixed, "series holds", "series hold")
        notes.append(
            f"{what} slices of several orientations (a localizer?): their order is by each one's own axis."
        )
    if gaps:
        notes.append(
            f"{counted(gaps, 'series lacks', 'series lack')} slices: there are gaps between positions."
        )
    return notes
