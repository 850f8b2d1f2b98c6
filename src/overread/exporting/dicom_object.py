"""One DICOM Segmentation object, made with highdicom from a stack of planes and the masks on them.

highdicom copies all it knows of patient, study and device from the images that it is given. It is given stand-ins
that hold but what is to be copied, each under a number of its own; then the true references are put in their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from overread import __version__
from overread.exporting.dicom_planes import BELONGS, PERSON, Plane

Array = np.ndarray[Any, np.dtype[Any]]
CT, SECONDARY = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.7"  # with a place, and without
LOSSY = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")
THICKNESS = ("SliceThickness", "SpacingBetweenSlices")
EMPTY = ("PatientID", *PERSON, "ReferringPhysicianName")  # have to be there, and may be empty
LONGEST = 64  # signs of a label
NAME = "Overread"


@dataclass(frozen=True)
class Segment:
    """A structure."""

    name: str
    helped: bool  # a mask of it is a network's suggestion, or was drawn by somebody who saw that


@dataclass(frozen=True)
class About:
    """What an object is called."""

    series: str  # UID
    number: int  # of the object in its series, from 1
    head: str  # of the trail that the masks come from


def segmentation(stack: Sequence[Plane], masks: Array, segments: Sequence[Segment], about: About) -> Any:
    """pydicom's data set of a BINARY segmentation: `masks` uint8 [F, H, W, K], 0 or 1, of F planes and K segments.

    A frame for each plane and segment, also where nothing is drawn.
    """
    import highdicom
    from pydicom.uid import ExplicitVRLittleEndian

    header = stack[0].header
    found = highdicom.seg.Segmentation(
        source_images=[_stand_in(plane, stack[0], number) for number, plane in enumerate(stack)],
        pixel_array=masks,
        segmentation_type="BINARY",
        segment_descriptions=[_description(k, one) for k, one in enumerate(segments, 1)],
        series_instance_uid=about.series,
        series_number=1000 + abs(int(header.get("SeriesNumber") or 0)),
        sop_instance_uid=new_uid(),
        instance_number=about.number,
        manufacturer=NAME,
        manufacturer_model_name=NAME,
        software_versions=__version__,
        device_serial_number="0",  # has to be there
        content_label="OVERREAD",
        content_description=f"Masks as they stand{about.head}",
        content_creator_name=NAME,
        series_description="Overread: masks as they stand",
        specific_character_set="ISO_IR 192",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        omit_empty_frames=False,
    )
    for name in ("IssuerOfPatientID", *PERSON):
        if name in header:
            found[name] = header[name]
    _refer(found, stack)
    return found


def new_uid() -> str:
    """A UID that nobody else has, and that tells nothing."""
    from pydicom.uid import generate_uid

    return str(generate_uid(prefix=None))


def frames_of(found: Any, stack: Sequence[Plane]) -> dict[int, list[int]]:
    """Of each row the frames, from 0, that hold its segments in their order."""
    rows = {_reference(plane): plane.row for plane in stack}
    shared = found.SharedFunctionalGroupsSequence[0]
    frames: dict[int, list[int]] = {plane.row: [-1] * len(found.SegmentSequence) for plane in stack}
    for number, group in enumerate(found.PerFrameFunctionalGroupsSequence):
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        one = (str(source.ReferencedSOPInstanceUID), source.get("ReferencedFrameNumber"))
        segment = group if "SegmentIdentificationSequence" in group else shared
        which = segment.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        frames[rows[one]][which - 1] = number
    return frames


def _reference(plane: Plane) -> tuple[str, int | None]:
    """The instance, and the frame from 1."""
    return str(plane.header.SOPInstanceUID), None if plane.frame is None else plane.frame + 1


def _stand_in(plane: Plane, first: Plane, number: int) -> Any:
    """A picture of one frame in place of a plane; whatever the `first` of its stack shares is that one's."""
    import pydicom

    found, header = pydicom.Dataset(), plane.header
    found.SOPClassUID, found.SOPInstanceUID = CT if plane.place else SECONDARY, _uid(number)
    for name in EMPTY:
        setattr(found, name, None)
    for name in (*BELONGS, "SeriesInstanceUID", "Rows", "Columns", *LOSSY):
        if name in header:
            found[name] = header[name]
    if plane.place and first.place:
        found.FrameOfReferenceUID = header.FrameOfReferenceUID
        found.ImagePositionPatient = list(plane.place.position)
        found.ImageOrientationPatient = list(first.place.orientation)
        found.PixelSpacing = list(first.place.spacing)
        for name in THICKNESS:
            setattr(found, name, first.view.get(name))
    return found


def _uid(number: int) -> str:
    return f"2.25.{number + 1}"


def _description(number: int, segment: Segment) -> Any:
    """What a segment is: codes tell no more than that it is tissue, its label is the structure's name."""
    import highdicom
    from pydicom.sr.codedict import codes

    algorithm = highdicom.AlgorithmIdentificationSequence(
        name=NAME, family=codes.DCM.ArtificialIntelligence, version=__version__
    )
    label = segment.name.replace("\\", "/")[:LONGEST]
    found = highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=codes.SCT.Tissue,
        segmented_property_type=codes.SCT.Tissue,
        algorithm_type="SEMIAUTOMATIC" if segment.helped else "MANUAL",
        algorithm_identification=algorithm if segment.helped else None,
    )
    if label != segment.name:
        found.SegmentDescription = segment.name[:1024]
    return found


def _refer(found: Any, stack: Sequence[Plane]) -> None:
    """Puts the true images in the place of their stand-ins."""
    import pydicom

    planes = {_uid(number): plane for number, plane in enumerate(stack)}
    sources = [
        group.DerivationImageSequence[0].SourceImageSequence[0]
        for group in found.PerFrameFunctionalGroupsSequence
    ]
    named = [planes[str(source.ReferencedSOPInstanceUID)] for source in sources]
    for source, plane in zip(sources, named, strict=True):
        uid, frame = _reference(plane)
        source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = plane.header.SOPClassUID, uid
        if frame is not None:
            source.ReferencedFrameNumber = frame
    instances = []
    for plane in {str(plane.header.SOPInstanceUID): plane for plane in stack}.values():
        one = pydicom.Dataset()
        one.ReferencedSOPClassUID = plane.header.SOPClassUID
        one.ReferencedSOPInstanceUID = plane.header.SOPInstanceUID
        instances.append(one)
    found.SourceImageSequence = instances
    found.ReferencedSeriesSequence[0].ReferencedInstanceSequence = instances
