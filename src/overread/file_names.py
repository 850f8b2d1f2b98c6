"""Names of files for things that are named otherwise: ids, paths, structures."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

LONGEST = 120  # bytes; file systems allow 255, and an ending is still to come
NOT_ON_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
ENDING = re.compile(r"(?<=[^/.])\.[A-Za-z][A-Za-z0-9]{1,4}$")  # .png, .jpeg, .jp2; not the .5 of a number


def safe_names(names: Iterable[str]) -> list[str]:
    """For each name one that every file system takes, all different, also where case does not count.

    >>> safe_names(["heart", "left/lung", "Heart", "", "..", "a:b"])
    ['heart', 'left_lung', 'Heart-2', 'unnamed', 'unnamed-2', 'a_b']
    """
    taken: set[str] = set()
    found = []
    for name in map(_cleaned, names):
        unique, number = name, 1
        while unique.casefold() in taken:
            number += 1
            unique = f"{name}-{number}"
        taken.add(unique.casefold())
        found.append(unique)
    return found


def names_of_files(paths: Sequence[str]) -> list[str]:
    """For each path (or id) a name without ending: its last part, or all of it where last parts are not unique.

    >>> names_of_files(["images/1.png", "images/2.5.png"]), names_of_files(["a/1.png", "b/1.png"])
    (['1', '2.5'], ['a_1', 'b_1'])
    """
    whole = [ENDING.sub("", path.replace("\\", "/")) for path in paths]
    last = [path.rpartition("/")[2] for path in whole]
    alone = len({_cleaned(name).casefold() for name in last}) == len(last)
    return safe_names(last if alone else whole)


def _cleaned(name: str) -> str:
    text = re.sub(r"[^\w.+-]+", "_", unicodedata.normalize("NFC", name))
    text = text.encode()[:LONGEST].decode(errors="ignore").strip("._-") or "unnamed"
    return f"_{text}" if NOT_ON_WINDOWS.fullmatch(text) else text
