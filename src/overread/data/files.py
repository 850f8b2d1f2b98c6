"""Finds the image files of a table or folder, and says of each that is not there why."""

from __future__ import annotations

import difflib
import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from overread.data.address import file_of, files_of
from overread.data.manifest import Strings
from overread.data.mask_files import MaskFiles
from overread.data.problems import Problem, counted
from overread.data.samples import Samples

ABSENT = "does not exist"
SKIP = ", or leave these images out: --on-bad-image skip"


class Fault(NamedTuple):
    """What is wrong with a file of a row: its image, or one of its masks."""

    row: int
    why: str
    mask: str = ""  # the mask file, where it is not the image

    def __str__(self) -> str:
        return f"mask {self.mask}: {self.why}" if self.mask else self.why


def find_files(samples: Samples) -> tuple[Samples, list[Fault]]:
    """The samples with paths that exist, also in another spelling, and what is wrong with the files."""
    images, wrong = _find(samples.root, samples.images)
    faults = [Fault(row, why) for row, why in wrong]
    respelt = int((images != samples.images).sum())
    found: list[MaskFiles | None] = []
    for masks in (samples.masks, samples.true_masks):
        if masks is None:
            found.append(None)
            continue
        files, wrong = _find(samples.root, masks.files.ravel())
        columns = masks.files.shape[1]
        faults += [Fault(place // columns, why, str(files[place])) for place, why in wrong]
        respelt += int((files != masks.files.ravel()).sum())
        found.append(replace(masks, files=files.reshape(masks.files.shape), images=images))
    note = f"{counted(respelt, 'path was', 'paths were')} found in another spelling (\\, spaces, accents)."
    notes = [*samples.notes, note] if respelt else samples.notes
    return replace(samples, images=images, masks=found[0], true_masks=found[1], notes=notes), sorted(faults)


def _find(root: Path, names: Strings) -> tuple[Strings, list[tuple[int, str]]]:
    """The names as they are spelt on disk, and the places of those without a usable file. "" is no name."""
    spelt, wrong = names.copy(), []
    for place, name in enumerate(names):
        why = _fault(os.path.join(root, name)) if name else ""
        if why == ABSENT:
            for other in _spellings(name):
                if not _fault(os.path.join(root, other)):
                    spelt[place], why = other, ""
                    break
        if why:
            wrong.append((place, why))
    return spelt, wrong


def file_problems(samples: Samples, faults: list[Fault]) -> list[Problem]:
    """The problems that `faults` make: files that are missing, and files that cannot be read."""
    images, masks = [fault for fault in faults if not fault.mask], [fault for fault in faults if fault.mask]
    absent = tuple(str(samples.images[fault.row]) for fault in images if fault.why == ABSENT)
    others = [(str(samples.images[fault.row]), fault.why) for fault in images if fault.why != ABSENT]
    return [
        *([_absent(samples, absent)] if absent else []),
        *([bad_images(others, len(samples))] if others else []),
        *_bad_masks(samples, masks),
    ]


def _bad_masks(samples: Samples, faults: list[Fault]) -> Iterator[Problem]:
    """The problems of mask files that are not there, and of those that cannot be used."""
    absent = [fault for fault in faults if fault.why == ABSENT]
    if absent:
        what = _rows(
            samples, absent, "has a mask file that does not exist", "have mask files that do not exist"
        )
        near = f"correct the paths; relative ones start from {samples.root}{_near(samples, absent[0].mask)}"
        cure = f"{near}; leave the cell empty where nothing was to be drawn"
        yield Problem(what, cure + _skip(samples, absent), tuple(fault.mask for fault in absent))
    if others := [fault for fault in faults if fault.why != ABSENT]:
        what = _rows(samples, others, "has a mask that cannot be used", "have masks that cannot be used")
        cure = "replace these files" + _skip(samples, others)
        yield Problem(what, cure, _told((fault.mask, fault.why) for fault in others))


def _told(faults: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """ "file: why" of each; what is wrong with a whole volume is told once."""
    return tuple(dict.fromkeys(f"{file_of(name)}: {why}" for name, why in faults))


def _rows(samples: Samples, faults: list[Fault], one: str, many: str) -> str:
    rows = len({fault.row for fault in faults})
    return f"{rows:,} of {counted(len(samples), 'image')} {one if rows == 1 else many}"


def _skip(samples: Samples, faults: list[Fault]) -> str:
    return SKIP if len({fault.row for fault in faults}) < len(samples) else "."


def bad_images(faults: list[tuple[str, str]], count: int) -> Problem:
    """The problem of images (name and why) that are there and cannot be read, out of `count`."""
    cure = "replace these files" + (SKIP if len(faults) < count else ".")
    return Problem(f"{len(faults):,} of {counted(count, 'image')} cannot be read", cure, _told(faults))


def _absent(samples: Samples, absent: tuple[str, ...]) -> Problem:
    verb = "does" if len(absent) == 1 else "do"
    what = f"{len(absent):,} of {counted(len(samples), 'image file')} {verb} not exist"
    cure = f"correct the paths; relative ones start from {samples.root}{_near(samples, absent[0])}"
    return Problem(what, cure + (SKIP if len(absent) < len(samples) else "."), absent)


def _fault(path: str) -> str:
    """What is wrong with the file at `path`, or ""."""
    try:
        found = os.stat(file_of(path))
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    except (OSError, ValueError) as error:  # no permission, a name too long for the disk, a zero byte in it
        return f"cannot be opened: {getattr(error, 'strerror', None) or error}"
    if stat.S_ISDIR(found.st_mode):
        return "is a folder"
    if not stat.S_ISREG(found.st_mode):
        return "is not a regular file"
    return _lacks(path) if found.st_size else "the file is empty (0 bytes)"


def _lacks(path: str) -> str:
    """Which channel of several an image has no file for, or ""."""
    first, *others = files_of(path)
    if first in others:
        return "is not called NAME_0000, so the files of its other channels are not known"
    absent = [os.path.basename(other) for other in others if not os.path.isfile(other)]
    return f"lacks a channel: there is no {', '.join(absent)}" if absent else ""


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
