"""Finds the image files of a table or folder, and says of each that is not there why."""

from __future__ import annotations

import difflib
import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import replace

from overread.data.problems import Problem, counted
from overread.data.samples import Samples, strings

Fault = tuple[int, str]  # a row and what is wrong with its image
ABSENT = "does not exist"
SKIP = ", or leave these images out: --on-bad-image skip"


def find_files(samples: Samples) -> tuple[Samples, list[Fault]]:
    """The samples with paths that exist, also in another spelling, and the rows without a usable file."""
    if samples.pixels is not None:
        return samples, []
    images, faults, respelt = list(samples.images), [], 0
    for row, name in enumerate(images):
        why = _fault(os.path.join(samples.root, name))
        if why == ABSENT:
            for other in _spellings(name):
                if not _fault(os.path.join(samples.root, other)):
                    images[row], why, respelt = other, "", respelt + 1
                    break
        if why:
            faults.append((row, why))
    note = f"{counted(respelt, 'path was', 'paths were')} found in another spelling (\\, spaces, accents)."
    notes = [*samples.notes, note] if respelt else samples.notes
    return replace(samples, images=strings(images), notes=notes), faults


def file_problems(samples: Samples, faults: list[Fault]) -> list[Problem]:
    """The problems that `faults` make: files that are missing, and files that cannot be read as images."""
    absent = tuple(str(samples.images[row]) for row, why in faults if why == ABSENT)
    others = tuple(f"{samples.images[row]}: {why}" for row, why in faults if why != ABSENT)
    return [
        *([_absent(samples, absent)] if absent else []),
        *([bad_images(others, len(samples))] if others else []),
    ]


def bad_images(examples: tuple[str, ...], count: int) -> Problem:
    """The problem of image files that are there and cannot be read; `examples` are "image: why"."""
    cure = "replace these files" + (SKIP if len(examples) < count else ".")
    return Problem(f"{len(examples):,} of {counted(count, 'image')} cannot be read", cure, examples)


def _absent(samples: Samples, absent: tuple[str, ...]) -> Problem:
    verb = "does" if len(absent) == 1 else "do"
    what = f"{len(absent):,} of {counted(len(samples), 'image file')} {verb} not exist"
    cure = f"correct the paths; relative ones start from {samples.root}{_near(samples, absent[0])}"
    return Problem(what, cure + (SKIP if len(absent) < len(samples) else "."), absent)


def _fault(path: str) -> str:
    """What is wrong with the file at `path`, or ""."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    except (OSError, ValueError) as error:  # no permission, a name too long for the disk, a zero byte in it
        return f"cannot be opened: {getattr(error, 'strerror', None) or error}"
    if stat.S_ISDIR(found.st_mode):
        return "is a folder"
    if not stat.S_ISREG(found.st_mode):
        return "is not a regular file"
    return "" if found.st_size else "the file is empty (0 bytes)"


def _spellings(name: str) -> Iterator[str]:
    """Other spellings that tables from other systems use for the same file."""
    yield name.strip()
    yield name.strip().replace("\\", "/")
    for form in ("NFC", "NFD"):
        yield unicodedata.normalize(form, name.strip().replace("\\", "/"))


def _near(samples: Samples, name: str) -> str:
    """A file that lies where `name` was looked for and is called nearly the same."""
    folder, _, last = os.path.join(samples.root, name).rpartition("/")
    try:
        with os.scandir(folder) as entries:
            beside = [entry.name for entry, _ in zip(entries, range(20_000), strict=False)]
    except (OSError, ValueError):
        return ""
    ending = [entry for entry in beside if os.path.splitext(entry)[0] == last]
    near = ending or difflib.get_close_matches(last, beside[:2000], n=1, cutoff=0.8)
    return f", where there is no '{last}' but '{near[0]}'" if near else ""
