"""What is read of a DICOM file's header: the tags on this list and no others, so nothing else can be passed on."""

from __future__ import annotations

import math
import os
import re
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from overread.data.faults import BadImage
from overread.data.formats.extras import need
from overread.data.formats.planes import Pair
from overread.data.formats.shelf import Shelf

ENDINGS = (".dcm", ".dicom", ".dic", ".ima")
ENDING = re.compile(r"\.[a-z][a-z0-9]{1,4}$")  # another kind of file; the last number of a UID is none
PIXELS_LIMIT = 400_000_000  # in a frame
INFLATED = 2 << 30  # bytes of a deflated file
DENSEST = 8 * 1032  # pixels of one bit that a byte of a deflated file can hold
DEFLATED = "1.2.840.10008.1.2.1.99"
BARE = (b"\x08\0", b"\x02\0", b"\0\x08", b"\0\x02")  # how a file without a preamble begins
SECONDARY = "1.2.840.10008.5.1.4.1.1.7"  # secondary capture: a screenshot, or scanned
SCANNED = ("SD", "SI", "DF", "WSD")  # ConversionType
ALLOWED = (  # what is looked at
    *("SOPClassUID", "Modality", "ConversionType", "BurnedInAnnotation"),
    *("PatientID", "SeriesInstanceUID"),  # become a pseudonym
    *(
        "NumberOfFrames",
        "Rows",
        "Columns",
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "PlanarConfiguration",
    ),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue"),
    *("PixelPaddingRangeLimit", "ImageOrientationPatient", "ImagePositionPatient"),
    *("PixelSpacing", "ImagerPixelSpacing"),
    *("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "VOILUTSequence"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction"),
    *("RedPaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData"),
    *("GreenPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableData"),
    *("BluePaletteColorLookupTableDescriptor", "BluePaletteColorLookupTableData"),
    *("SegmentedRedPaletteColorLookupTableData", "SegmentedGreenPaletteColorLookupTableData"),
    "SegmentedBluePaletteColorLookupTableData",
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)
MACROS = (
    *("PixelValueTransformationSequence", "FrameVOILUTSequence"),
    *("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence"),
)


@dataclass(frozen=True)
class Header:
    """What is known of a file, less its pixels."""

    frames: int
    height: int
    width: int
    modality: str
    patient: str  # as it stands in the file; never written
    series: str  # likewise
    burned: bool  # it says that names may stand in the picture
    secondary: bool  # a screenshot, or scanned
    planes: list[Plane | None] = field(default_factory=list)  # of each frame
    spacings: list[Pair | None] = field(default_factory=list)  # likewise
    at_detector: bool = False  # spacing is that of the detector: nothing is known of magnification


@dataclass(frozen=True)
class Plane:
    """Where a slice lies: along its normal, in mm."""

    normal: tuple[float, float, float]
    position: float


def is_dicom(path: str) -> bool:
    """By the ending; of files without one by their beginning."""
    name = os.path.basename(path).lower()
    return name.endswith(ENDINGS) or (not ENDING.search(name) and _begins_like_dicom(path))


@lru_cache(maxsize=1 << 16)
def _begins_like_dicom(path: str) -> bool:
    try:
        if not os.path.isfile(path):  # a pipe would wait for ever
            return False
        with open(path, "rb") as file:
            return file.read(132)[128:] == b"DICM"
    except (OSError, ValueError):
        return False


def read_dataset(path: str, name: str) -> Any:
    """The allowed tags of a file as pydicom's data set, which is not to be changed. Raises `BadImage`."""
    return _datasets.get(path, lambda: _read_dataset(path, name))


def _read_dataset(path: str, name: str) -> Any:
    need("dicom", "pydicom", name, "DICOM")
    import pydicom

    with open(path, "rb") as file:
        start = file.read(132)
    if start[128:] != b"DICM" and start[:2] not in BARE:
        raise BadImage(name, _no_dicom(start))
    if syntax_of(path) == DEFLATED and inflates_beyond(path, INFLATED):
        raise BadImage(name, f"inflates to more than {INFLATED >> 30} GiB: write it without compression")
    try:
        found = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(ALLOWED))
        tuple(found)  # which reads what stands in each tag
    except (
        Exception
    ) as error:  # what is wrong is not told in the words of the library, which may quote the file
        raise BadImage(name, f"its header is damaged ({type(error).__name__})") from None
    if "Rows" not in found or "Columns" not in found:
        raise BadImage(name, f"holds no picture{_of(found)}")
    frames, room = found.get("NumberOfFrames") or 1, os.path.getsize(path)
    if isinstance(frames, int) and frames > room * (DENSEST if syntax_of(path) == DEFLATED else 8):
        raise BadImage(name, f"says it holds {frames:,} frames, in {room:,} bytes: it is damaged")
    return found


