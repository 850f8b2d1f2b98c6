"""The manifest: what the samples of a data set are, as one checked table."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from overread.data.mask_files import MaskFiles
from overread.errors import InputError

Strings = np.ndarray[Any, np.dtype[np.object_]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Manifest:
    """N samples in the order they were read. Rows of every other array of a run follow this order.

    Where the labels are masks, `masks` is there, `classes` are the K structures (in the order of `masks.parts`)
    and `given` is 0 throughout. `truth` and `true_masks` are the true labels where an experiment knows them.
    Only noise injection, the simulated expert and final measurement may read them;
    `tests/test_architecture.py` holds that.
    """

    ids: Strings  # [N] unique text, stable across runs
    images: Strings  # [N] path as the user wrote it, relative to `root` where it was relative
    given: Ints  # [N] the given label, an index into `classes`; -1 where a sample has none, to predict
    classes: tuple[str, ...]  # C names, sorted as text; the K structures where the labels are masks
    group: Strings  # [N] patient, lesion or slide; the sample's own id where unknown
    split: Strings  # [N] "train", "val", "test" or any other name; "" where unknown
    root: Path  # the folder that relative image paths start from
    truth: Ints | None = None  # [N] or None
    masks: MaskFiles | None = None  # [N] rows
    true_masks: MaskFiles | None = None  # [N] rows, their parts in the order of `classes` too
    verified: Flags | None = None  # [N] experts answered for the given label: trusted, not asked
    spacing: Floats | None = None  # [N, 2] mm high and wide a pixel of the image on disk; NaN where unknown

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
            masks=None if self.masks is None else self.masks.take(rows),
            true_masks=None if self.true_masks is None else self.true_masks.take(rows),
            verified=None if self.verified is None else self.verified[rows],
            spacing=None if self.spacing is None else self.spacing[rows],
        )

    @property
    def task(self) -> str:
        """What the labels are: "classification" or "segmentation"."""
        return "classification" if self.masks is None else "segmentation"

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
        if self.masks is not None:
            digest.update(self.masks.described)
        if self.verified is not None:
            digest.update(np.packbits(self.verified).tobytes())
        return digest.hexdigest()

    def save(self, path: Path) -> None:
        """Writes `id,image,given,group,split[,true][,verified]`; images as absolute paths so that the table can move.

        Masks: `mask_STRUCTURE` columns in place of `given`, and `true_mask_STRUCTURE`.
        """
        names = np.array([*self.classes, ""], dtype=object)
        table = pd.DataFrame(
            {
                "id": self.ids,
                "image": [str(self.path(row)) for row in range(len(self))],
                **(
                    {"given": names[self.given]}
                    if self.masks is None
                    else self._mask_columns("mask", self.masks)
                ),
                "group": self.group,
                "split": self.split,
            }
        )
        if self.truth is not None:
            table["true"] = names[self.truth]
        if self.verified is not None:
            table["verified"] = self.verified.astype(int)
        if self.true_masks is not None:
            table = table.assign(**self._mask_columns("true_mask", self.true_masks))
        table.to_csv(path, index=False)

    def _mask_columns(self, prefix: str, masks: MaskFiles) -> dict[str, list[str]]:
        """A column a structure: the absolute path of its file, several (after a merge) with " + " between."""
        return {
            f"{prefix}_{name}": [
                " + ".join(str(self.root / file) for file in masks.of(row, structure))
                for row in range(len(self))
            ]
            for structure, name in enumerate(self.classes)
        }

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
            verified=(table["verified"] == "1").to_numpy(bool) if "verified" in table else None,
        )
