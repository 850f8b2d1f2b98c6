"""DICOM: a frame as it is to be shown. Stored numbers, then the modality's values, then the window, then grey.

Windows by PS3.3 C.11.2, with c the centre and w the width, x a value after rescaling, and 0 to 1 black to white:
    LINEAR        (x - (c - 0.5)) / (w - 1) + 0.5, cut to 0..1
    LINEAR_EXACT  (x - c) / w + 0.5, cut to 0..1
    SIGMOID       1 / (1 + exp(-4 (x - c) / w))
The window is that of --window (LINEAR_EXACT), else a VOI table of the file, else its first window, else the least to
the greatest value of the frame without its padding. MONOCHROME1 is turned over at the very end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from overread.data.faults import BadImage
from overread.data.formats.bits import is_packed, packed_frame
from overread.data.formats.dicom_header import ALLOWED, of_frame, read_dataset, read_header, syntax_of
from overread.data.formats.dicom_header import is_dicom as is_dicom
from overread.data.options import parse_window

Array = np.ndarray[Any, np.dtype[Any]]
MORE = {  # transfer syntaxes that need another library, by the end of their UID
    ".4.57": ("JPEG Lossless", "python-gdcm"),
    ".4.70": ("JPEG Lossless", "python-gdcm"),
    ".4.80": ("JPEG-LS", "pyjpegls"),
    ".4.81": ("JPEG-LS", "pyjpegls"),
}
PIXELS = (
    "PixelData",
    "FloatPixelData",
    "DoubleFloatPixelData",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
)
GREY = ("MONOCHROME1", "MONOCHROME2")


def size(path: str, name: str, part: Mapping[str, str]) -> tuple[int, int]:
    """(height, width) of a frame."""
    found = read_dataset(path, name)
    return int(found.Rows), int(found.Columns)


def picture(path: str, name: str, part: Mapping[str, str]) -> Array:
    """uint8 [H, W] or [H, W, 3]: a frame as it is to be shown."""
    stored, view = _stored(path, name, part)
    if view.PhotometricInterpretation not in GREY:
        return _colour(stored, view)
    return grey(stored, view, part.get("window"))


def values(path: str, name: str, part: Mapping[str, str]) -> Array:
    """float32 [H, W], before any window but with the greatest number as white; or uint8 [H, W, 3] of colour."""
    stored, view = _stored(path, name, part)
    if view.PhotometricInterpretation not in GREY:
        return _colour(stored, view)
    found = modality_values(stored, view).astype(np.float32)
    return found.max() + found.min() - found if view.PhotometricInterpretation == "MONOCHROME1" else found


def labels(path: str, name: str, part: Mapping[str, str]) -> Array:
    """[H, W] the numbers that are stored: of a mask."""
    stored, view = _stored(path, name, part)
    if view.PhotometricInterpretation not in GREY:
        raise BadImage(name, "is in colour: it is not known which colour is which structure")
    return stored


def grey(stored: Array, view: Any, window: str | None = None) -> Array:
    """uint8 [H, W] of the stored numbers of a frame, by what its header says."""
    shown = _shown(modality_values(stored, view), stored, view, window)  # [H, W] 0 to 1
    if view.PhotometricInterpretation == "MONOCHROME1":
        shown = 1.0 - shown
    return np.asarray(np.clip(shown, 0.0, 1.0) * 255.0 + 0.5, np.uint8)


def modality_values(stored: Array, view: Any) -> Array:
    """The values that the modality measured: a table of the file, or slope * stored + intercept."""
    from pydicom.pixels import apply_modality_lut

    return np.asarray(apply_modality_lut(stored, view), np.float64)


def windowed(found: Array, centre: float, width: float, function: str) -> Array:
    """Values through a window, 0 to 1.

    >>> windowed(np.array([-160.0, 40, 240]), 40, 400, "LINEAR_EXACT").tolist()
    [0.0, 0.5, 1.0]
    >>> windowed(np.array([1.0, 2, 3]), 2.5, 1, "LINEAR").tolist()
    [0.0, 0.0, 1.0]
    """
    if function == "SIGMOID":
        return np.asarray(1.0 / (1.0 + np.exp(np.clip(-4.0 * (found - centre) / width, -700, 700))))
    if function == "LINEAR_EXACT":
        return np.clip((found - centre) / width + 0.5, 0.0, 1.0)
    if width <= 1:
        return np.asarray(found > centre - 0.5, np.float64)
    return np.clip((found - (centre - 0.5)) / (width - 1.0) + 0.5, 0.0, 1.0)


def _shown(found: Array, stored: Array, view: Any, window: str | None) -> Array:
    """[H, W] 0 to 1."""
    if window:
        low, high = parse_window(window)
        return windowed(found, (low + high) / 2, high - low, "LINEAR_EXACT")
    if view.get("VOILUTSequence"):
        from pydicom.pixels import apply_voi

        table = view.VOILUTSequence[0]
        bits = int(table.LUTDescriptor[2])
        return np.asarray(apply_voi(np.rint(found).astype(np.int64), view), np.float64) / (2.0**bits - 1.0)
    centre, width = _first(view.get("WindowCenter")), _first(view.get("WindowWidth"))
    if (
        centre is not None
        and width is not None
        and (width >= 1 or (width > 0 and view.get("VOILUTFunction")))
    ):
        return windowed(found, centre, width, str(view.get("VOILUTFunction") or "LINEAR").upper())
    inside = found[~padded(stored, view)]
    low, high = (float(inside.min()), float(inside.max())) if inside.size else (0.0, 0.0)
    return (found - low) / ((high - low) or 1.0)


def padded(stored: Array, view: Any) -> Array:
    """Where a frame holds padding."""
    first = view.get("PixelPaddingValue")
    if first is None:
        return np.zeros(stored.shape, bool)
    last = view.get("PixelPaddingRangeLimit")
    ends = sorted((int(first), int(first if last is None else last)))
    return (stored >= ends[0]) & (stored <= ends[1])


def _first(value: Any) -> float | None:
    """The first number of one or many."""
    several = value if hasattr(value, "__len__") and not isinstance(value, str) else [value]
    try:
        return float(several[0])
    except (TypeError, ValueError, IndexError):
        return None


def _colour(stored: Array, view: Any) -> Array:
    """uint8 [H, W, 3]; YBR was made RGB by pydicom."""
    bits = int(view.get("BitsStored", 8))
    if view.PhotometricInterpretation == "PALETTE COLOR":
        from pydicom.pixels import apply_color_lut

        stored = apply_color_lut(stored, view)
        bits = 8 * stored.dtype.itemsize
    if stored.ndim != 3 or stored.shape[2] not in (3, 4):
        raise BadImage(
            "", f"has the shape {list(stored.shape)} as {view.PhotometricInterpretation}; it is damaged"
        )
    colour = stored[..., :3]
    if colour.dtype == np.uint8 and bits == 8:
        return np.asarray(colour)
    return np.asarray(np.clip(colour / (2.0**bits - 1.0), 0, 1) * 255.0 + 0.5, np.uint8)


def _stored(path: str, name: str, part: Mapping[str, str]) -> tuple[Array, Any]:
    """The stored numbers of a frame (YBR as RGB), and what its header says of it."""
    found = read_dataset(path, name)
    frames, frame = read_header(path, name).frames, part.get("frame", "0")
    if "frame" not in part and frames > 1:
        raise BadImage(name, f"holds {frames} frames, not one picture")
    if not frame.isdecimal() or int(frame) >= frames:
        raise BadImage(name, f"has {frames} frames, counted from 0; there is no {frame}")
    if "PhotometricInterpretation" not in found:
        raise BadImage(name, "does not say what its numbers mean (PhotometricInterpretation)")
    if is_packed(found, syntax_of(path)):
        return packed_frame(path, found, int(frame)), of_frame(found, int(frame))
    return _pixels(path, name, int(frame)), of_frame(found, int(frame))


def _pixels(path: str, name: str, frame: int) -> Array:
    from pydicom import dcmread
    from pydicom.pixels import pixel_array

    try:
        try:
            return np.asarray(pixel_array(path, index=frame))
        except (
            AttributeError,
            ValueError,
        ):  # deflated, or of an odd length: read whole, which takes more memory
            return np.asarray(
                pixel_array(dcmread(path, force=True, specific_tags=[*ALLOWED, *PIXELS]), index=frame)
            )
    except (RuntimeError, NotImplementedError, AttributeError, ValueError) as error:
        raise BadImage(name, _why_not(error, syntax_of(path))) from None


def _why_not(error: Exception, syntax: str) -> str:
    """Why the pixels of a file cannot be had."""
    text = str(error)
    what, package = next((found for end, found in MORE.items() if syntax.endswith(end)), ("", ""))
    if "missing dependencies" in text and what:
        return f"is compressed as {what}, which needs one more library: pip install {package}"
    if "12-bit" in text:
        return "is compressed as JPEG with 12 bits, which is not read: write it without compression"
    if isinstance(error, AttributeError):
        return "holds no picture (no pixel data)"
    if isinstance(error, NotImplementedError) or "missing dependencies" in text:
        return f"is compressed in a way that is not read ({syntax}): write it without compression"
    if any(words in text for words in ("less than expected", "cannot reshape", "fewer")):
        return "the file is truncated: its end is missing"
    return "its pixels are damaged"