def syntax_of(path: str) -> str:
    """The transfer syntax, as a UID; "" where it is not said."""
    from pydicom.filereader import read_file_meta_info

    try:
        return str(read_file_meta_info(path).get("TransferSyntaxUID") or "")
    except Exception:  # no preamble, or a damaged one: the file is read without
        return ""


def inflates_beyond(path: str, limit: int) -> bool:
    """Whether a deflated file is larger than `limit` bytes when it is inflated; little of it is held in memory."""
    from pydicom.filereader import _read_file_meta_info, read_preamble

    with open(path, "rb") as file:
        read_preamble(file, True)
        _read_file_meta_info(file)
        stream, total = zlib.decompressobj(-zlib.MAX_WBITS), 0
        while data := stream.unconsumed_tail or file.read(1 << 20):
            total += len(stream.decompress(data, 1 << 20))
            if total > limit or stream.eof:
                break
    return total > limit


def _of(found: Any) -> str:
    modality = str(found.get("Modality", ""))
    return f" (modality {modality})" if modality.isalnum() and len(modality) <= 16 else ""


def _no_dicom(start: bytes) -> str:
    from overread.data.faults import not_an_image

    if len(start) < 132:
        return "the file is truncated: its end is missing"
    found = not_an_image(start)
    return found.replace("an image", "DICOM", 1) if ", but " in found else "not DICOM"


def read_header(path: str, name: str) -> Header:
    """What is known of a file. Raises `BadImage`, from pydicom anything."""
    return _headers.get(path, lambda: _header_of(read_dataset(path, name), name))


def _header_of(found: Any, name: str) -> Header:
    try:
        return _header(found, name)
    except (TypeError, ValueError, AttributeError):
        raise BadImage(name, "its header is damaged: numbers in it are none") from None


def _header(found: Any, name: str) -> Header:
    frames = int(found.get("NumberOfFrames") or 1)
    height, width = int(found.Rows), int(found.Columns)
    if frames < 1 or height < 1 or width < 1:
        raise BadImage(name, f"says it holds {frames} frames of {width} x {height} pixels")
    if height * width > PIXELS_LIMIT:
        raise BadImage(name, f"{width:,} x {height:,} pixels are beyond the limit of {PIXELS_LIMIT:,}")
    if 0 < len(found.get("PerFrameFunctionalGroupsSequence") or []) < frames:
        raise BadImage(name, f"says it holds {frames} frames and describes fewer: it is damaged")
    views = [of_frame(found, frame) for frame in range(frames)]
    spacings = [spacing_of(view) for view in views]
    return Header(
        frames,
        height,
        width,
        modality=_of(found)[11:-1],
        patient=str(found.get("PatientID") or "").strip(),
        series=str(found.get("SeriesInstanceUID") or "").strip(),
        burned=str(found.get("BurnedInAnnotation", "")).upper() == "YES",
        secondary=str(found.get("SOPClassUID", "")).startswith(SECONDARY)
        or str(found.get("ConversionType", "")).upper() in SCANNED,
        planes=[plane_of(view) for view in views],
        spacings=spacings,
        at_detector=any(spacings) and not any(map(in_patient, views)),
    )


def of_frame(found: Any, frame: int) -> Any:
    """The data set with what is said of one frame, or of all frames, at its top level."""
    groups = [
        found.get(name) for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
    ]
    if not any(groups):
        return found
    import pydicom

    whole = pydicom.Dataset()
    whole.update(found)
    for group, at in zip(groups, (0, frame), strict=True):
        for macro in MACROS if group else ():
            if items := group[at].get(macro):
                whole.update(items[0])
    return whole


def plane_of(view: Any) -> Plane | None:
    """Where a frame lies in the patient; None where that is not said, or not rightly."""
    turn, place = view.get("ImageOrientationPatient"), view.get("ImagePositionPatient")
    if not turn or not place or len(turn) != 6 or len(place) != 3:
        return None
    normal = np.cross(np.array(turn[:3], float), np.array(turn[3:], float))
    length = np.linalg.norm(normal)
    if not np.isfinite(length) or length < 0.5:
        return None
    normal = normal / length
    return Plane(
        (float(normal[0]), float(normal[1]), float(normal[2])), float(normal @ np.array(place, float))
    )


def spacing_of(view: Any) -> Pair | None:
    """mm: how high and wide a pixel of a frame is; None where that is not said, or not rightly."""
    return in_patient(view) or _two_lengths(view.get("ImagerPixelSpacing"))


def in_patient(view: Any) -> Pair | None:
    """The spacing that the modality, or whoever calibrated it, gives for the patient: rows, then columns."""
    return _two_lengths(view.get("PixelSpacing"))


def _two_lengths(value: Any) -> Pair | None:
    if value is None or isinstance(value, str) or not hasattr(value, "__len__") or len(value) != 2:
        return None
    height, width = float(value[0]), float(value[1])
    return (height, width) if 0 < height < math.inf and 0 < width < math.inf else None


_datasets: Shelf[Any] = Shelf(lambda _: 0)
_headers: Shelf[Header] = Shelf(lambda _: 0)
