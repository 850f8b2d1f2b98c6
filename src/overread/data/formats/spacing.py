"""How large pixels are, as medical files say it, and what the user should know of that."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from overread.data.formats.opening import Row
from overread.data.formats.planes import Pair
from overread.data.manifest import Floats
from overread.data.problems import counted

SAME = 0.01  # of a length: what rounding in a header may do
SHOWN = 3


def spacings(rows: Sequence[Row], order: Sequence[tuple[int, int]]) -> Floats | None:
    """[N, 2] mm: how high and wide a pixel of each part of a row is, NaN where the files do not say.

    None where none of them says so.
    """
    found = np.array([rows[at].spacing(part) or (np.nan, np.nan) for at, part in order], np.float64)
    return found.reshape(-1, 2) if np.isfinite(found).any() else None


def spacing_notes(rows: Sequence[Row], found: Floats | None, given: float | None) -> list[str]:
    """A sentence each; `given` is --spacing, which goes before what the files say."""
    known = np.empty((0, 2)) if found is None else found[np.isfinite(found).all(axis=1)]
    notes = _apart(rows)
    if given is not None:
        if len(known) and not np.allclose(known, given, rtol=SAME):
            notes.append(f"--spacing {given:g} counts; the files say {_range(known)}.")
        return notes
    if found is not None and len(known):
        notes.append(f"Pixels are {_range(known)}, as the files say.")
        if lacking := len(found) - len(known):
            what = counted(lacking, "image does not say how large its", "images do not say how large their")
            notes.append(
                f"{what} pixels are, so distances are told in pixels alone. For one size of all: --spacing MM."
            )
    if detector := sum(row.header.at_detector for row in rows if row.header):
        what = counted(detector, "file gives", "files give")
        notes.append(
            f"{what} the size of pixels at the detector alone (ImagerPixelSpacing): in the patient it is smaller."
        )
    return notes


def _apart(rows: Sequence[Row]) -> list[str]:
    """A note on masks whose pixels have another size than those of their image."""
    apart = []
    for row in rows:
        own, image = row.mask_spacing[1], row.spacing(0)
        if own and image and not np.allclose(own, image, rtol=SAME):
            apart.append(f"{row.mask_spacing[0]} {in_mm(own)} for {in_mm(image)}")
    if not apart:
        return []
    rest = f" and {len(apart) - SHOWN:,} more" if len(apart) > SHOWN else ""
    what = counted(len(apart), "mask says that its", "masks say that their")
    return [
        f"{what} pixels have another size than those of the image, which counts: {', '.join(apart[:SHOWN])}{rest}."
    ]


def in_mm(pair: Pair) -> str:
    """Height and width of a pixel.

    >>> in_mm((0.5, 0.703125))
    '0.5 x 0.703 mm'
    """
    return f"{pair[0]:.3g} x {pair[1]:.3g} mm"


def _range(known: Floats) -> str:
    """ "0.5 mm high and wide", "0.5 to 0.7 mm high and 1 mm wide"."""

    def of(column: Floats) -> str:
        least, greatest = f"{column.min():.3g}", f"{column.max():.3g}"
        return f"{least} mm" if least == greatest else f"{least} to {greatest} mm"

    high, wide = of(known[:, 0]), of(known[:, 1])
    return f"{high} high and wide" if high == wide else f"{high} high and {wide} wide"
