"""The labels that noise is drawn on, and what a draw changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from overread.data.manifest import Ints
from overread.errors import InputError

Rows = np.ndarray[Any, np.dtype[np.int64]]
Images = np.ndarray[Any, np.dtype[np.uint8]]  # [N, S, S, 3]


@dataclass(frozen=True)
class Labels:
    """N true labels with the names of their classes and the groups that belong together."""

    codes: Ints  # [N] int64, 0 .. C-1
    classes: tuple[str, ...]  # C names; a class may have no sample
    groups: Ints  # [N] int64; samples of one patient share a number

    @staticmethod
    def plain(codes: Ints, classes: int | None = None) -> Labels:
        """Labels without names or groups: classes "0", "1", ..., each sample its own group."""
        codes = np.asarray(codes, dtype=np.int64)
        count = int(codes.max(initial=-1)) + 1 if classes is None else classes
        return Labels(codes, tuple(map(str, range(count))), np.arange(len(codes), dtype=np.int64))

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def counts(self) -> Ints:
        """[C] how many samples each class has."""
        return np.bincount(self.codes, minlength=len(self.classes)).astype(np.int64)


class Noise(Protocol):
    """What every noise can do; a user's own needs nothing more."""

    def draw(self, labels: Labels, rng: np.random.Generator, images: Images | None = None) -> Ints:
        """[N] the given labels: `labels.codes` with some of them wrong. Equal `rng`, equal draw."""
        ...


def check_share(name: str, value: float) -> None:
    """Refuses a share outside 0 to 1."""
    if not 0.0 <= value <= 1.0:
        raise InputError(f"{name} is a share between 0 and 1 (0.2 is 20 %), got {value}.")


def check_classes(labels: Labels) -> None:
    """Refuses labels that have no other class to flip to."""
    if len(labels.classes) < 2:
        raise InputError(f"Noise needs at least two classes, got {len(labels.classes)}.")


def changes(labels: Labels, given: Ints) -> dict[str, Any]:
    """What a draw did, in counts: overall, per true class, and true against given.

    >>> changes(Labels.plain(np.array([0, 0, 1])), np.array([0, 1, 1]))["rate"]
    0.3333333333333333
    """
    size = len(labels.classes)
    table = np.zeros((size, size), dtype=np.int64)
    np.add.at(table, (labels.codes, given), 1)
    wrong = table.sum(1) - table.diagonal()
    wrongly_given = table.sum(0) - table.diagonal()
    return {
        "samples": len(labels),
        "changed": int(wrong.sum()),
        "rate": float(wrong.sum() / max(len(labels), 1)),
        "classes": list(labels.classes),
        "per_class": {
            name: {
                "samples": int(table[code].sum()),
                "changed": int(wrong[code]),
                "given": int(table[:, code].sum()),
                "given_wrong": int(wrongly_given[code]),
            }
            for code, name in enumerate(labels.classes)
        },
        "true_vs_given": table.tolist(),
    }
