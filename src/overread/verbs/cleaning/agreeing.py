"""How far the readers of a run agree, where several looked at the same images."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from overread.readers.agreement import measures
from overread.readers.answers import table_of
from overread.store import Entry, LabelStore
from overread.verbs.cleaning.answers import standing_entries

NAMED = ("label", "keep")


def agreement(store: LabelStore, classes: tuple[str, ...], groups: dict[str, str]) -> list[dict[str, Any]]:
    """Every measure of agreement, with its interval or in words; empty where nobody looked at what another did.

    `groups` tells the patient of each sample: samples of one are resampled together.
    """
    said = [
        (entry.sample, entry.reader, entry.label if entry.outcome in NAMED else None)
        for entry in standing_entries(store)
        if entry.outcome != "skip" and known(entry, classes)
    ]
    answers = table_of(said, classes, {sample: groups[sample] for sample, _, _ in said})
    if len(answers.readers) < 2 or not (answers.often > 1).any():
        return []
    return [asdict(one) for one in measures(answers)]


def known(entry: Entry, classes: tuple[str, ...]) -> bool:
    """Whether an entry names a class of these data, or none."""
    return entry.label is None or entry.label in classes
