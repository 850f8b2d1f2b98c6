"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from overread.errors import InputError

FULL = 2**20  # bytes; a disk with less is full


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Calls `write` on a temporary name beside `path`, then renames: a reader never sees half a file.

    A full disk is an `OSError` with ENOSPC, whatever it is for the library that writes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(part)
        os.replace(part, path)
    except Exception as error:
        if not isinstance(error, OSError) and shutil.disk_usage(path.parent).free < FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def check_free(out: Path) -> None:
    """Refuses an output folder that holds anything."""
    if out.exists() and not out.is_dir():
        raise InputError(f"The output {out} is a file; name a folder that is new or empty.")
    if out.is_dir() and (held := sorted(path.name for path in out.iterdir())):
        shown = ", ".join(held[:5]) + (", ..." if len(held) > 5 else "")
        raise InputError(f"The output folder {out} already holds {shown}. Name one that is new or empty.")


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A folder beside `out` that takes its place when the block ends well, and vanishes when it does not."""
    parent = out.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name[:100]}-", dir=parent))
    try:
        folder.chmod(0o777 & ~_umask())  # mkdtemp's own is for the owner alone
        yield folder
        if out.is_dir():
            out.rmdir()
        folder.replace(out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
