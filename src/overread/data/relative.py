"""Paths from one folder to files elsewhere, so that tables and images can move together."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path


def relative_paths(paths: Iterable[Path], out: Path) -> list[str]:
    """Each path from `out`, with `/` between; absolute where there is no way, as from C: to D:."""
    start = os.path.realpath(out)  # `..` is taken after links are followed

    @cache
    def way(folder: Path) -> Path:
        real = os.path.realpath(folder)
        try:
            return Path(os.path.relpath(real, start))
        except ValueError:
            return Path(real)

    return [(way(path.parent) / path.name).as_posix() for path in paths]
