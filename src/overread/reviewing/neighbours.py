"""The nearest trusted images of a class, from the features that a run left in evidence.npz."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from overread.engine.evidence import PREFIX
from overread.reviewing.source import Source

Array = np.ndarray[Any, np.dtype[Any]]
SHOWN = 4
CUT = 0.5  # a label is trusted where it is more probably right than wrong
BLOCK = 50_000  # rows at a time


@dataclass(frozen=True)
class Known:
    """Features by row of the manifest, and whose label is trusted."""

    rows: Array  # [M] rows of the manifest that the evidence is about
    features: Array  # [M, D] float16
    centre: Array  # [D]
    given: Array  # [M] text
    groups: Array  # [M] int64
    trusted: Array  # [M] bool
    place: dict[int, int]  # row -> index of the above


class Neighbours:
    """Finds images like one; the features are read when the first is asked for."""

    def __init__(self, source: Source) -> None:
        self._source, self._lock = source, Lock()
        self._known: Known | None = None
        self._was_read = False
        self._found: dict[tuple[int, str], list[int]] = {}

    @property
    def exist(self) -> bool:
        """Whether there may be any."""
        return not self._source.structures and (self._source.folder / "evidence.npz").is_file()

    def of(self, row: int, label: str) -> list[int]:
        """Rows of the nearest trusted images that bear `label`, nearest first; never of the row's own group."""
        with self._lock:
            if not self._was_read:
                self._known, self._was_read = read_known(self._source), True
            if (row, label) not in self._found and self._known is not None:
                self._found[row, label] = nearest(self._known, row, label)
            return self._found.get((row, label), [])


def nearest(known: Known, row: int, label: str) -> list[int]:
    """By cosine of features that are centred on their mean, as in the gallery of the report."""
    me = known.place.get(row)
    if me is None:
        return []
    pool = np.flatnonzero((known.given == label) & known.trusted & (known.groups != known.groups[me]))
    query = unit(known.features[me : me + 1], known.centre)[0]
    parts = [
        unit(known.features[pool[begin : begin + BLOCK]], known.centre) @ query
        for begin in range(0, len(pool), BLOCK)
    ]
    likeness = np.concatenate(parts) if parts else np.zeros(0)
    best = np.argsort(-likeness, kind="stable")[:SHOWN]
    return [int(known.rows[pool[one]]) for one in best]


def unit(features: Array, centre: Array) -> Array:
    """[n, D] less their centre, of length 1."""
    centred = features.astype(np.float32) - centre
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12))


def read_known(source: Source) -> Known | None:
    """Reads evidence.npz; None where it holds no features."""
    try:
        with np.load(source.folder / "evidence.npz", allow_pickle=False) as file:
            if "features" not in file.files or "classes" not in file.files:
                return None
            ids, features, given = file["ids"], file["features"], file["given"]
            groups, classes = file["groups"], file["classes"]
            p_wrong = file[PREFIX + "p_wrong"] if PREFIX + "p_wrong" in file.files else None
    except (OSError, ValueError, KeyError):
        return None
    row_of = {name: row for row, name in enumerate(source.ids)}
    rows = np.array([row_of.get(str(name), -1) for name in ids], np.int64)
    doubted = flagged_ids(source.folder / "suspects.csv") if p_wrong is None else set()
    trusted = np.array([str(name) not in doubted for name in ids]) if p_wrong is None else p_wrong <= CUT
    centre = np.asarray(features.mean(0, dtype=np.float32))
    place = {int(row): index for index, row in enumerate(rows) if row >= 0}
    return Known(rows, features, centre, classes[given], groups, np.asarray(trusted & (rows >= 0)), place)


def flagged_ids(path: Path) -> set[str]:
    """Whose label an audit flagged, by id as in the manifest and as in the table."""
    if not path.is_file():
        return set()
    with path.open(newline="", encoding="utf-8") as file:
        flagged = [line["id"] for line in csv.DictReader(file) if line["flagged"] == "1"]
    return {*flagged, *(name.removeprefix("'") for name in flagged)}
