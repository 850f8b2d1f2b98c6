"""The masks of a data set: one row as it lies on disk, or all of them at one size, decoded once."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from overread.data.cache import usable_cores
from overread.data.cachedir import check_space, default_cache_dir
from overread.data.contents import read_mask_file
from overread.data.decoding import Decoded, fill
from overread.data.faults import BadImage
from overread.data.images import upright_size
from overread.data.manifest import Ints
from overread.data.mask_files import MaskFiles as MaskFiles
from overread.data.mask_files import Part as Part
from overread.data.mask_pictures import Bools, MaskPicture, mask_of_bytes, read_mask
from overread.data.opened import Pixels
from overread.data.pool import Pool, Stamp, stamp_of
from overread.data.problems import Problem, counted, refuse
from overread.data.silence import silenced

NOTHING = bytes(16)  # in place of the content of a file where there is none
DECODER = 1  # raise it when decoding changes: older rows are then left aside


@dataclass(frozen=True)
class Masks:
    """N decoded rows of masks. `masks[rows]` gives uint8 [B, K, size, size], 0 or 1; all lies on disk."""

    pool: Pixels  # [R, K, size, size] all masks of the store, memory-mapped
    rows: Ints  # [N] row of the store

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Any) -> Pixels:
        return np.asarray(self.pool[self.rows[key]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, np.dtype[Any]]:
        whole = self.pool[self.rows]
        return whole if dtype is None else whole.astype(dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, K, size, size)"""
        return (len(self.rows), *self.pool.shape[1:])

    @property
    def ndim(self) -> int:
        """4"""
        return self.pool.ndim

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """uint8"""
        return self.pool.dtype

    def take(self, positions: Ints) -> Masks:
        """The masks at `positions`, in their order."""
        return Masks(self.pool, self.rows[positions])


def read_masks(files: MaskFiles, root: Path, row: int) -> Bools:
    """[K, H, W] the structures of `row` at the mask's own size. Raises `BadImage` with the file's name.

    Of files that differ in size the larger one counts; where no file was drawn, the image's size does.
    """
    used = sorted({part.column for parts in files.parts for part in parts})
    names = {column: str(name) for column in used if (name := files.files[row, column])}
    pictures = {column: read_mask(os.path.join(root, name), name) for column, name in names.items()}
    if pictures:
        return drawn(files, pictures)
    if files.images is None:
        raise BadImage(f"row {row}", "has no mask file, and it is not known which size its image has")
    image = str(files.images[row])
    height, width = upright_size(os.path.join(root, image), image)
    return np.zeros((len(files.parts), height, width), bool)


def drawn(files: MaskFiles, pictures: dict[int, MaskPicture]) -> Bools:
    """[K, H, W] the structures in the `pictures` of some columns. Where they are exclusive, the first one wins."""
    shape = max(
        (picture.values.shape for picture in pictures.values()), key=lambda shape: shape[0] * shape[1]
    )
    masks = np.zeros((len(files.parts), *shape), bool)
    for structure, parts in enumerate(files.parts):
        for part in parts:
            if part.column in pictures:
                masks[structure] |= _stretched(pictures[part.column].drawn(part.value), shape)
    if files.exclusive:
        masks[1:] &= ~np.logical_or.accumulate(masks)[:-1]
    return masks


def resized(masks: Bools, size: int) -> Pixels:
    """[K, H, W] as uint8 0/1 [K, size, size]: squashed as the image is (antialiased), then cut at one half.

    >>> resized(np.array([[[True, True, False, False], [True, True, False, False]]]), 2).tolist()
    [[[1, 0], [1, 0]]]
    """
    pictures = (Image.fromarray(mask.view(np.uint8) * np.uint8(255)) for mask in np.ascontiguousarray(masks))
    small = [
        picture.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3.0) for picture in pictures
    ]
    values: Pixels = np.stack([np.asarray(one) for one in small])  # [K, size, size] 0..255
    return np.asarray(values >= 128, np.uint8)


