"""Training, validation and test part: as the data name them, or cut by whole groups."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from overread.data.manifest import Ints, Manifest
from overread.data.problems import counted, quoted
from overread.data.samples import strings
from overread.data.splits import Flags, holdout
from overread.errors import InputError

PARTS = ("train", "val", "test")
MIN_TRAIN = 20  # images


def parted(manifest: Manifest, val_share: float, seed: int, whole: bool = False) -> Manifest:
    """The manifest with `train`, `val`, `test` or "" (in no part) as splits.

    Where the data name no validation part, about `val_share` of each class is held out of the training part, by
    whole groups. `whole`: the user chose one split alone, which is taken for data without splits. Raises
    `InputError` where names are unknown, or where a part is too small to train on or to look at.
    """
    split = strings([""] * len(manifest)) if whole else manifest.split.copy()
    named = {str(name) for name in split} - {""}
    _check_names(manifest, named)
    pool = split == "train" if named else np.ones(len(manifest), bool)
    _check_pool(manifest, pool)
    split[pool] = "train"
    if "val" not in named:
        rows = np.flatnonzero(pool)
        held = holdout(manifest.given[rows], manifest.group[rows], val_share, seed)
        split[rows[held]] = "val"
    _check_training(manifest, split == "train", split == "val")
    return replace(manifest, split=split)


def rows_of(manifest: Manifest, part: str) -> Ints:
    """The rows of one part."""
    return np.flatnonzero(manifest.split == part).astype(np.int64)


def _check_names(manifest: Manifest, named: set[str]) -> None:
    unknown = sorted(named - set(PARTS))
    counts = Counter(str(name) for name in manifest.split if name)
    have = ", ".join(f"{name} ({count:,})" for name, count in sorted(counts.items()))
    if unknown:
        example = ",".join(f"{name}={part}" for name, part in zip(unknown, PARTS, strict=False))
        raise InputError(
            f"The splits are: {have}. Expected train, val and test, not {quoted(unknown)}. Say which is which: "
            f"--split-map {example}; or take one alone: --split {unknown[0]}"
        )
    if named and "train" not in named:
        raise InputError(
            f"The splits are: {have}; there is no training part. Name it by --split-map OLD=train, or take one "
            f"split alone: --split {sorted(named)[0]}"
        )


def _check_pool(manifest: Manifest, pool: Flags) -> None:
    groups = len(set(manifest.group[pool]))
    if pool.sum() < MIN_TRAIN or groups < 3:
        raise InputError(
            f"There are {counted(int(pool.sum()), 'image')} in {counted(groups, 'group')} to train on; at least "
            f"{MIN_TRAIN} images in 3 groups (patients) are needed."
        )


def _check_training(manifest: Manifest, train: Flags, val: Flags) -> None:
    """Every class must be there to be learned, and something to be looked at."""
    present = set(
        manifest.given[train].tolist()
    )  # masks: a structure that is drawn nowhere was told by the reader
    missing = [
        name for code, name in enumerate(manifest.classes) if code not in present and manifest.masks is None
    ]
    if missing:
        raise InputError(
            f"The training part has no image that is given as {quoted(missing)}, so no model can learn it. Move "
            "some images of it there, join it with another class (--map-labels A=B), or leave it out."
        )
    if not val.any():
        raise InputError(
            "Nothing is held out for validation: the groups (patients) are too few or too large. Raise "
            "--val-share, or name a validation part."
        )
