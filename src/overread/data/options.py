"""The flags that say how DATA is to be read, as parsed values."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from overread.errors import InputError, did_you_mean

TASKS = ("classification", "segmentation")
STRUCTURES = ("auto", "overlapping", "exclusive")
ON_BAD_IMAGE = ("stop", "skip")
LABELS = ("needed", "optional")
PLANE_NAMES = ("axial", "coronal", "sagittal")
OTHERS = "*"  # in --map-labels: every label that is not named


@dataclass(frozen=True)
class DataOptions:
    """How to read DATA. Each field is the flag of the same name (`--label-col`, `--split-map`, ...)."""

    task: str | None = None  # "classification" or "segmentation"; needed where a table could be both
    image_col: str | None = None
    label_col: str | None = None
    mask_col: str | None = None
    group_col: str | None = None
    split_col: str | None = None
    reader_col: str | None = None  # who gave the label: the table has a row an image and reader
    split: str | None = None  # read this split alone
    split_map: Mapping[str, str] | None = None  # e.g. {"odd": "train", "even": "test"}
    groups: str | Path | None = None  # a table with an image and a group column
    map_labels: Mapping[str, str] | None = None  # e.g. {"mel": "malignant", "*": "benign"}
    merge: Mapping[str, tuple[str, ...]] | None = None  # e.g. {"lungs": ("left_lung", "right_lung")}
    structures: str = "auto"  # may they overlap? "auto": not those of an indexed mask
    spacing: float | None = None  # mm a pixel of the images as they lie on disk
    plane: str = "axial"  # how volumes are cut
    window: str | None = None  # CENTRE:WIDTH, for volumes and DICOM
    channel: str | None = None  # of nnU-Net, by name or number; up to three: "T1,T2,FLAIR", or "all"
    id_key: str | Path | None = None  # the file of the key that pseudonyms of patients are made with
    on_bad_image: str = "stop"  # or "skip"
    labels: str = "needed"  # or "optional", to predict; no flag

    def __post_init__(self) -> None:
        for flag, value, known in (
            ("--task", self.task, TASKS),
            ("--structures", self.structures, STRUCTURES),
            ("--on-bad-image", self.on_bad_image, ON_BAD_IMAGE),
            ("--plane", self.plane, PLANE_NAMES),
            ("labels", self.labels, LABELS),
        ):
            if value is not None and value not in known:
                raise InputError(
                    f"{flag} {value!r} is unknown: it is {' or '.join(known)}. {did_you_mean(value, known)}"
                )
        if self.window is not None:
            parse_window(self.window)
        if self.spacing is not None and not 0 < self.spacing < math.inf:
            raise InputError(f"--spacing {self.spacing}: expected the millimetres a pixel, above 0.")

    @property
    def columns(self) -> dict[str, str]:
        """The column flags that were given, by flag."""
        named = {
            "--image-col": self.image_col,
            "--label-col": self.label_col,
            "--mask-col": self.mask_col,
            "--group-col": self.group_col,
            "--split-col": self.split_col,
            "--reader-col": self.reader_col,
        }
        return {flag: column for flag, column in named.items() if column is not None}


def parse_window(text: str) -> tuple[float, float]:
    """What `--window` says: the value that becomes black, and the one that becomes white.

    >>> parse_window("40:400")
    (-160.0, 240.0)
    """
    centre, _, width = text.partition(":")
    try:
        middle, half = float(centre), float(width) / 2
    except ValueError:
        middle = half = math.nan
    if not (math.isfinite(middle) and 0 < half < math.inf):
        raise InputError(f"--window {text!r}: expected CENTRE:WIDTH, the width above 0, such as 40:400.")
    return middle - half, middle + half


def parse_split_map(text: str) -> dict[str, str]:
    """What `--split-map` says.

    >>> parse_split_map("odd=train, even=test")
    {'odd': 'train', 'even': 'test'}
    """
    return _parse("--split-map", text, "odd=train,even=test")


def parse_map_labels(text: str) -> dict[str, str]:
    r"""What `--map-labels` says. A backslash keeps a `,` `+` or `=` in a name: `HER2\+=positive`.

    >>> parse_map_labels("mel+bcc=malignant,*=benign")
    {'mel': 'malignant', 'bcc': 'malignant', '*': 'benign'}
    """
    return _parse("--map-labels", text, "mel+bcc=malignant,*=benign")


def parse_merge(texts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """What `--merge` says, which may be given several times. The new name stands first.

    >>> parse_merge(["lungs=left_lung+right_lung"])
    {'lungs': ('left_lung', 'right_lung')}
    """
    found: dict[str, tuple[str, ...]] = {}
    for rule in (rule for text in texts for rule in _cut(",", text)):
        sides = _cut("=", rule)
        new, old = _plain(sides[0]), tuple(map(_plain, _cut("+", sides[-1])))
        wrong = ""
        if len(sides) == 2 and len(_cut("+", sides[0])) > 1 and len(old) == 1:
            wrong = f"the new name stands first. Try: --merge {old[0]}={new}"
        elif len(sides) != 2 or not new or not all(old):
            wrong = f"{rule.strip()!r} is not NEW=OLD+OLD. An example: --merge lungs=left_lung+right_lung"
        elif new in found:
            wrong = f"{new!r} is made twice. Name all that it is made of at once: --merge {new}=A+B+C"
        elif again := [
            name for name in old if old.count(name) > 1 or any(name in parts for parts in found.values())
        ]:
            wrong = f"{again[0]!r} is merged twice. A structure can become part of one other"
        if wrong:
            raise InputError(f"--merge {rule.strip()!r}: {wrong}")
        found[new] = old
    return found


def map_names(flag: str, names: Iterable[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """The new name of each of `names`. `*` takes those not mentioned; without it they stay as they are."""
    names = list(names)
    unknown = [old for old in mapping if old != OTHERS and old not in names]
    if unknown:
        hints = [f"{old!r} does not occur in the data. {did_you_mean(old, names)}" for old in unknown]
        raise InputError(f"{flag}: " + " ".join(hints))
    return {name: mapping.get(name, mapping.get(OTHERS, name)) for name in names}


def _parse(flag: str, text: str, example: str) -> dict[str, str]:
    """`a+b=c,d=e` as {a: c, b: c, d: e}."""
    found: dict[str, str] = {}
    for rule in _cut(",", text):
        sides = _cut("=", rule)
        if len(sides) != 2 or not all(side.strip() for side in sides):
            raise InputError(
                f"{flag} {text!r}: {rule.strip()!r} is not OLD=NEW. An example: {flag} {example}"
            )
        for old in map(_plain, _cut("+", sides[0])):
            if not old or old in found:
                fault = f"{old!r} stands in it twice" if old else "a name beside '+' is empty"
                raise InputError(f"{flag} {text!r}: {fault}. An example: {flag} {example}")
            found[old] = _plain(sides[1])
    return found


def _cut(sign: str, text: str) -> list[str]:
    """`text` cut at each `sign` that has no backslash before it."""
    return re.split(rf"(?<!\\){re.escape(sign)}", text)


def _plain(text: str) -> str:
    """`text` without the spaces around it and the backslashes before signs."""
    return re.sub(r"\\([,+=])", r"\1", text.strip())
