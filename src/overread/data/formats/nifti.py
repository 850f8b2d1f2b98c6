"""NIfTI, 2-D and 3-D: pictures and labels of its slices, and a labels file made of slices again.

Numbers are value = slope * stored + intercept. Grey comes from the window of the address, or else from the 0.5th
to the 99.5th percentile of the whole volume, so that all its slices are shown alike.
"""

from __future__ import annotations

import gzip
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overread.data.faults import BadImage
from overread.data.formats.extras import need
from overread.data.formats.grey import to_grey
from overread.data.formats.planes import PLANES, Array, Pair, Shape3, cut, picture_size, put
from overread.data.formats.shelf import Shelf
from overread.data.options import parse_window

ENDINGS = (".nii", ".nii.gz")
LIMIT = 2 << 30  # bytes of a volume as it is stored; more is refused before it fills the memory
HEADER_LIMIT = 64 << 20  # bytes before the values
NEAR = 1e-3  # how far a number of a labels file may lie from a whole one
SHARE = 0.5  # percent of the values that become black, and white
UNITS = {"meter": 1000.0, "micron": 0.001}  # mm
DRAWN_FROM = 1_000_000  # values or a few more that percentiles are taken from


@dataclass(frozen=True)
class Geometry:
    """Where the voxels of a file lie."""

    shape: Shape3  # as stored
    affine: Array  # [4, 4] from stored voxel to mm in RAS
    turn: Array  # [3, 2] nibabel's orientation: what brings the stored axes to R, A, S
    unit: float | None = 1.0  # mm; None where the header says nothing of sizes

    @property
    def canonical(self) -> Shape3:
        """The shape with axes R, A, S."""
        shape = [0, 0, 0]
        for own, (axis, _) in enumerate(self.turn):
            shape[int(axis)] = self.shape[own]
        return shape[0], shape[1], shape[2]

    def spacing(self, plane: str) -> Pair | None:
        """mm: how high and wide a pixel of the slices is. None where the header does not say."""
        if self.unit is None:
            return None
        sides = [0.0, 0.0, 0.0]
        for own, (axis, _) in enumerate(self.turn):
            sides[int(axis)] = float(np.linalg.norm(self.affine[:3, own])) * self.unit
        return picture_size((sides[0], sides[1], sides[2]), plane)

    @property
    def told(self) -> str:
        """Shape and affine for a message."""
        rows = "; ".join(" ".join(f"{value:.3g}" for value in row) for row in self.affine[:3])
        return f"{' x '.join(map(str, self.shape))} [{rows}]"

    def fits(self, other: Geometry) -> bool:
        """Whether both have the same voxels: no corner lies half a voxel or more from its fellow."""
        if self.shape != other.shape:
            return False
        corners = np.array(np.meshgrid(*([0, size - 1] for size in self.shape), [1], indexing="ij"))
        apart = (self.affine - other.affine) @ corners.reshape(4, -1)
        voxel = np.linalg.norm(self.affine[:3, :3], axis=0).min()
        return bool(np.linalg.norm(apart[:3], axis=0).max() < voxel / 2)


def is_nifti(name: str) -> bool:
    """By the ending."""
    return name.lower().endswith(ENDINGS)


def geometry(path: str, name: str) -> Geometry:
    """Where the voxels of a file lie, from its header alone. Raises `BadImage`, from nibabel anything."""
    return _geometries.get(path, lambda: _geometry(path, name))


def _geometry(path: str, name: str) -> Geometry:
    import nibabel

    image = _open(path, name)
    shape = image.shape
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) > 3:
        raise BadImage(
            name,
            f"has {len(shape)} dimensions ({' x '.join(map(str, shape))}): write one file a channel or time",
        )
    shape = (*shape, 1, 1)[:3]
    affine = np.asarray(image.affine, np.float64)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise BadImage(
            name, "its header does not say how the volume lies in space (affine): mend its sform or qform"
        )
    return Geometry(shape, affine, nibabel.orientations.io_orientation(affine), _unit(image.header))


def _unit(header: Any) -> float | None:
    """The unit of lengths in mm, which are meant where none is named; None of a header that is as it was made."""
    unit = header.get_xyzt_units()[0]
    set_by_somebody = header["sform_code"] or header["qform_code"] or unit != "unknown"
    if not set_by_somebody and (header["pixdim"][1:4] == 1).all():
        return None
    return UNITS.get(unit, 1.0)


