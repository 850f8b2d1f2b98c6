"""Several channels of one image, each a file of its own as nnU-Net has them, as the colours of one picture."""

from __future__ import annotations

from collections.abc import Mapping
from os.path import basename

import numpy as np

from overread.data.address import address, files_of
from overread.data.faults import BadImage
from overread.data.formats import nifti
from overread.data.formats.planes import Array

COLOURS = ("red", "green", "blue")


def size(path: str, name: str, part: Mapping[str, str]) -> tuple[int, int]:
    """(height, width): of the first channel."""
    if nifti.is_nifti(path):
        return nifti.size(path, name, part)
    from overread.data.images import upright_size  # which needs this file

    return upright_size(path, name)


def picture(path: str, name: str, part: Mapping[str, str]) -> Array:
    """uint8 [H, W, 3]: the channels as red, green and blue, each in grey as it would be alone; no third is black."""
    found = [_one(file, part) for file in files_of(address(path, **part))]
    for file, channel in zip(files_of(address(path, **part)), found, strict=True):
        if channel.ndim != 2:
            raise BadImage(
                name, f"its channel {basename(file)} is in colour: a channel has one number a pixel"
            )
        if channel.shape != found[0].shape:
            high, wide = channel.shape
            raise BadImage(
                name, f"its channel {basename(file)} has {wide} x {high} pixels, the first one others"
            )
    colours = np.zeros((*found[0].shape, len(COLOURS)), np.uint8)
    for number, channel in enumerate(found):
        colours[..., number] = channel
    return colours


values = picture  # colour has no numbers that a window could be laid on


def labels(path: str, name: str, part: Mapping[str, str]) -> Array:
    """Masks have one channel."""
    raise BadImage(name, "several channels are no mask")


def misfit(path: str, name: str, part: Mapping[str, str]) -> str:
    """Why the channels of a volume do not lie where the first one does, or "". Raises `BadImage`."""
    first, *others = files_of(address(path, **part))
    place = nifti.geometry(first, name)
    for file in others:
        own = nifti.geometry(file, file)
        if not own.fits(place):
            told = f"{own.told} and {place.told}"
            return f"its channel {basename(file)} lies elsewhere, {told}: resample it onto the first"
    return ""


def _one(file: str, part: Mapping[str, str]) -> Array:
    """uint8 [H, W] a channel in grey."""
    if nifti.is_nifti(file):
        return nifti.picture(file, file, part)
    from overread.data import deep
    from overread.data.contents import plain_bytes
    from overread.data.values import values_of

    found = values_of(plain_bytes(file, file))
    return found if found.dtype == np.uint8 else deep.to_uint8(found)
