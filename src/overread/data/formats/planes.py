"""How a volume is cut into pictures, and pictures are put together to a volume again.

A volume is canonical when its axes go to the patient's Right, Anterior and Superior (RAS). Slice k of a plane is
the k-th along S (axial), A (coronal) or R (sagittal), from 0. It is shown as radiology does: the patient's right on
the left of axial and coronal pictures, anterior on the left of sagittal ones; anterior on top of axial pictures,
superior on top of the others.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Shape3 = tuple[int, int, int]
Pair = tuple[float, float]
T = TypeVar("T", int, float)
PLANES = {"axial": 2, "coronal": 1, "sagittal": 0}  # the axis of the canonical volume that a plane cuts


def cut(volume: Array, plane: str, index: int) -> Array:
    """[H, W] slice `index` of a canonical `volume` [R, A, S].

    >>> volume = np.arange(8).reshape(2, 2, 2)  # R, A, S: 4, 2, 1
    >>> cut(volume, "axial", 0).tolist()  # top: anterior; left: the patient's right
    [[6, 2], [4, 0]]
    """
    return np.asarray(volume.take(index, PLANES[plane])[::-1, ::-1].T)


def put(volume: Array, plane: str, index: int, picture: Array) -> None:
    """Writes `picture` [H, W] into a canonical `volume`: the inverse of `cut`."""
    where: list[Any] = [slice(None)] * 3
    where[PLANES[plane]] = index
    volume[tuple(where)] = picture.T[::-1, ::-1]


def picture_size(shape: tuple[T, T, T], plane: str) -> tuple[T, T]:
    """(height, width) of the slices of a canonical volume of this shape; of a voxel's sides those of a pixel.

    >>> picture_size((5, 6, 7), "axial"), picture_size((5, 6, 7), "sagittal")
    ((6, 5), (7, 6))
    """
    wide, high = (size for axis, size in enumerate(shape) if axis != PLANES[plane])
    return high, wide


def plane_of(shape: Shape3, wanted: str) -> str:
    """The plane to cut: of a volume that is one slice thick that slice's, else the `wanted` one."""
    thin = [plane for plane, axis in PLANES.items() if shape[axis] == 1]
    return thin[0] if len(thin) == 1 else wanted
