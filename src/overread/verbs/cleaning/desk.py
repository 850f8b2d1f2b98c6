"""What all acts of cleaning work with: the data, what networks see of them, the label store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from overread.data.manifest import Ints, Manifest
from overread.data.parts import rows_of
from overread.run import RunFolder
from overread.store import CLOSED, Current, LabelStore
from overread.store.queue import Item
from overread.verbs.cleaning.config import CleanConfig
from overread.verbs.setting_up import Setup
from overread.verbs.training import Material

if TYPE_CHECKING:
    from overread.engine.method import Prior

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Desk:
    """One run of cleaning. The pool are the P training rows; only their labels are bought."""

    manifest: Manifest  # all samples, with their parts and with the labels as they stood when the run began
    material: Material  # what networks see of all samples
    prior: Prior  # of the pool
    frozen: Array  # [P, D] frozen features of the pool
    config: CleanConfig
    setup: Setup
    run: RunFolder
    store: LabelStore

    @cached_property
    def rows(self) -> Ints:
        """[P] the rows of the manifest that make the pool."""
        return rows_of(self.manifest, "train")

    @cached_property
    def pool(self) -> Manifest:
        """The pool as it was when the run began."""
        return self.manifest.take(self.rows)

    @cached_property
    def places(self) -> dict[str, int]:
        """The row of the pool of each id."""
        return {str(name): row for row, name in enumerate(self.pool.ids)}

    def rows_asked(self, items: Sequence[Item]) -> Ints:
        """[n] the rows of the pool that items of the queue ask about."""
        return np.array([self.places[item.sample] for item in items], np.int64)

    def file(self, name: str) -> Path:
        """A file of a stage."""
        return self.run.checkpoint / name


@dataclass(frozen=True)
class Labels:
    """Where the labels of the pool stand."""

    given: Ints  # [P] the label as it stands
    verified: Array  # [P] bool: an expert has named it, and nobody says otherwise
    asked: Array  # [P] bool: somebody has been asked
    closed: Array  # [P] bool: unreadable or out of scope, not to be learned from

    def on(self, pool: Manifest) -> Manifest:
        """The pool with these labels."""
        return replace(pool, given=self.given, verified=self.verified)


def labels_begun(pool: Manifest) -> Labels:
    """The labels of the pool when the run began."""
    nobody = np.zeros(len(pool), bool)
    return Labels(pool.given, nobody if pool.verified is None else pool.verified, nobody, nobody)


def labels_of(manifest: Manifest, rows: Ints, current: Current) -> Labels:
    """The labels of `rows` as the store has them; `current` is in the order of the manifest.

    A label that is no class of these data is not learned from.
    """
    code = {name: index for index, name in enumerate(manifest.classes)}
    given = np.array([code.get(str(name), -1) for name in current.label[rows]], np.int64)
    asked, known = current.readers[rows] > 0, given >= 0
    before = labels_begun(manifest.take(rows))
    return Labels(
        np.where(known, given, before.given),
        np.where(asked, current.verified[rows], before.verified) & known,
        asked,
        np.isin(current.status[rows].astype(str), CLOSED) | ~known,
    )
