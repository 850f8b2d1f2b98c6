"""The store of decoded images on disk: one growing file of rows per kind, and an index in SQLite.

A row is found by the content of the image file (a 128-bit hash), and the content by the file's path, size and
times. A row counts only once the index names it, and the index is written in one transaction after the pixels
are on disk: a process that is killed leaves a valid store, and two processes take turns.
"""

from __future__ import annotations

import errno
import math
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from overread.data.address import files_of
from overread.errors import InputError

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Stamp = tuple[int, int, int]  # size, mtime, ctime, in bytes and nanoseconds

FRESH = 2_000_000_000  # ns; a file changed so lately could change again within one tick of its clock
AT_ONCE = 500
TABLES = """
create table if not exists files
  (path blob primary key, size int, mtime int, ctime int, digest blob) without rowid;
create table if not exists rows (kind text, digest blob, row int, primary key (kind, digest)) without rowid;
create unique index if not exists by_row on rows (kind, row);
"""


class Pool:
    """Rows of one `kind`, uint8 of one `shape`, in `folder`. To be closed; used by one thread."""

    def __init__(self, folder: Path, kind: str, shape: tuple[int, ...]) -> None:
        self.folder = folder
        self.kind = kind  # also what decoded them, so that older rows are left aside when that changes
        self.shape = shape
        self.row_bytes = math.prod(shape)
        with worded(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # the images are of patients
            self.index = sqlite3.connect(folder / "index.sqlite", timeout=120.0, isolation_level=None)
            self.index.executescript(TABLES)
            if self._end() > len(self.array()):
                self._forget_lost_rows()

    @property
    def path(self) -> Path:
        """The file of rows."""
        return self.folder / f"{self.kind}.u8"

    def close(self) -> None:
        """Releases the index."""
        self.index.close()

    def known(self, paths: Sequence[str], stamps: Sequence[Stamp | None]) -> list[bytes | None]:
        """[N] the content of each file, where it was read before and has not changed since."""
        keys = [os.fsencode(path) for path in paths]
        rows = self._select("path, size, mtime, ctime, digest from files where path", keys)
        found = {path: (tuple(stamp), digest) for path, *stamp, digest in rows}
        then = [found.get(key, (None, None)) for key in keys]
        return [digest if stamp == now else None for (stamp, digest), now in zip(then, stamps, strict=True)]

    def rows(self, digests: Iterable[bytes]) -> dict[bytes, int]:
        """The rows of those contents that are in the store."""
        return dict(self._select("digest, row from rows where kind = ? and digest", list(digests), self.kind))

    def contents(self) -> set[bytes]:
        """The contents of all rows."""
        return {
            digest for (digest,) in self.index.execute("select digest from rows where kind = ?", [self.kind])
        }

    def add(self, pixels: dict[bytes, Pixels], files: dict[str, tuple[Stamp, bytes]]) -> None:
        """Stores new images by content, and the content of files. All or nothing."""
        with worded(self.folder), self._transaction():
            have = self.rows(pixels)
            new = [digest for digest in pixels if digest not in have]
            end = self._end()
            self._write(end, [pixels[digest] for digest in new])
            self.index.executemany(
                "insert into rows values (?, ?, ?)",
                [(self.kind, digest, end + step) for step, digest in enumerate(new)],
            )
            old = time.time_ns() - FRESH
            self.index.executemany(
                "replace into files values (?, ?, ?, ?, ?)",
                [
                    (os.fsencode(path), *stamp, digest)
                    for path, (stamp, digest) in files.items()
                    if max(stamp[1:]) < old
                ],
            )

    def array(self) -> Pixels:
        """All rows, memory-mapped and read-only: [R, *shape]."""
        count = self.path.stat().st_size // self.row_bytes if self.path.exists() else 0
        if not count:
            return np.empty((0, *self.shape), dtype=np.uint8)
        return np.memmap(self.path, dtype=np.uint8, mode="r", shape=(count, *self.shape))

    def _write(self, row: int, images: list[Pixels]) -> None:
        if not images:
            return
        with open(
            os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600), "r+b"
        ) as file:
            file.seek(row * self.row_bytes)
            file.write(np.stack(images).tobytes())
            file.flush()
            os.fsync(file.fileno())

    def _forget_lost_rows(self) -> None:
        """Takes rows out of the index that the file of rows, cut or deleted by somebody, no longer holds."""
        with self._transaction():
            count = self.path.stat().st_size // self.row_bytes if self.path.exists() else 0
            self.index.execute("delete from rows where kind = ? and row >= ?", [self.kind, count])

    def _end(self) -> int:
        found = self.index.execute("select coalesce(max(row), -1) + 1 from rows where kind = ?", [self.kind])
        return int(found.fetchone()[0])

    def _select(self, what: str, keys: list[bytes], *before: str) -> Iterator[Any]:
        """Rows of `select WHAT in (keys)`, some keys at a time."""
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            marks = ",".join("?" * len(some))
            yield from self.index.execute(f"select {what} in ({marks})", [*before, *some])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, also where Ctrl-C falls between any two lines of this."""
        try:
            if not self.index.in_transaction:
                self.index.execute("begin immediate")
            yield
            self.index.execute("commit")
        finally:
            if self.index.in_transaction:
                self.index.execute("rollback")


def stamp_of(path: str) -> Stamp | None:
    """What changes when a file does; None where there is none."""
    try:
        found = [os.stat(file) for file in files_of(path)]
    except (OSError, ValueError):
        return None
    return (
        sum(one.st_size for one in found),
        max(one.st_mtime_ns for one in found),
        max(one.st_ctime_ns for one in found),
    )


@contextmanager
def worded(folder: Path) -> Iterator[None]:
    """Failures of the store as one sentence with its cure."""
    elsewhere = "Set OVERREAD_CACHE to a folder that can be written."
    try:
        yield
    except sqlite3.DatabaseError as error:
        full = "full" in str(error)
        cure = (
            f"Free some space, or: {elsewhere}"
            if full
            else f"If no other overread is running, delete that folder (it is made anew), or: {elsewhere}"
        )
        raise InputError(f"The image cache {folder} cannot be used: {error}. {cure}") from None
    except OSError as error:
        full = error.errno == errno.ENOSPC
        why = "the disk is full" if full else str(error.strerror)
        raise InputError(f"The image cache {folder} cannot be used: {why}. {elsewhere}") from None
