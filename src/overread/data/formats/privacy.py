"""What may be known of a patient: nothing that names one. Docs: docs/formats.md, Privacy.

Identifiers become `hmac-sha256(key, identifier)`: the same for the same patient, and nobody without the key can try
out names or numbers. The key lies in a file of its own, outside data and runs.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

from overread.data.problems import counted
from overread.errors import InputError

LEAST = 16  # bytes of a key
LENGTH = 16  # hexadecimal signs of a pseudonym: 64 bits
WORDS = """
abdomen abnormal acute axial baseline benign bone brain breast cancer cardiac cell cells chest chronic class control
coronal data disease dose dx file fold frame front full grade group head heart high image images kidney knee label
large lateral left lesion liver long low lung lungs malignant mask mass mild moderate multiple negative nodule non
normal other patient pneumonia positive post pre prostate retina right sagittal sample scan series set severe short
skin slice small spine spleen stage study subject test train training tumor tumour type ultrasound unknown val
validation view viral volume whole with without xray
"""  # that stand in names of files, and are not of people
COMMON = frozenset(WORDS.split())
NAME = re.compile(r"([A-Z][a-z]{2,}|[A-Z]{3,})[ ,_-]{1,2}([A-Z][a-z]{2,}|[A-Z]{3,})(?![A-Za-z])")


def default_key_file() -> Path:
    """Where the key lies unless `--id-key` says otherwise."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "overread" / "id-key"
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", home / "AppData" / "Roaming")) / "overread" / "id-key"
    return Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "overread" / "id-key"


def read_key(file: str | Path | None) -> bytes:
    """The key in `file`, which is made, readable for its owner alone, where there is none yet."""
    path = Path(file).expanduser() if file else default_key_file()
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(
                os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
            ) as new:
                new.write(secrets.token_hex(32) + "\n")
        key = path.read_bytes().strip()
    except OSError as error:
        raise InputError(
            f"The key for patient ids, {path}, cannot be used: {error.strerror}. Name another file: --id-key FILE"
        ) from None
    if len(key) < LEAST:
        raise InputError(f"The key for patient ids, {path}, has {len(key)} bytes; expected {LEAST} or more.")
    return key


def pseudonym(key: bytes, identifier: str) -> str:
    """What stands for `identifier`.

    >>> pseudonym(b"0" * 16, "123") == pseudonym(b"0" * 16, " 123 ") != pseudonym(b"1" * 16, "123")
    True
    """
    return hmac.new(key, identifier.strip().encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[
        :LENGTH
    ]


class Pseudonyms:
    """Groups of DICOM files; the key is read, or made, when the first patient comes."""

    def __init__(self, key_file: str | Path | None) -> None:
        self.key_file = key_file
        self.key = b""
        self.lock = threading.Lock()

    def of(self, patient: str, series: str) -> str:
        """The pseudonym of a patient, or of the series where no patient is named; "" where neither is."""
        kind, identifier = ("patient", patient) if patient else ("series", series)
        if not identifier:
            return ""
        with self.lock:
            self.key = self.key or read_key(self.key_file)
        return f"{kind}-{pseudonym(self.key, f'{kind} {identifier}')}"


def looks_like_a_name(part: str) -> bool:
    """Whether a part of a path looks like the name of a person.

    >>> [looks_like_a_name(part) for part in ("Doe^Jane", "Smith_John", "LEFT_LUNG", "IM0001", "case_12")]
    [True, True, False, False, False]
    """
    if "^" in part.strip("^"):
        return True
    return any(not {word.lower() for word in found.groups()} & COMMON for found in NAME.finditer(part))


def name_notes(paths: Iterable[object], labels: Iterable[object]) -> list[str]:
    """A note where paths look as if they named people; without the names."""
    known = set(map(str, labels))
    parts = {part for path in paths for part in re.split(r"[/\\]", str(path).partition("#")[0])} - known
    count = sum(map(looks_like_a_name, parts))
    if not count:
        return []
    what = counted(count, "file or folder is", "files or folders are")
    return [
        f"{what} called like a person. Paths stand in manifest.csv, suspects.csv and the report: rename the files if "
        "these are patients."
    ]
