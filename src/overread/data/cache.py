"""Opens the images of a manifest: each is decoded once, in parallel, and kept in the store on disk."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from overread.data.cachedir import check_space, default_cache_dir
from overread.data.faults import BadImage
from overread.data.files import bad_images
from overread.data.images import decode_array, decode_bytes, read_file
from overread.data.manifest import Manifest
from overread.data.opened import Images, Pixels
from overread.data.pool import Pool, Stamp
from overread.data.problems import refuse
from overread.data.silence import silenced

BATCH = 512  # images that are written at once
AHEAD = 8  # images a worker may be ahead of the writing
PATIENCE = 3.0  # seconds after which fewer are written, so that a kill costs little


@dataclass(frozen=True)
class Decoded:
    """What a worker made of one image."""

    position: int
    digest: bytes = b""
    pixels: Pixels | None = None  # None where the store has the content already
    why: str = ""  # what is wrong with it


@dataclass(frozen=True)
class Sources:
    """Where the images come from, and what of them the store knows."""

    manifest: Manifest
    size: int
    paths: list[str]  # [N], none for data that came as arrays
    stamps: list[Stamp | None]  # [N], taken before the files are read
    stored: set[bytes]  # contents that need no decoding

    def decode(self, position: int) -> Decoded:
        """Runs in a worker thread."""
        name, pixels = str(self.manifest.images[position]), self.manifest.pixels
        try:
            if pixels is not None:
                array = pixels[position]
                return Decoded(position, array_digest(array), decode_array(array, self.size, name))
            data = read_file(self.paths[position], name)
            digest = blake2b(data, digest_size=16).digest()
            small = None if digest in self.stored else decode_bytes(data, self.size, name)
            return Decoded(position, digest, small)
        except BadImage as error:
            return Decoded(position, why=error.why)


def open_images(
    manifest: Manifest,
    size: int,
    cache_dir: Path | None = None,
    *,
    quiet: bool = False,
    on_bad_image: str = "stop",
    workers: int | None = None,
) -> Images:
    """The images of `manifest` at `size` x `size`, from the store where they are in it.

    Under "stop" one `InputError` names the images that cannot be read; under "skip" they are listed in `bad`.
    """
    folder = Path(cache_dir or default_cache_dir()).expanduser() / "images"
    with closing(Pool(folder, size)) as pool, silenced():
        paths = (
            []
            if manifest.pixels is not None
            else [os.path.join(manifest.root, name) for name in manifest.images]
        )
        stamps = [stamp(path) for path in paths]
        digests = known_digests(manifest, pool, paths, stamps)
        have = pool.rows({digest for digest in digests if digest})
        todo = [position for position, digest in enumerate(digests) if digest not in have]
        check_space(folder, len(todo) * pool.row_bytes)
        sources = Sources(manifest, size, paths, stamps, pool.contents() if todo and paths else set())
        bad = []
        for done in fill(pool, sources, todo, quiet, workers or usable_cores()):
            digests[done.position] = done.digest
            if done.why:
                bad.append((done.position, done.why))
        images = _gathered(pool, digests, sorted(bad))
    if images.bad and on_bad_image == "stop":
        faults = tuple(f"{manifest.images[position]}: {why}" for position, why in images.bad)
        refuse(manifest.root, [bad_images(faults, len(manifest))])
    return images


def usable_cores() -> int:
    """The cores that this process may use, 16 at most."""
    mine = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(mine, 16)


def known_digests(
    manifest: Manifest, pool: Pool, paths: list[str], stamps: list[Stamp | None]
) -> list[bytes | None]:
    """[N] the content of each image that is known without reading its file."""
    if manifest.pixels is not None:
        return [array_digest(array) for array in manifest.pixels]
    return pool.known(paths, stamps)


def array_digest(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    """The content of an array."""
    kind = f"{array.dtype} {array.shape} ".encode()
    return blake2b(kind + np.ascontiguousarray(array).tobytes(), digest_size=16).digest()


def stamp(path: str) -> Stamp | None:
    """What changes when a file does; None where there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def fill(pool: Pool, sources: Sources, todo: list[int], quiet: bool, workers: int) -> Iterator[Decoded]:
    """Decodes and stores the images at the positions `todo`; what is done stays, whatever interrupts it."""
    from tqdm import tqdm

    batch: list[Decoded] = []
    last = time.monotonic()
    bar = tqdm(total=len(todo), desc="Opening images", unit=" images", disable=quiet, delay=0.5)
    with bar, closing(_parallel(sources.decode, todo, workers)) as results:
        try:
            for done in results:
                yield done
                batch.append(done)
                bar.update()
                if len(batch) >= BATCH or time.monotonic() - last > PATIENCE:
                    _store(pool, sources, batch)
                    batch, last = [], time.monotonic()
        finally:
            _store(pool, sources, batch)


def _store(pool: Pool, sources: Sources, batch: list[Decoded]) -> None:
    good = [done for done in batch if not done.why]
    files: dict[str, tuple[Stamp, bytes]] = {}
    for done in good:
        if sources.paths and (taken := sources.stamps[done.position]):
            files[sources.paths[done.position]] = (taken, done.digest)
    if good:
        pool.add({done.digest: done.pixels for done in good if done.pixels is not None}, files)


def _parallel(
    work: Callable[[int], Decoded], todo: list[int], workers: int
) -> Generator[Decoded, None, None]:
    """`work` on each of `todo` in threads, a few ahead of the reader; stops soon when it is closed."""
    executor = ThreadPoolExecutor(workers)
    waiting: deque[Future[Decoded]] = deque()
    try:
        for position in todo:
            waiting.append(executor.submit(work, position))
            if len(waiting) >= AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _gathered(pool: Pool, digests: list[bytes | None], bad: list[tuple[int, str]]) -> Images:
    rows = pool.rows({digest for digest in digests if digest})
    where = np.array([rows.get(digest or b"", -1) for digest in digests], dtype=np.int64)
    return Images(pool.array(), where, [(digest or b"").hex() for digest in digests], bad)
