"""What each mask file holds, found once by opening it: its size and its numbers."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import ClassVar

import numpy as np

from overread.data.cache import usable_cores
from overread.data.cachedir import check_space, default_cache_dir
from overread.data.contents import read_mask_file
from overread.data.decoding import Decoded, fill, in_threads
from overread.data.faults import BadImage
from overread.data.images import upright_size
from overread.data.mask_pictures import MaskPicture, mask_of_bytes
from overread.data.opened import Pixels
from overread.data.pool import Pool, Stamp, stamp_of
from overread.data.samples import Samples
from overread.data.silence import silenced

Size = tuple[int, int]  # height, width

KIND = "facts-v1"  # raise it when the facts change: older rows are then left aside
MOST = 32  # numbers in an indexed mask
ENDS = 8  # a grey pixel is in between from 1 / 8 to 7 / 8 of full scale
MILLION = 1_000_000
BETWEEN = MILLION // 4  # a grey mask has fewer pixels in between than this


@dataclass(frozen=True)
class Facts:
    """What a mask file holds."""

    height: int
    width: int
    drawn: int  # pixels that are not background
    between: int  # pixels a million that are neither near 0 nor near full scale
    most: int  # the greatest number
    is_grey: bool  # it is cut at half
    lossy: bool
    palette: bool
    distinct: int  # how many numbers it holds
    values: tuple[int, ...]  # the first 33 of them

    @property
    def looks_like_an_image(self) -> bool:
        """Whether it holds many numbers that are neither near black nor near white."""
        return self.distinct > MOST and (self.palette or self.between > BETWEEN)

    @property
    def may_be_changed(self) -> bool:
        """Whether lossy compression may have made other numbers of those that were drawn."""
        return self.lossy and self.is_grey

    @property
    def numbers(self) -> set[int]:
        """The numbers but 0."""
        return set(self.values) - {0}


def facts_of(picture: MaskPicture) -> Facts:
    """What a mask holds."""
    height, width = picture.values.shape
    least = picture.half if picture.is_grey else 1
    scale = 2 * picture.half - 1
    counts = picture.counts
    middle = sum(n for value, n in counts.items() if scale / ENDS <= value <= scale - scale / ENDS)
    return Facts(
        height,
        width,
        sum(n for value, n in counts.items() if value >= least),
        middle * MILLION // (height * width),
        max(counts),
        picture.is_grey,
        picture.lossy,
        picture.palette,
        len(counts),
        tuple(sorted(counts)[: MOST + 1]),
    )


def to_row(facts: Facts) -> Pixels:
    """Facts as bytes, for the store."""
    numbers = [getattr(facts, name) for name in FIELDS]
    row = np.full(LENGTH, -1, np.int64)
    row[: len(FIELDS)] = numbers
    row[len(FIELDS) : len(FIELDS) + len(facts.values)] = facts.values
    return row.view(np.uint8)


def from_row(row: Pixels) -> Facts:
    """The facts in bytes of the store."""
    numbers = np.frombuffer(row.tobytes(), np.int64)
    own = dict(zip(FIELDS, numbers.tolist(), strict=False))
    values = tuple(int(value) for value in numbers[len(FIELDS) :] if value >= 0)
    flags = {name: bool(own[name]) for name in ("is_grey", "lossy", "palette")}
    return Facts(**{**own, **flags}, values=values)


FIELDS = tuple(name for name in Facts.__dataclass_fields__ if name != "values")
LENGTH = len(FIELDS) + MOST + 1


@dataclass(frozen=True)
class Survey:
    """What the mask files hold."""

    facts: dict[str, Facts]  # by name as it stands in the table
    bad: dict[str, str]  # what is wrong with those that cannot be read
    sizes: dict[str, Size]  # of each image as it is seen, but for those that cannot be read


def survey(samples: Samples, absent: set[str], cache_dir: Path | None, quiet: bool) -> Survey:
    """The facts of all mask files but those that are `absent`; from the store where they are in it."""
    every = [masks.files.ravel() for masks in (samples.masks, samples.true_masks) if masks is not None]
    names = {str(name) for files in every for name in files if name} - absent
    return Survey(*facts_of_files(names, samples.root, cache_dir, quiet), image_sizes(samples))


def facts_of_files(
    wanted: set[str], root: Path, cache_dir: Path | None, quiet: bool
) -> tuple[dict[str, Facts], dict[str, str]]:
    """The facts of mask files, and what is wrong with those that cannot be read."""
    names = sorted(wanted)
    folder = Path(cache_dir or default_cache_dir()).expanduser() / "masks"
    with closing(Pool(folder, KIND, (8 * LENGTH,))) as pool, silenced():
        paths = [os.path.join(root, name) for name in names]
        stamps = [stamp_of(path) for path in paths]
        work = Files(names, paths, stamps)
        digests = pool.known(paths, stamps)
        have = pool.rows({digest for digest in digests if digest})
        todo = [position for position, digest in enumerate(digests) if digest not in have]
        check_space(folder, len(todo) * pool.row_bytes)
        work.stored.update(pool.contents() if todo else ())
        told = fill(pool, work, todo, quiet, usable_cores())
        for done in told:
            digests[done.position] = done.digest
        rows, array = pool.rows({digest for digest in digests if digest}), pool.array()
        known = {digest: from_row(array[row]) for digest, row in rows.items()}
    bad = {names[done.position]: done.why for done in told if done.why}
    found = zip(names, digests, strict=True)
    return {name: known[digest] for name, digest in found if digest and name not in bad}, bad


def image_sizes(samples: Samples) -> dict[str, Size]:
    """The size of each image, from its header."""

    def size(name: str) -> tuple[str, Size | None]:
        try:
            return name, upright_size(os.path.join(samples.root, name), name)
        except BadImage:
            return name, None

    with closing(in_threads(size, samples.images, usable_cores())) as sizes:
        return {name: found for name, found in sizes if found}


@dataclass(frozen=True)
class Files:
    """Mask files as work for `fill`."""

    what: ClassVar[str] = "mask"
    names: list[str]
    paths: list[str]
    stamps: list[Stamp | None]  # taken before the files are read
    stored: set[bytes] = field(default_factory=set)

    def decode(self, position: int) -> Decoded:
        """Runs in a worker thread."""
        name, path, taken = self.names[position], self.paths[position], self.stamps[position]
        try:
            data = read_mask_file(path, name)
            digest = blake2b(data, digest_size=16).digest()
            row = None if digest in self.stored else to_row(facts_of(mask_of_bytes(data, name)))
        except BadImage as error:
            return Decoded(position, why=error.why)
        return Decoded(position, digest, row, files={path: (taken, digest)} if taken else {})
