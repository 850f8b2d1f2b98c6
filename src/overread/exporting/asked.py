"""What others are asked: labels, or masks, of the current round that nobody has answered for, with suggestions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from overread.data.faults import BadImage
from overread.data.manifest import Manifest
from overread.data.mask_pictures import read_mask
from overread.data.masks import read_masks
from overread.errors import InputError
from overread.exporting.again import read_again
from overread.exporting.labels import Labels
from overread.exporting.mask_files import current_mask, stretched
from overread.file_names import names_of_files, safe_names
from overread.reviewing.source import AUDIT_ROUND, read_source, read_suspects
from overread.run import read_info
from overread.store import CLOSED, LabelStore

Array = np.ndarray[Any, np.dtype[Any]]
Asking = tuple[int, str | None, Mapping[str, Any]]  # row, structure, what is known of it


@dataclass
class Question:
    """An image that somebody is to look at."""

    row: int
    structures: list[str] = field(default_factory=list)  # of masks, those that are doubted
    why: Mapping[str, Any] = field(default_factory=dict)  # of the first of them


def questions(labels: Labels) -> list[Question]:
    """The images of the current round, in its order; of an audit the flagged ones; else all of them."""
    found: dict[int, Question] = {}
    for row, structure, why in _asked(labels):
        names = [structure] if structure else list(labels.kept.structures)
        things: list[str | None] = [*names] or [None]
        open_ones = [name for name in things if not _settled(labels, row, name)]
        if open_ones:
            one = found.setdefault(row, Question(row, why=why))
            one.structures += [name for name in open_ones if name and name not in one.structures]
    if not found:
        raise InputError(f"Nothing is asked in {labels.run}: every label of its queue is verified.")
    return list(found.values())


def _settled(labels: Labels, row: int, structure: str | None) -> bool:
    found = labels.standing(row, structure)
    return found.verified or found.status in CLOSED


def round_of_run(run: Path, store: LabelStore | None) -> int | None:
    """The round that is asked about: of an audit 0, of cleaning the newest; None where nothing is asked."""
    info = read_info(run)
    if info.get("verb") == "audit":
        return AUDIT_ROUND
    return None if store is None or info.get("state") == "done" else store.newest_round()


def _asked(labels: Labels) -> Iterator[Asking]:
    rows = {str(name): row for row, name in enumerate(labels.kept.ids)}
    number = round_of_run(labels.run, labels.store)
    items = labels.store.queue(number) if labels.store is not None and number is not None else []
    if items:
        yield from ((rows[item.sample], item.structure, item.why) for item in items)
        return
    flagged: list[Asking] = []
    if (labels.run / "suspects.csv").is_file():
        source = read_source(labels.run)
        flagged = [(one.row, one.structure, one.why) for one in read_suspects(source) if one.flagged]
    yield from flagged or [(row, None, {}) for row in range(len(labels.kept))]


class Shown:
    """The masks that are handed on with a question: as they stand, and as the networks would draw them."""

    def __init__(self, labels: Labels) -> None:
        self.labels, self.manifest = labels, read_again(labels.run, labels.kept)
        self._folders = safe_names(labels.kept.structures)
        self._names = names_of_files([str(name) for name in labels.kept.ids])

    def now(self, row: int, size: tuple[int, int]) -> dict[str, Array]:
        """[H, W] each structure as it stands."""
        return self._at(current_mask(self.labels, self.manifest, row), size)

    def suggested(self, row: int, size: tuple[int, int]) -> dict[str, Array]:
        """[H, W] each structure of which there is a suggested mask."""
        found = {}
        for name, folder in zip(self.labels.kept.structures, self._folders, strict=True):
            path = self.labels.run / "suggested" / folder / f"{self._names[row]}.png"
            if path.is_file():
                found[name] = stretched(read_mask(path, path.name).drawn(), size)
        return found

    def _at(self, masks: Array, size: tuple[int, int]) -> dict[str, Array]:
        return {
            k: stretched(plane, size) for k, plane in zip(self.labels.kept.structures, masks, strict=True)
        }


def given_masks(manifest: Manifest, row: int) -> Array:
    """[K, H, W] the given masks of a row."""
    assert manifest.masks is not None
    try:
        return np.asarray(read_masks(manifest.masks, manifest.root, row))
    except BadImage as error:
        raise InputError(f"{error}. Put the mask back.") from None