def open_masks(
    files: MaskFiles, root: Path, size: int, cache_dir: Path | None = None, *, quiet: bool = True
) -> Masks:
    """All masks at `size` x `size`, from the store where they are in it. One `InputError` tells all that fail."""
    folder = Path(cache_dir or default_cache_dir()).expanduser() / "masks"
    count = len(files.parts)
    with closing(Pool(folder, f"{count}x{size}px-v{DECODER}", (count, size, size))) as pool, silenced():
        work = Rows(files, root, size, *_known(files, root, pool))
        digests = [work.digest(row) for row in range(len(files))]
        have = pool.rows({digest for digest in digests if digest})
        todo = [row for row, digest in enumerate(digests) if digest not in have]
        check_space(folder, len(todo) * pool.row_bytes)
        work.stored.update(pool.contents() if todo else ())
        told = fill(pool, work, todo, quiet, usable_cores())
        if bad := tuple(done.why for done in told if done.why):
            what = f"the masks of {counted(len(bad), 'image')} cannot be read"
            refuse(root, [Problem(what, "replace these files.", bad)])
        for done in told:
            digests[done.position] = done.digest
        rows = pool.rows({digest for digest in digests if digest})
        return Masks(pool.array(), np.array([rows[digest or b""] for digest in digests], np.int64))


@dataclass(frozen=True)
class Rows:
    """Rows of masks as work for `fill`."""

    what: ClassVar[str] = "mask"
    files: MaskFiles
    root: Path
    size: int
    stamps: dict[str, Stamp | None]  # of every file, taken before it is read
    contents: dict[str, bytes | None]  # of every file, where it is known
    stored: set[bytes] = field(default_factory=set)

    def digest(self, row: int) -> bytes | None:
        """What a row's masks are known by: the contents of its files, and what is done with them."""
        found = [self.contents[name] if name else b"" for name in self.files.files[row]]
        return None if None in found else self._joined([digest or b"" for digest in found])

    def decode(self, position: int) -> Decoded:
        """Runs in a worker thread."""
        names = [str(name) for name in self.files.files[position]]
        try:
            data = [read_mask_file(os.path.join(self.root, name), name) if name else b"" for name in names]
            contents = [blake2b(one, digest_size=16).digest() if one else b"" for one in data]
            digest = self._joined(contents)
            small = None if digest in self.stored else self._small(names, data)
        except BadImage as error:
            return Decoded(position, why=str(error))
        stamps = [self.stamps.get(name) for name in names]
        read = zip(names, stamps, contents, strict=True)
        paths = {os.path.join(self.root, name): (taken, content) for name, taken, content in read if taken}
        return Decoded(position, digest, small, files=paths)

    def _small(self, names: list[str], data: list[bytes]) -> Pixels:
        used = {part.column for parts in self.files.parts for part in parts if names[part.column]}
        if not used:
            return np.zeros((len(self.files.parts), self.size, self.size), np.uint8)
        pictures = {column: mask_of_bytes(data[column], names[column]) for column in used}
        return resized(drawn(self.files, pictures), self.size)

    def _joined(self, contents: list[bytes]) -> bytes:
        kind = f"{[[tuple(part) for part in parts] for parts in self.files.parts]} {self.files.exclusive} ".encode()
        return blake2b(kind + b"".join(content or NOTHING for content in contents), digest_size=16).digest()


def _stretched(mask: Bools, shape: tuple[int, ...]) -> Bools:
    """A mask at another size: each pixel takes the nearest."""
    if mask.shape == shape:
        return mask
    down, across = (np.arange(new) * old // new for new, old in zip(shape, mask.shape, strict=True))
    return np.asarray(mask[np.ix_(down, across)])


def _known(
    files: MaskFiles, root: Path, pool: Pool
) -> tuple[dict[str, Stamp | None], dict[str, bytes | None]]:
    """The stamp of every file, and its content where it was read before."""
    names = sorted({str(name) for name in files.files.ravel() if name})
    paths = [os.path.join(root, name) for name in names]
    stamps = [stamp_of(path) for path in paths]
    return dict(zip(names, stamps, strict=True)), dict(zip(names, pool.known(paths, stamps), strict=True))
