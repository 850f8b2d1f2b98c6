"""Masks that are segments of a DICOM segmentation: `seg.dcm#segment=2` becomes the frame that is of the image."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from overread.data.address import address, split_address
from overread.data.faults import BadImage, told
from overread.data.files import Fault
from overread.data.formats.dicom_header import is_dicom, read_dataset
from overread.data.formats.shelf import Shelf
from overread.data.mask_files import MaskFiles
from overread.data.problems import short
from overread.data.samples import Samples, strings
from overread.data.silence import silenced

SEGMENTATION, LABELMAP = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"
TAGS = (
    *("SOPClassUID", "SegmentationType", "SegmentSequence", "ReferencedSeriesSequence"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)
RULE = "segment"
SEVERAL = -1  # in place of the number of a frame
Image = tuple[str, int]  # SOP instance UID, and frame from 1; 0: not said


@dataclass(frozen=True)
class Segments:
    """What a segmentation says of its frames."""

    names: dict[int, str]  # of each segment
    frames: dict[tuple[Image, int], int]  # of an image and a segment, from 0; of a label map segment 0 is all
    images: frozenset[str]  # that it refers to

    def of(self, file: str, image: Image, frames: int, segment: int) -> str:
        """The address of a segment on an image of so many `frames`; "" where nothing is drawn. Raises `BadImage`."""
        if segment not in self.names:
            raise BadImage(file, f"has no segment {segment}, but {told_names(self.names)}")
        if image[0] not in self.images:
            raise BadImage(file, "is a segmentation of other images: it does not refer to this one")
        keys = [(known, which) for known in (image, (image[0], 0)) for which in (segment, 0)]
        for (uid, frame), which in filter(self.frames.__contains__, keys):
            if frames > 1 and not frame:
                raise BadImage(file, "does not say which frames of its image are meant")
            if (number := self.frames[(uid, frame), which]) == SEVERAL:
                raise BadImage(
                    file, "has several frames of a segment on one image: it is not known which counts"
                )
            return address(file, frame=number, value=None if which else segment)
        return ""


def told_names(names: dict[int, str]) -> str:
    """The segments of a file, for a sentence.

    >>> told_names({1: "liver", 2: "tumour"})
    '#segment=1 (liver), #segment=2 (tumour)'
    """
    return ", ".join(f"#{RULE}={number} ({short(name, 40)})" for number, name in sorted(names.items())[:9])


def in_frames(samples: Samples, faults: list[Fault]) -> tuple[Samples, list[Fault]]:
    """The samples with frames in the place of segments, and what is wrong with these."""
    found: list[Fault] = []
    wrong = {fault.row for fault in faults}

    def masks(files: MaskFiles | None) -> MaskFiles | None:
        if files is None or not any(map(_is_segment, files.files.ravel())):
            return files
        cells = [str(name) for name in files.files.ravel()]
        for at, name in enumerate(cells):
            row = at // files.files.shape[1]
            if row not in wrong and _is_segment(name):
                try:
                    cells[at] = frame_of(samples, row, name)
                except BadImage as error:
                    found.append(Fault(row, error.why, name))
        return replace(files, files=strings(cells).reshape(files.files.shape))

    with silenced():
        samples = replace(samples, masks=masks(samples.masks), true_masks=masks(samples.true_masks))
    return samples, sorted([*faults, *found])


def frame_of(samples: Samples, row: int, name: str) -> str:
    """The frame that a segment is drawn in on the image of a row. Raises `BadImage`."""
    file, rules = split_address(name)
    image, part = split_address(str(samples.images[row]))
    path = os.path.join(samples.root, image)
    with told(name):
        if not is_dicom(path):
            raise BadImage(name, "is a DICOM segmentation, but its image is not DICOM")
        found = segments_of(os.path.join(samples.root, file), name)
        which = int(rules[RULE]) if rules[RULE].isdecimal() else -1
        uid, frames = _image_of(path)
        return found.of(file, (uid, int(part.get("frame", 0)) + 1), frames, which)


def segments_of(path: str, name: str) -> Segments:
    """What a file says of its frames, which is read once. Raises `BadImage`."""
    try:
        return _segments.get(path, lambda: _segments_of(path, name))
    except BadImage:
        raise
    except Exception as error:  # not in the words of the library, which may quote the file
        raise BadImage(name, f"its header is damaged ({type(error).__name__})") from None


def _segments_of(path: str, name: str) -> Segments:
    from pydicom import dcmread

    read_dataset(path, name)  # which refuses what is damaged
    found = dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(TAGS))
    kind, how = found.get("SOPClassUID"), found.get("SegmentationType")
    if kind not in (SEGMENTATION, LABELMAP):
        raise BadImage(name, "is no DICOM segmentation, and has no segments")
    if how not in ("BINARY", "LABELMAP"):
        raise BadImage(
            name, "holds shares of pixels (FRACTIONAL): cut it at one half, and write it as BINARY"
        )
    frames: dict[tuple[Image, int], int] = {}
    for number, key in _keys(found, how == "LABELMAP"):
        frames[key] = number if frames.get(key, number) == number else SEVERAL
    listed = [
        str(one.ReferencedSOPInstanceUID)
        for series in found.get("ReferencedSeriesSequence") or []
        for one in series.get("ReferencedInstanceSequence") or []
    ]
    names = {
        int(one.SegmentNumber): str(one.get("SegmentLabel", "")) for one in found.get("SegmentSequence") or []
    }
    return Segments(names, frames, frozenset([*listed, *(image[0] for image, _ in frames)]))


def _keys(found: Any, whole: bool) -> Iterator[tuple[int, tuple[Image, int]]]:
    """Each frame, and which segment of which image it is."""
    shared = (found.get("SharedFunctionalGroupsSequence") or [{}])[0]
    for number, group in enumerate(found.get("PerFrameFunctionalGroupsSequence") or []):
        segment = group.get("SegmentIdentificationSequence") or shared.get("SegmentIdentificationSequence")
        derived = group.get("DerivationImageSequence") or shared.get("DerivationImageSequence") or []
        for source in (one for item in derived for one in item.get("SourceImageSequence") or []):
            frames = np.atleast_1d(source.get("ReferencedFrameNumber") or 0)
            for frame in frames.tolist():
                image = (str(source.ReferencedSOPInstanceUID), int(frame))
                yield number, (image, 0 if whole else int(segment[0].ReferencedSegmentNumber))


def _image_of(path: str) -> tuple[str, int]:
    """The SOP instance UID of an image, and how many frames it holds."""
    from pydicom import dcmread

    found = dcmread(
        path, stop_before_pixels=True, force=True, specific_tags=["SOPInstanceUID", "NumberOfFrames"]
    )
    return str(found.get("SOPInstanceUID", "")), int(found.get("NumberOfFrames") or 1)


def _is_segment(name: object) -> bool:
    return f"{RULE}=" in str(name) and RULE in split_address(str(name))[1]


_segments: Shelf[Segments] = Shelf(lambda _: 0)
