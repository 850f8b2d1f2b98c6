"""What reading DATA gave: the manifest, and all that the user should be told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from overread.data.manifest import Manifest
from overread.data.problems import SHOWN, counted, quoted, short
from overread.data.reader_facts import Readings


@dataclass(frozen=True)
class Reading:
    """A data set as read. Lists hold ids, except `left_out` with (image, why)."""

    manifest: Manifest
    source: str
    kind: str  # "table", "folder", "npz", "nnU-Net", ...
    guessed: dict[str, str] = field(default_factory=dict)  # {"label": "diagnosis"}
    left_out: list[tuple[str, str]] = field(default_factory=list)
    duplicates: list[list[str]] = field(
        default_factory=list
    )  # the same bytes twice; known once images are opened
    conflicts: list[list[str]] = field(default_factory=list)  # those among them whose labels differ
    groups_across_splits: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    structures: dict[str, dict[str, int]] = field(
        default_factory=dict
    )  # {"heart": {"drawn": 240, "empty": 7, ...}}
    readings: Readings | None = None  # of data that several people labelled

    def as_dict(self) -> dict[str, Any]:
        """The part `read` of `summary.json`."""
        return {
            "source": self.source,
            "kind": self.kind,
            "guessed": self.guessed,
            "left_out": [{"image": image, "why": why} for image, why in self.left_out],
            "duplicates": self.duplicates,
            "conflicts": self.conflicts,
            "groups_across_splits": self.groups_across_splits,
            "notes": self.notes,
            **({"structures": self.structures} if self.structures else {}),
            **({"readers": self.readings.facts} if self.readings else {}),
        }

    def lines(self) -> list[str]:
        """What the user is told, a line each; the first says what was read."""
        told = [self._headline()]
        if self.guessed:
            told.append(
                "Guessed: "
                + ", ".join(f"{role} = '{short(name)}'" for role, name in self.guessed.items())
                + "."
            )
        if self.left_out:
            left = [f"{image} ({why})" for image, why in self.left_out]
            told.append(f"{counted(len(left), 'file')} left out: {_first(left)}.")
        if self.duplicates:
            copies = sum(len(names) - 1 for names in self.duplicates)
            told.append(f"{counted(copies, 'image is an exact copy', 'images are exact copies')} of another.")
        if self.conflicts:
            pairs = [" = ".join(short(name, 60) for name in names[:3]) for names in self.conflicts]
            what = counted(len(pairs), "identical image has", "identical images have")
            told.append(f"{what} different labels, so one of them is wrong: {_first(pairs)}.")
        if self.groups_across_splits:
            what = counted(len(self.groups_across_splits), "group lies", "groups lie")
            names = _first(self.groups_across_splits)
            told.append(f"{what} in more than one split, so results on these splits flatter: {names}.")
        return told + self.notes

    def _headline(self) -> str:
        data = self.manifest
        groups = len(set(data.group))
        one, many = ("class", "classes") if data.masks is None else ("structure", "structures")
        parts = [f"{counted(len(data.classes), one, many)} ({quoted(data.classes, most=12)})"]
        parts += [counted(groups, "group")] if groups < len(data) else []
        splits = Counter(name for name in data.split if name)
        parts += [", ".join(f"{name} {count:,}" for name, count in sorted(splits.items()))] if splits else []
        return f"Read {counted(len(data), 'image')} from {self.source} ({self.kind}): {'; '.join(parts)}."


def _first(names: list[str]) -> str:
    rest = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(short(name, 120) for name in names[:SHOWN]) + rest
