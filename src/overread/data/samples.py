"""What a reader found, as text and before any check: the step between files and the manifest."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from overread.data.manifest import Floats, Ints, Strings
from overread.data.mask_files import MaskFiles
from overread.data.problems import Problem

STANDARD_SPLITS = {"training": "train", "valid": "val", "validation": "val", "testing": "test"}
SPLITS = ("train", "val", "test", *STANDARD_SPLITS)
YES, NO = ("1", "yes", "true"), ("0", "no", "false", "", "nan")  # in a column of yes and no
MISSING = ("", "nan")  # what an empty cell looks like; "NA" and "None" can be names of classes


@dataclass(frozen=True)
class Samples:
    """N samples as read. Labels, groups and splits are text; "" is *not given*."""

    kind: str  # "table", "folder", "npz", "nnU-Net", ...
    root: Path  # the folder that relative image paths start from
    ids: Strings  # [N]
    images: Strings  # [N]
    labels: Strings  # [N]
    groups: Strings  # [N]
    splits: Strings  # [N]
    true: Strings | None = None  # [N]
    verified: Strings | None = None  # [N] yes or no, as is written
    readings: Strings | None = None  # [N] `OneImage`: what each reader said
    masks: MaskFiles | None = None  # then there are no labels
    true_masks: MaskFiles | None = None
    spacing: Floats | None = None  # [N, 2] mm high and wide a pixel, NaN where the files do not say
    structures: tuple[str, ...] = ()  # K names, as `masks.parts`
    named: frozenset[int] | None = None  # numbers that the data say masks hold; others are refused
    indexed: bool = False  # one file for all structures: which they are is known once the files are opened
    guessed: dict[str, str] = field(default_factory=dict)  # {"label": "diagnosis"}
    left_out: list[tuple[str, str]] = field(default_factory=list)  # (image, why)
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Ints) -> Samples:
        """The samples of `rows`, in their order."""
        return replace(
            self,
            ids=self.ids[rows],
            images=self.images[rows],
            labels=self.labels[rows],
            groups=self.groups[rows],
            splits=self.splits[rows],
            true=None if self.true is None else self.true[rows],
            verified=None if self.verified is None else self.verified[rows],
            readings=None if self.readings is None else self.readings[rows],
            masks=None if self.masks is None else self.masks.take(rows),
            true_masks=None if self.true_masks is None else self.true_masks.take(rows),
            spacing=None if self.spacing is None else self.spacing[rows],
        )


def strings(values: Any) -> Strings:
    """Text as an object array [N], also when empty."""
    values = list(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def are_yes(values: Strings) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """[N] where a cell says yes."""
    return np.array([str(value).strip().lower() in YES for value in values], dtype=bool)


def is_missing(values: Strings) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """[N] True where a cell is empty, blank or `nan` in any case."""
    return np.array([str(value).strip().lower() in MISSING for value in values], dtype=bool)
