"""`overread corrupt`: controlled noise of labels or masks, with the truth kept beside it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from overread import __version__
from overread.data.load import load
from overread.data.long_tail import long_tail as draw_long_tail
from overread.data.manifest import Ints, Manifest
from overread.data.options import DataOptions
from overread.data.read import read
from overread.errors import InputError, did_you_mean
from overread.files import check_free, whole_folder
from overread.noise.choose import check_task, name_of, parameters_of
from overread.noise.labels import Labels, Noise, changes
from overread.noise.masks import MaskNoise
from overread.verbs.corrupt_masks import corrupt_masks, refuse_wrong_masks
from overread.verbs.corrupt_table import image_column, other_columns


@dataclass(frozen=True)
class CorruptResult:
    """What was written: `labels.csv` and `noise.json` in `out`, and the record that `noise.json` holds."""

    out: Path
    record: dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """What is to be done."""

    source: Path
    out: Path
    noise: Noise | MaskNoise
    only: tuple[str, ...]
    long_tail: float | None
    seed: int
    quiet: bool

    def record(self, manifest: Manifest) -> dict[str, Any]:
        """The first part of `noise.json`."""
        return {
            "overread": __version__,
            "noise": name_of(self.noise),
            "parameters": parameters_of(self.noise),
            "only": list(self.only),
            "long_tail": self.long_tail,
            "seed": self.seed,
            "source": str(self.source.absolute()),
            "fingerprint": manifest.fingerprint,
        }


def corrupt(
    source: str | Path,
    out: str | Path,
    noise: Noise | MaskNoise,
    options: DataOptions | None = None,
    *,
    only: Sequence[str] = (),
    long_tail: float | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> CorruptResult:
    """Draws `noise` on the labels or masks of `source` and writes `out`: DATA again, with the truth beside it.

    Where splits are named by `only`, the noise is drawn on theirs, and the labels of all others stay as they are.
    With `long_tail` these splits keep but a long-tailed subset of their samples (data/long_tail.py), drawn first.
    Labels that are already noisy are refused: where `source` has true labels that differ from the given
    ones, noise on noise would have no single name and rate. Images stay where they are; masks are
    written as PNG. `out` must be new or empty, and appears whole or not at all.
    """
    asked = Asked(Path(source), Path(out), noise, tuple(only), long_tail, seed, quiet)
    options = options or DataOptions()
    check_free(asked.out)
    manifest = read(source, options, quiet=quiet).manifest
    check_task(noise, manifest.task)
    if manifest.task == "segmentation":
        return CorruptResult(asked.out, _with_masks(asked, manifest))
    return CorruptResult(asked.out, _with_labels(asked, manifest, options))


def _with_labels(asked: Asked, manifest: Manifest, options: DataOptions) -> dict[str, Any]:
    _refuse_noisy(manifest)
    noise = cast(Noise, asked.noise)
    images: Any = None
    if size := getattr(noise, "image_size", 0):  # a noise that says nothing looks at no image
        reading, images = load(asked.source, options, size, quiet=asked.quiet)
        manifest = reading.manifest
    rng = np.random.default_rng(asked.seed)
    if asked.long_tail is not None:
        stays = thinned(manifest, rows_of_splits(manifest, asked.only), asked.long_tail, rng)
        manifest, images = manifest.take(stays), None if images is None else images.take(stays)
    rows = rows_of_splits(manifest, asked.only)
    part = manifest.take(rows)
    labels = Labels(part.given, part.classes, part.group_codes)
    drawn = noise.draw(labels, rng, None if images is None else images.take(rows))
    given = manifest.given.copy()
    given[rows] = drawn
    record = {**asked.record(manifest), "changed": changes(labels, drawn)}
    with whole_folder(asked.out) as folder:
        _write_labels(manifest, given, folder, asked.out)
        _write_record(record, folder)
    return record


def _with_masks(asked: Asked, manifest: Manifest) -> dict[str, Any]:
    if asked.long_tail is not None:
        raise InputError("--long-tail counts the labels of images, and these data have masks. Leave it away.")
    rows = rows_of_splits(manifest, asked.only)
    if manifest.true_masks is not None:
        refuse_wrong_masks(manifest, manifest.true_masks, asked.quiet)
    noise = cast(MaskNoise, asked.noise)
    with whole_folder(asked.out) as folder:
        found = corrupt_masks(manifest, rows, noise, asked.seed, (folder, asked.out), asked.quiet)
        record = {
            **asked.record(manifest),
            "structures": list(manifest.classes),
            "exclusive": bool(manifest.masks and manifest.masks.exclusive),
            "changed": found.summary(),
            "images": found.images,
        }
        _write_record(record, folder)
    return record


def rows_of_splits(manifest: Manifest, splits: Sequence[str]) -> Ints:
    """The rows of the splits that `--only` names; all rows where it names none."""
    if not splits:
        return np.arange(len(manifest))
    counts = Counter(str(name) for name in manifest.split if name)
    have = ", ".join(f"{name} ({count:,})" for name, count in sorted(counts.items())) or "none are named"
    unknown = [name for name in splits if name not in counts]
    if unknown:
        near = did_you_mean(unknown[0], counts) if counts else ""
        near = f"{near} " if near.startswith("Did") else ""
        raise InputError(f"--only {unknown[0]!r} does not occur. {near}The splits of the data are: {have}.")
    return np.flatnonzero(np.isin(manifest.split.astype(str), list(splits))).astype(np.int64)


def thinned(manifest: Manifest, rows: Ints, ratio: float, rng: np.random.Generator) -> Ints:
    """The rows that stay where `rows` are cut down to a long tail: these, and all that are not among `rows`."""
    tail = rows[draw_long_tail(manifest.given[rows], ratio, rng)]
    others = np.setdiff1d(np.arange(len(manifest)), rows)
    return np.sort(np.concatenate([tail, others])).astype(np.int64)


def _refuse_noisy(manifest: Manifest) -> None:
    if manifest.truth is None or (wrong := int((manifest.truth != manifest.given).sum())) == 0:
        return
    raise InputError(
        f"The data already have wrong labels: in {wrong:,} of {len(manifest):,} rows the true label differs "
        "from the given one. Noise on noise has no single name and rate. Corrupt the data that these came "
        "from, or the true labels: --label-col true_label"
    )


def _write_record(record: dict[str, Any], folder: Path) -> None:
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    (folder / "noise.json").write_text(text, "utf-8")


def _write_labels(manifest: Manifest, given: Ints, folder: Path, out: Path) -> None:
    """`labels.csv` in the contract's columns."""
    names = np.array(manifest.classes, dtype=object)
    labels = {"label": names[given], "true_label": names[manifest.given]}
    columns = {**image_column(manifest, out), **labels, **other_columns(manifest)}
    pd.DataFrame(columns).to_csv(folder / "labels.csv", index=False)