def _open(path: str, name: str) -> Any:
    """nibabel's image of a file, its values not yet read."""
    need("nifti", "nibabel", name, "NIfTI")
    import nibabel

    opener = gzip.open if path.lower().endswith(".gz") else open
    with opener(path, "rb") as file:
        start = file.read(544)
    two = start[4:7] == b"n+2" and len(start) >= 540
    if not two and start[344:347] != b"n+1":
        raise BadImage(name, _no_nifti(start))
    kind = nibabel.Nifti2Header if two else nibabel.Nifti1Header
    header = kind(start[:540] if two else start[:348], check=False)
    sides = [int(side) for side in header.get_data_shape()]
    if min(sides, default=0) < 1:
        raise BadImage(name, f"has the sides {sides}: there is nothing in it")
    if math.prod(sides) * header.get_data_dtype().itemsize > LIMIT:
        raise BadImage(
            name, f"says it holds {' x '.join(map(str, sides))} voxels, more than 2 GiB: cut it in parts"
        )
    lengths = [float(header["pixdim"][1 + at]) for at, side in enumerate(sides[:3]) if side > 1]
    if header["sform_code"] == 0 and not all(0 < length < math.inf for length in lengths):
        raise BadImage(
            name, f"gives its voxels the lengths {lengths} (pixdim), which must be above 0: mend its sform"
        )
    if header["vox_offset"] > HEADER_LIMIT:
        raise BadImage(name, f"its header says it is {header['vox_offset']:,.0f} bytes long: it is damaged")
    if header.get_data_dtype().kind not in "buif":
        raise BadImage(name, f"holds {header.get_data_dtype()}; whole or real numbers are expected")
    return (nibabel.Nifti2Image if two else nibabel.Nifti1Image).from_filename(path)


def _no_nifti(start: bytes) -> str:
    from overread.data.faults import not_an_image

    if len(start) < 348:
        return "the file is truncated: its end is missing"
    if start[344:347] in (b"ni1", b"ni2"):
        return "is one half of a pair (.hdr and .img): save it as one file, .nii or .nii.gz"
    return not_an_image(start).replace("an image", "NIfTI", 1)


def size(path: str, name: str, part: Mapping[str, str]) -> tuple[int, int]:
    """(height, width) of a slice."""
    plane, _ = _which(path, name, part)
    return picture_size(geometry(path, name).canonical, plane)


def picture(path: str, name: str, part: Mapping[str, str]) -> Array:
    """uint8 [H, W] slice of a volume, in grey."""
    plane, index = _which(path, name, part)
    window = part.get("window")
    return cut(_pictures.get(path, lambda: _grey_volume(path, name, window), window), plane, index)


def labels(path: str, name: str, part: Mapping[str, str]) -> Array:
    """[H, W] integers: a slice of a volume of labels, its numbers as they stand."""
    plane, index = _which(path, name, part)
    return cut(_labels.get(path, lambda: _label_volume(path, name)), plane, index)


def values(path: str, name: str, part: Mapping[str, str]) -> Array:
    """float32 [H, W] the numbers of a slice before any window, for a viewer that windows by itself."""
    plane, index = _which(path, name, part)
    stored, slope, intercept = _values.get(path, lambda: _stored(path, name))
    return cut(stored, plane, index).astype(np.float32) * np.float32(slope) + np.float32(intercept)


def _which(path: str, name: str, part: Mapping[str, str]) -> tuple[str, int]:
    """The plane and the slice that an address means; a plain path means the only slice there is."""
    shape = geometry(path, name).canonical
    planes = [plane for plane in PLANES if plane in part]
    if not planes:
        thin = [plane for plane, axis in PLANES.items() if shape[axis] == 1]
        if not thin:
            raise BadImage(name, f"is a volume of {' x '.join(map(str, shape))} voxels, not one picture")
        return thin[0], 0
    index = part[planes[0]]
    count = shape[PLANES[planes[0]]]
    if not index.isdecimal() or int(index) >= count:
        raise BadImage(name, f"has {count} {planes[0]} slices, counted from 0; there is no {index}")
    return planes[0], int(index)


