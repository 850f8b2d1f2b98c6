"""The manifest: what the samples of a data set are, as one checked table."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from overread.errors import InputError

Strings = np.ndarray[Any, np.dtype[np.object_]]
Ints = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Manifest:
    """N samples in the order they were read. Rows of every other array of a run follow this order.

    `truth` is the true label where an experiment knows it. Only noise injection, the simulated expert and
    final measurement may read it; `tests/test_architecture.py` holds that.
    """

    ids: Strings  # [N] unique text, stable across runs
    images: Strings  # [N] path as the user wrote it, relative to `root` where it was relative
    given: Ints  # [N] the given label, an index into `classes`; -1 where a sample has none, to predict
    classes: tuple[str, ...]  # C names, sorted as text
    group: Strings  # [N] patient, lesion or slide; the sample's own id where unknown
    split: Strings  # [N] "train", "val", "test" or any other name; "" where unknown
    root: Path  # the folder that relative image paths start from
    truth: Ints | None = None  # [N] or None
    pixels: np.ndarray[Any, np.dtype[Any]] | None = None  # [N, H, W] or [N, H, W, 3]: data that are arrays

    def __len__(self) -> int:
        return len(self.ids)

    def path(self, row: int) -> Path:
        """Where the image of `row` lies."""
        return self.root / str(self.images[row])  # an absolute path stays itself

    def take(self, rows: Ints) -> Manifest:
        """The manifest of `rows` alone, in their order; classes stay as they are."""
        return replace(
            self,
            ids=self.ids[rows],
            images=self.images[rows],
            given=self.given[rows],
            group=self.group[rows],
            split=self.split[rows],
            truth=None if self.truth is None else self.truth[rows],
            pixels=None if self.pixels is None else self.pixels[rows],
        )

    @property
    def group_codes(self) -> Ints:
        """[N] groups as integers 0, 1, ... in order of first appearance."""
        return pd.factorize(self.group)[0].astype(np.int64)

    @property
    def fingerprint(self) -> str:
        """A hash of everything but the pixels and the truth: two runs on the same table share it."""
        digest = hashlib.blake2b(digest_size=16)
        for column in (self.ids, self.images, self.given.astype(str), self.group, self.split):
            digest.update("\x1f".join(map(str, column)).encode("utf-8", "surrogatepass"))
            digest.update(b"\x1e")
        digest.update("\x1f".join(self.classes).encode())
        return digest.hexdigest()

    def save(self, path: Path) -> None:
        """Writes `id,image,given,group,split[,true]`; images as absolute paths so that the table can move."""
        names = np.array([*self.classes, ""], dtype=object)
        table = pd.DataFrame(
            {
                "id": self.ids,
                "image": [str(self.path(row)) for row in range(len(self))],
                "given": names[self.given],
                "group": self.group,
                "split": self.split,
            }
        )
        if self.truth is not None:
            table["true"] = names[self.truth]
        table.to_csv(path, index=False)

    @staticmethod
    def load(path: Path) -> Manifest:
        """Reads what `save` wrote. Raises `InputError` when the table is not a manifest."""
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        missing = {"id", "image", "given", "group", "split"} - set(table.columns)
        if missing:
            raise InputError(
                f"{path} is not a run's manifest: column {', '.join(sorted(missing))} is missing."
            )
        names = set(table["given"]) | set(table.get("true", table["given"]))
        classes = tuple(sorted(names))
        code = {name: index for index, name in enumerate(classes)}

        def codes(column: str) -> Ints:
            return table[column].map(code).to_numpy(np.int64)

        return Manifest(
            ids=table["id"].to_numpy(object),
            images=table["image"].to_numpy(object),
            given=codes("given"),
            classes=classes,
            group=table["group"].to_numpy(object),
            split=table["split"].to_numpy(object),
            root=path.parent,
            truth=codes("true") if "true" in table else None,
        )
