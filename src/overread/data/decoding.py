"""Decodes many images in threads and hands them to the store, whatever interrupts it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import ClassVar, Protocol, TypeVar

from overread.data.faults import BadImage
from overread.data.images import decode_bytes, read_file
from overread.data.manifest import Manifest
from overread.data.opened import Pixels
from overread.data.pool import Pool, Stamp

A = TypeVar("A")
B = TypeVar("B")

AHEAD = 8  # images that a worker may be ahead of the writing
BATCH = 512  # images that are written at once,
BATCH_BYTES = 32 << 20  # fewer where they are large,
PATIENCE = 3.0  # and fewer after so many seconds, so that a kill costs little


@dataclass(frozen=True)
class Decoded:
    """What a worker made of one image."""

    position: int
    digest: bytes = b""
    pixels: Pixels | None = None  # None where the store has the content already
    why: str = ""  # what is wrong with it
    files: dict[str, tuple[Stamp, bytes]] = field(default_factory=dict)  # what was read: stamp and content


class Work(Protocol):
    """What `fill` can do: decode one position, in a worker thread."""

    @property
    def what(self) -> str:
        """ "image", for the progress bar."""

    @property
    def stored(self) -> set[bytes]:
        """The contents that need no decoding."""

    def decode(self, position: int) -> Decoded: ...


@dataclass(frozen=True)
class Sources:
    """Images as work: where they come from, and what of them the store has."""

    what: ClassVar[str] = "image"
    manifest: Manifest
    size: int
    paths: list[str]  # [N]
    stamps: list[Stamp | None]  # [N], taken before the files are read
    stored: set[bytes]  # contents that need no decoding

    def decode(self, position: int) -> Decoded:
        """Runs in a worker thread."""
        name = str(self.manifest.images[position])
        try:
            data = read_file(self.paths[position], name)
            digest = blake2b(data, digest_size=16).digest()
            small = None if digest in self.stored else decode_bytes(data, self.size, name)
            taken = self.stamps[position]
            return Decoded(
                position, digest, small, files={self.paths[position]: (taken, digest)} if taken else {}
            )
        except BadImage as error:
            return Decoded(position, why=error.why)


def fill(pool: Pool, work: Work, todo: list[int], quiet: bool, workers: int) -> list[Decoded]:
    """Decodes and stores the positions `todo` of `work`. Gives what became of each, less its pixels."""
    from tqdm import tqdm

    told: list[Decoded] = []
    batch: list[Decoded] = []
    full = min(BATCH, 1 + BATCH_BYTES // pool.row_bytes)
    last = time.monotonic()
    bar = tqdm(total=len(todo), desc=f"Opening {work.what}s", unit=f" {work.what}s", disable=quiet, delay=0.5)
    with bar, closing(in_threads(work.decode, todo, workers)) as results:
        try:
            for done in results:
                told.append(replace(done, pixels=None))
                batch.append(done)
                bar.update()
                if len(batch) >= full or time.monotonic() - last > PATIENCE:
                    _store(pool, work, batch)
                    batch, last = [], time.monotonic()
        finally:
            _store(pool, work, batch)
    return told


def _store(pool: Pool, work: Work, batch: list[Decoded]) -> None:
    good = [done for done in batch if not done.why]
    files = {path: found for done in good for path, found in done.files.items()}
    if good:
        pool.add({done.digest: done.pixels for done in good if done.pixels is not None}, files)
        work.stored.update(done.digest for done in good)  # copies of these need no decoding


def in_threads(work: Callable[[A], B], todo: Iterable[A], workers: int) -> Generator[B, None, None]:
    """`work` on each of `todo`, a few ahead of the reader; stops soon when it is closed."""
    executor = ThreadPoolExecutor(workers)
    waiting: deque[Future[B]] = deque()
    try:
        for one in todo:
            waiting.append(executor.submit(work, one))
            if len(waiting) >= AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