def _stored(path: str, name: str) -> tuple[Array, float, float]:
    """The canonical volume as it is stored, and what makes values of its numbers: slope and intercept."""
    import nibabel

    place, image = geometry(path, name), _open(path, name)
    proxy = image.dataobj
    stored = np.asanyarray(proxy.get_unscaled()).reshape(place.shape)
    return nibabel.orientations.apply_orientation(stored, place.turn), float(proxy.slope), float(proxy.inter)


def _grey_volume(path: str, name: str, window: str | None) -> Array:
    """uint8 canonical volume."""
    stored, slope, intercept = _stored(path, name)
    low, high = parse_window(window) if window else percentiles(stored, slope, intercept)
    grey = np.empty(stored.shape, np.uint8)
    for index in range(stored.shape[2]):  # slice by slice, to spare the memory
        grey[..., index] = to_grey(stored[..., index].astype(np.float64) * slope + intercept, low, high)
    return grey


def percentiles(stored: Array, slope: float = 1.0, intercept: float = 0.0) -> tuple[float, float]:
    """The 0.5th and the 99.5th percentile of the finite values; the least and greatest where these are one."""
    step = math.ceil((stored.size / DRAWN_FROM) ** (1 / 3))
    some = stored[::step, ::step, ::step].astype(np.float64) * slope + intercept
    some = some[np.isfinite(some)]
    if not some.size:
        raise BadImage("", "has no finite value")
    low, high = np.percentile(some, [SHARE, 100 - SHARE])
    return (float(low), float(high)) if low < high else (float(some.min()), float(some.max()))


def _label_volume(path: str, name: str) -> Array:
    """The canonical volume of labels: whole numbers, in as few bytes as they need. Raises `BadImage`."""
    stored, slope, intercept = _stored(path, name)
    if stored.dtype.kind in "bui" and (slope, intercept) == (1.0, 0.0):
        whole = stored
    else:
        numbers = stored.astype(np.float64) * slope + intercept
        if not np.isfinite(numbers).all():
            raise BadImage(name, "holds numbers that are not finite; a structure has a whole number")
        whole = np.rint(numbers).astype(np.int64)
        if (odd := np.abs(numbers - whole) > NEAR).any():
            raise BadImage(
                name,
                f"holds {numbers[odd][0]:.4g}, but structures have whole numbers: if it was resampled, do that again "
                "with nearest neighbours",
            )
    if whole.min() < 0:
        raise BadImage(name, f"holds the negative number {whole.min()}; 0 is where nothing is drawn")
    return whole.astype(np.min_scalar_type(int(whole.max())))


def save_labels(pictures: Mapping[int, Array], plane: str, like: str | Path, out: str | Path) -> None:
    """Writes slices [H, W] of labels, by number of the slice in `plane`, as NIfTI with the geometry of `like`.

    Orientation, affine, their codes and the kind of number are those of `like`, a file of labels or the image;
    slices that are not given are 0. What `labels` reads of the file are the pictures again.
    """
    import nibabel

    place, image = geometry(str(like), str(like)), _open(str(like), str(like))
    most = max((int(picture.max()) for picture in pictures.values() if picture.size), default=0)
    volume = np.zeros(place.canonical, np.min_scalar_type(most))
    for index, one in pictures.items():
        put(volume, plane, index, one)
    back = nibabel.orientations.ornt_transform(nibabel.orientations.axcodes2ornt("RAS"), place.turn)
    own = nibabel.orientations.apply_orientation(volume, back).reshape(image.shape)
    header = image.header.copy()
    kind = header.get_data_dtype()
    fits = kind.kind in "ui" and most <= np.iinfo(kind).max
    header.set_data_dtype(kind if fits else own.dtype)
    header.set_slope_inter(1, 0)
    done = type(image)(own.astype(header.get_data_dtype()), None, header)
    temporary = f"{out}.partly{'.nii.gz' if str(out).endswith('.gz') else '.nii'}"
    nibabel.save(done, temporary)
    os.replace(temporary, out)


_geometries: Shelf[Geometry] = Shelf(lambda _: 0)
_pictures: Shelf[Array] = Shelf(lambda volume: volume.nbytes)
_labels: Shelf[Array] = Shelf(lambda volume: volume.nbytes)
_values: Shelf[tuple[Array, float, float]] = Shelf(lambda found: found[0].nbytes)
