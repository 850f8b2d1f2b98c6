"""Where the image cache lies, and whether it has room."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from overread.data.pool import worded
from overread.errors import InputError

SPARE = 64 << 20  # bytes to leave free on the disk


def default_cache_dir() -> Path:
    """`$OVERREAD_CACHE`, or the folder that this system keeps caches in."""
    if chosen := os.environ.get("OVERREAD_CACHE"):
        return Path(chosen).expanduser()
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "overread"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "overread" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "overread"


def check_space(folder: Path, needed: int) -> None:
    """Refuses before the work where the disk cannot hold its result."""
    with worded(folder):
        free = shutil.disk_usage(folder).free
    if needed and needed + SPARE > free:
        raise InputError(
            f"The image cache {folder} needs {_mib(needed)} and its disk has {_mib(free)} free. "
            "Free some space, choose a smaller --size, or set OVERREAD_CACHE to a folder on another disk."
        )


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
