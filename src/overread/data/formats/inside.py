"""Whether a name that stands in a file of somebody else's leads out of its folder."""

from __future__ import annotations

import os
from pathlib import PureWindowsPath


def inside(name: str) -> bool:
    """Whether `name`, a path from a folder, stays below it. Links on the disk are the user's own.

    >>> inside("a/../b.png"), inside("../b.png"), inside("/etc/passwd"), inside("C:b.png")
    (True, False, False, False)
    """
    if PureWindowsPath(name).drive or os.path.isabs(name) or name.startswith("\\") or "\0" in name:
        return False
    way = os.path.normpath(name.replace("\\", "/"))
    return way != ".." and not way.startswith("../")
