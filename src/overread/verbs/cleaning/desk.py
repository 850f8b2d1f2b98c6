"""What all acts of cleaning work with: the data, what networks see of them, the label store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from overread.data.manifest import Ints, Manifest
from overread.data.parts import rows_of
from overread.run import RunFolder
from overread.store import CLOSED, Current, LabelStore
from overread.verbs.cleaning.config import CleanConfig
from overread.verbs.setting_up import Setup
from overread.verbs.training import Material

if TYPE_CHECKING:
    from overread.engine.method import Prior

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Desk:
    """One run of cleaning. The pool are the P training rows; only their labels are bought."""

    manifest: Manifest  # all samples as they were given, with their parts
    material: Material  # what networks see of all samples
    prior: Prior  # of the pool
    frozen: Array  # [P, D] frozen features of the pool
    config: CleanConfig
    setup: Setup
    run: RunFolder
    store: LabelStore

    @property
    def rows(self) -> Ints:
        """[P] the rows of the manifest that make the pool."""
        return rows_of(self.manifest, "train")

    @property
    def pool(self) -> Manifest:
        """The pool as it was given."""
        return self.manifest.take(self.rows)

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


def labels_of(manifest: Manifest, rows: Ints, current: Current) -> Labels:
    """The labels of `rows` as the store has them; `current` is in the order of the manifest."""
    code = {name: index for index, name in enumerate(manifest.classes)}
    given = np.array([code.get(str(name), -1) for name in current.label[rows]], np.int64)
    given = np.where(given < 0, manifest.given[rows], given)  # a label that is no class of these data
    closed = np.isin(current.status[rows].astype(str), CLOSED)
    return Labels(given, current.verified[rows], current.readers[rows] > 0, closed)
