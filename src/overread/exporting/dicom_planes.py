"""The DICOM images that segmentations are of: what is taken over of their headers, and which lie in one stack.

Only the tags below are read, so nothing else of a source can reach what is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from overread.data.address import split_address
from overread.data.faults import BadImage, told
from overread.data.formats.dicom_header import in_patient, is_dicom, of_frame, plane_of, read_header
from overread.data.problems import Problem, counted, quoted, refuse
from overread.data.silence import silenced
from overread.exporting.labels import FULL, Labels

BELONGS = ("PatientID", "IssuerOfPatientID", "StudyInstanceUID")  # by which a PACS finds patient and study
PERSON = (  # of --patient full alone
    *("PatientName", "PatientBirthDate", "PatientSex"),
    *("AccessionNumber", "StudyID", "StudyDate", "StudyTime"),
)
NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")
TAKEN = (
    *(
        "SOPClassUID",
        "SOPInstanceUID",
        "SeriesInstanceUID",
        "SeriesNumber",
        "Rows",
        "Columns",
        "NumberOfFrames",
    ),
    *("FrameOfReferenceUID", "ImageOrientationPatient", "ImagePositionPatient"),
    *("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    *("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)
SLIDES = "1.2.840.10008.5.1.4.1.1.77.1.6"  # whole slides: tiles, and another system of coordinates
NEAR = 1e-4  # how far directions, and distances in mm, of one stack may lie apart
Key = tuple[str, ...]


class Place(NamedTuple):
    """Where a picture lies in the patient."""

    orientation: tuple[float, ...]  # (6,) directions of rows and of columns
    position: tuple[float, ...]  # (3,) mm, of the first pixel
    spacing: tuple[float, ...]  # (2,) mm between rows, and between columns
    distance: float  # mm along the normal

    def beside(self, other: Place) -> bool:
        """Whether both can lie in one stack."""
        mine, its = self.orientation + self.spacing, other.orientation + other.spacing
        return bool(np.allclose(mine, its, rtol=0, atol=NEAR))


@dataclass(frozen=True)
class Plane:
    """A row of a run, and the picture in a DICOM file that it is about."""

    row: int
    header: Any  # pydicom's, of the tags above and no others
    view: Any  # the same, with what is said of this frame at its top
    frame: int | None  # from 0; None of a file that holds one picture
    place: Place | None  # None where it is not said

    @property
    def series(self) -> Key:
        """Its patient, study and series."""
        return tuple(str(self.header.get(name)) for name in (*BELONGS, "SeriesInstanceUID"))

    @property
    def home(self) -> Key:
        """What planes of one stack share besides their place: also the file, where it holds frames."""
        file = "" if self.frame is None else str(self.header.SOPInstanceUID)
        names = ("FrameOfReferenceUID", "Rows", "Columns")
        return (*self.series, *(str(self.header.get(name)) for name in names), file)


def planes_of(labels: Labels, rows: Sequence[int]) -> list[Plane]:
    """The planes of `rows`. One `InputError` tells which images are no DICOM, or cannot be used."""
    files = {row: split_address(str(labels.kept.images[row])) for row in rows}
    foreign = [file for file, _ in files.values() if not is_dicom(file)]
    if foreign:
        what = f"{len(foreign):,} of {counted(len(rows), 'image is', 'images are')} not DICOM"
        cure = "a DICOM segmentation is of DICOM images: export --to masks, coco or nnunet."
        refuse(labels.run, [Problem(what, cure, tuple(foreign))])
    headers: dict[str, Any] = {}
    planes, bad = [], []
    for row, (file, part) in files.items():
        try:
            with silenced(), told(file):
                if file not in headers:
                    headers[file] = header_of(file, labels.patient)
                planes.append(plane(row, headers[file], part))
        except BadImage as error:
            bad.append(f"{error.path}: {error.why}")
    if bad:
        what = f"{counted(len(bad), 'image')} cannot be referred to"
        refuse(labels.run, [Problem(what, "put these files back as they were, or mend them.", tuple(bad))])
    return planes


def header_of(file: str, patient: str) -> Any:
    """The tags of a file that are taken over. Raises `BadImage`."""
    import pydicom

    read_header(file, file)  # which refuses what is damaged
    tags = [*BELONGS, *TAKEN, *(PERSON if patient == FULL else ())]
    found = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=tags)
    if missing := [name for name in NEEDED if not found.get(name)]:
        raise BadImage(file, f"lacks {', '.join(missing)}, by which it would be named")
    if str(found.SOPClassUID).startswith(SLIDES):
        raise BadImage(file, "is a whole slide, of which no segmentation is written")
    return found


def plane(row: int, header: Any, part: dict[str, str]) -> Plane:
    """The picture of a row."""
    frame = int(part.get("frame", 0)) if "NumberOfFrames" in header else None
    view = of_frame(header, frame or 0)
    return Plane(row, header, view, frame, place_of(header, view))


def place_of(header: Any, view: Any) -> Place | None:
    """Where a picture lies; None where its header does not say all of it."""
    found, spacing = plane_of(view), in_patient(view)
    if found is None or spacing is None or not header.get("FrameOfReferenceUID"):
        return None
    turn, position = map(float, view.ImageOrientationPatient), map(float, view.ImagePositionPatient)
    return Place(tuple(turn), tuple(position), spacing, found.position)


def stacks_of(planes: Sequence[Plane]) -> list[list[Plane]]:
    """The planes that one segmentation can hold together: parallel, of one size and spacing, no two at one place.

    A plane of which it is not known where it lies is alone.
    """
    homes: dict[Key, list[list[Plane]]] = {}
    taken: dict[int, set[float]] = {}  # of each stack, by its first row, the distances in it
    alone = [[one] for one in planes if one.place is None]
    for one in planes:
        if one.place is None:
            continue
        stacks, distance = homes.setdefault(one.home, []), round(one.place.distance / NEAR)
        for stack in stacks:
            first = stack[0]
            if first.place and first.place.beside(one.place) and distance not in taken[first.row]:
                break
        else:
            stack = []
            stacks.append(stack)
            taken[one.row] = set()
        stack.append(one)
        taken[stack[0].row].add(distance)
    return sorted([*alone, *(stack for stacks in homes.values() for stack in stacks)], key=lambda s: s[0].row)


def same_patients(labels: Labels, groups: Sequence[str]) -> None:
    """Refuses images that belong to others now than when the run was made, as pseudonyms tell.

    Where all pseudonyms differ the key is another one, and nothing can be said.
    """
    both = [
        (str(name), str(old), str(new))
        for name, old, new in zip(labels.kept.images, labels.kept.groups, groups, strict=True)
        if str(old).startswith(("patient-", "series-"))
    ]
    changed = [name for name, old, new in both if old != new]
    if changed and len(changed) < len(both):
        what = f"{counted(len(changed), 'image')} of another patient or series than when the run was made"
        refuse(labels.run, [Problem(what, "put the files back, or run it again.", (quoted(changed[:5]),))])
