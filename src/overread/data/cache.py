"""Opens the images of a manifest: each is decoded once and kept in the store on disk."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path

import numpy as np

from overread.data.cachedir import check_space
from overread.data.cachedir import default_cache_dir as default_cache_dir
from overread.data.decoding import Sources, fill
from overread.data.files import bad_images
from overread.data.manifest import Manifest
from overread.data.opened import Images
from overread.data.pool import Pool, stamp_of
from overread.data.problems import refuse
from overread.data.silence import silenced

MOST_WORKERS = 16
DECODER = 1  # raise it when decoding changes: older rows are then left aside
Digests = list[bytes | None]  # [N] the content of each image, None where it is not known


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
    with closing(Pool(folder, f"{size}px-v{DECODER}", (size, size, 3))) as pool, silenced():
        sources, digests = _known(manifest, size, pool)
        have = pool.rows({digest for digest in digests if digest})
        todo = [position for position, digest in enumerate(digests) if digest not in have]
        check_space(folder, len(todo) * pool.row_bytes)
        if todo:
            sources.stored.update(pool.contents())
        told = fill(pool, sources, todo, quiet, workers or usable_cores())
        for done in told:
            digests[done.position] = done.digest
        images = _gathered(pool, digests, sorted((done.position, done.why) for done in told if done.why))
    if images.bad and on_bad_image == "stop":
        faults = [(str(manifest.images[position]), why) for position, why in images.bad]
        refuse(manifest.root, [bad_images(faults, len(manifest))])
    return images


def usable_cores() -> int:
    """The cores that this process may use, 16 at most."""
    mine = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(mine, MOST_WORKERS)


def _known(manifest: Manifest, size: int, pool: Pool) -> tuple[Sources, Digests]:
    """Where the images come from, and the content of those that need no reading."""
    paths = [os.path.join(manifest.root, name) for name in manifest.images]
    stamps = [stamp_of(path) for path in paths]
    return Sources(manifest, size, paths, stamps, set()), pool.known(paths, stamps)


def _gathered(pool: Pool, digests: Digests, bad: list[tuple[int, str]]) -> Images:
    rows = pool.rows({digest for digest in digests if digest})
    where = np.array([rows.get(digest or b"", -1) for digest in digests], dtype=np.int64)
    return Images(pool.array(), where, [(digest or b"").hex() for digest in digests], bad)
