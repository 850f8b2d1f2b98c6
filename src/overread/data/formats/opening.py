"""What the headers of a row's files say: its slices or frames, its patient, where they lie, what is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from overread.data.address import split_address
from overread.data.faults import BadImage, told
from overread.data.formats import channels, nifti
from overread.data.formats.dicom_header import Header, Plane, is_dicom, read_header
from overread.data.formats.planes import PLANES, Pair, plane_of
from overread.data.options import DataOptions
from overread.data.samples import Samples

Part = dict[str, object]
CUT = {*PLANES, "frame"}  # an address with one of these needs no cutting


@dataclass(frozen=True)
class Row:
    """What becomes of a row."""

    parts: list[Part] = field(default_factory=lambda: [{}])  # the rules of each new row's address
    group: str = ""  # where the data name none
    why: str = ""  # what is wrong with it,
    mask: str = ""  # or with this mask of it
    kind: str = ""  # "NIfTI" or "DICOM"
    header: Header | None = None
    place: nifti.Geometry | None = None
    mask_spacing: tuple[str, Pair | None] = ("", None)  # of a mask in DICOM

    @property
    def series(self) -> str:
        """What its slices belong to, less any secret: to sort by, never written."""
        return self.header.series if self.header else ""

    def plane(self, part: int) -> Plane | None:
        """Where a slice lies, as DICOM says."""
        planes = self.header.planes if self.header else []
        frame = self.parts[part].get("frame", 0)
        return planes[int(str(frame))] if planes else None

    def spacing(self, part: int) -> Pair | None:
        """mm: how high and wide a pixel is, where the file says so."""
        if self.place:
            return self.place.spacing(next((key for key in self.parts[part] if key in PLANES), "axial"))
        spacings = self.header.spacings if self.header else []
        return spacings[int(str(self.parts[part].get("frame", 0)))] if spacings else None


def is_medical(root: object, name: str) -> bool:
    """Whether a file is NIfTI or DICOM."""
    file = split_address(name)[0]
    return nifti.is_nifti(file) or is_dicom(os.path.join(str(root), file))


def open_row(samples: Samples, row: int, options: DataOptions, pseudonym: Callable[[str, str], str]) -> Row:
    """Opens the headers of a row's files."""
    name = str(samples.images[row])
    file, rules = split_address(name)
    path = os.path.join(samples.root, file)
    masks = _masks(samples, row)
    try:
        with told(name):
            if nifti.is_nifti(file):
                if apart := channels.misfit(path, name, rules):
                    return Row(why=apart)
                return _volume(samples, nifti.geometry(path, name), name, masks, options)
            if not is_dicom(path):
                return _picture(samples, masks)
            header = read_header(path, name)
    except BadImage as error:
        return Row(why=error.why)
    if why := _frames_differ(samples, header, masks, rules):
        return Row(why=why[1], mask=why[0])
    parts: list[Part] = [{"frame": frame} for frame in range(header.frames)]
    whole = header.frames == 1 or "frame" in rules
    header = of_one(header, rules["frame"]) if "frame" in rules else header
    group = str(samples.groups[row]) or pseudonym(header.patient, header.series)
    own = _mask_spacing(samples, masks)
    return Row([{}] if whole else parts, group, kind="DICOM", header=header, mask_spacing=own)


def _masks(samples: Samples, row: int) -> list[str]:
    """The mask files of a row."""
    files = [masks.files[row] for masks in (samples.masks, samples.true_masks) if masks is not None]
    return [str(name) for names in files for name in names if name]


def _picture(samples: Samples, masks: list[str]) -> Row:
    """A plain picture, whose masks are pictures too."""
    mask = next((mask for mask in masks if nifti.is_nifti(split_address(mask)[0])), "")
    why = "is a volume and its image a picture: save both as NIfTI, or both as PNG" if mask else ""
    return Row(why=why, mask=mask)


def _volume(
    samples: Samples, place: nifti.Geometry, name: str, masks: list[str], options: DataOptions
) -> Row:
    """A volume in NIfTI."""
    file, rules = split_address(name)
    own: Part = {key: rule for key, rule in rules.items() if key in CUT}
    for mask in masks:
        if why := _misfit(samples, place, mask, bool(own)):
            return Row(why=why, mask=mask)
    if own:
        return Row([own], group=file, kind="NIfTI", place=place)
    plane = plane_of(place.canonical, options.plane)
    count = place.canonical[PLANES[plane]]
    return Row([{plane: index} for index in range(count)], group=file, kind="NIfTI", place=place)


def _misfit(samples: Samples, image: nifti.Geometry, mask: str, one: bool) -> str:
    """Why a mask does not lie where its image, or `one` slice of it, does, or ""."""
    file, rules = split_address(mask)
    if not nifti.is_nifti(file):
        one = one or bool(CUT & rules.keys()) or 1 in image.shape
        return (
            ""
            if one
            else f"is one picture, but the image a volume of {' x '.join(map(str, image.shape))} voxels"
        )
    try:
        with told(mask):
            own = nifti.geometry(os.path.join(samples.root, file), mask)
    except BadImage as error:
        return error.why
    if own.fits(image):
        return ""
    return f"lies elsewhere than its image, {own.told} and {image.told}: resample it onto the image"


def _frames_differ(
    samples: Samples, image: Header, masks: list[str], rules: dict[str, str]
) -> tuple[str, str] | None:
    """A mask that has not the frames of its image, and why it does not fit."""
    for mask in masks:
        file, own = split_address(mask)
        path = os.path.join(samples.root, file)
        if nifti.is_nifti(file):
            return (
                mask,
                "is NIfTI and its image DICOM: which slice is which is not known. Save both alike",
            )
        if "segment" in own:
            continue  # which finds its frame by the image that this refers to
        try:
            with told(mask):
                found = read_header(path, mask) if is_dicom(path) else None
        except BadImage as error:
            return mask, error.why
        frames = found.frames if found else 1
        one, named = image.frames == 1 or CUT & rules.keys(), CUT & own.keys()
        if found and found.modality == "SEG" and frames > 1 and not named:
            return mask, "is a segmentation: name the segment that is meant, as in FILE.dcm#segment=1"
        if frames != image.frames and not (one and (frames == 1 or named)):
            return mask, f"has {frames} frames, but its image {image.frames}"
    return None


def _mask_spacing(samples: Samples, masks: list[str]) -> tuple[str, Pair | None]:
    """The first mask that is DICOM, and how large its pixels are."""
    for mask in masks:
        path = os.path.join(samples.root, split_address(mask)[0])
        if is_dicom(path):
            return mask, read_header(path, mask).spacings[0]
    return "", None


def of_one(header: Header, frame: str) -> Header:
    """The header with what it says of one frame; nothing of a frame that is not there."""
    at = int(frame) if frame.isdecimal() else header.frames
    return replace(header, planes=header.planes[at : at + 1], spacings=header.spacings[at : at + 1])
