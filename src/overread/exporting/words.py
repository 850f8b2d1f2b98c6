"""How annotation tools are told what a reader may answer besides a label or a mask."""

from __future__ import annotations

from collections.abc import Iterable

OUTCOMES = ("unsure", "unreadable", "out-of-scope")
READ = "read"  # CVAT: the tag that says that somebody has looked
NOTHING = "nothing: "  # CVAT: the tag that says that a structure is not there


def outcome_tags(classes: Iterable[str]) -> list[str]:
    """The outcomes that no class is called by."""
    taken = set(classes)
    return [name for name in OUTCOMES if name not in taken]


def name_of_read(classes: Iterable[str]) -> str:
    """The tag `read`, or, where a class is called so, another."""
    taken = set(classes)
    name = READ
    while name in taken:
        name = f"is {name}"
    return name
