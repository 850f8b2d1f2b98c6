"""`overread corrupt`: controlled label noise, with the truth kept beside it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

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
from overread.noise.choose import name_of, parameters_of
from overread.noise.labels import Labels, Noise, changes


@dataclass(frozen=True)
class CorruptResult:
    """What was written: `labels.csv` and `noise.json` in `out`, and the record that `noise.json` holds."""

    out: Path
    record: dict[str, Any]


def corrupt(
    source: str | Path,
    out: str | Path,
    noise: Noise,
    options: DataOptions | None = None,
    *,
    only: Sequence[str] = (),
    long_tail: float | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> CorruptResult:
    """Draws `noise` on the labels of `source` and writes `out`, which is DATA again with the truth beside it.

    Where splits are named by `only`, the noise is drawn on theirs, and the labels of all others stay as they are.
    With `long_tail` these splits keep but a long-tailed subset of their samples (data/long_tail.py), drawn first.
    Labels that are already noisy are refused: where `source` has true labels that differ from the given
    ones, noise on noise would have no single name and rate. Images stay where they are; pixels that came
    in a .npz are written as PNG. `out` must be new or empty, and appears whole or not at all.
    """
    out = Path(out)
    check_free(out)
    manifest, images = _read(source, options or DataOptions(), noise, quiet)
    _refuse_noisy(manifest)
    rng = np.random.default_rng(seed)
    if long_tail is not None:
        stays = thinned(manifest, rows_of_splits(manifest, only), long_tail, rng)
        manifest, images = manifest.take(stays), None if images is None else images.take(stays)
    rows = rows_of_splits(manifest, only)
    part = manifest.take(rows)
    labels = Labels(part.given, part.classes, part.group_codes)
    drawn = noise.draw(labels, rng, None if images is None else images.take(rows))
    given = manifest.given.copy()
    given[rows] = drawn
    record = {
        "overread": __version__,
        "noise": name_of(noise),
        "parameters": parameters_of(noise),
        "only": list(only),
        "long_tail": long_tail,
        "seed": seed,
        "source": str(Path(source).absolute()),
        "fingerprint": manifest.fingerprint,
        "changed": changes(labels, drawn),
    }
    with whole_folder(out) as folder:
        _write_labels(manifest, given, folder, out)
        (folder / "noise.json").write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return CorruptResult(out, record)


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


def _read(source: str | Path, options: DataOptions, noise: Noise, quiet: bool) -> tuple[Manifest, Any]:
    """The samples, and their images [N, S, S, 3] where the noise looks at them."""
    size = getattr(noise, "image_size", 0)  # a noise that says nothing looks at no image
    if not size:
        return read(source, options).manifest, None
    reading, images = load(source, options, size, quiet=quiet)
    return reading.manifest, images


def _write_labels(manifest: Manifest, given: Ints, folder: Path, out: Path) -> None:
    """`labels.csv` in the contract's columns, and `id` only where the data brought ids of their own."""
    names = np.array(manifest.classes, dtype=object)
    lonely = bool((manifest.group == manifest.ids).all())  # nobody named groups: nothing to write down
    table = pd.DataFrame(
        {
            "image": _write_pixels(manifest, folder)
            if manifest.pixels is not None
            else _relative(manifest, out),
            "label": names[given],
            "true_label": names[manifest.given],
            "group": "" if lonely else manifest.group,
            "split": manifest.split,
        }
    )
    if manifest.pixels is None and (manifest.ids != manifest.images).any():
        table["id"] = manifest.ids
    table.to_csv(folder / "labels.csv", index=False)


def _relative(manifest: Manifest, out: Path) -> list[str]:
    """[N] image paths from `out`, so that data and labels can move together; absolute on another drive."""
    start = os.path.realpath(out)  # `..` is taken after links are followed

    @cache
    def way(folder: Path) -> Path:
        real = os.path.realpath(folder)
        try:
            return Path(os.path.relpath(real, start))
        except ValueError:  # Windows: there is no way from C: to D:
            return Path(real)

    paths = (manifest.path(row) for row in range(len(manifest)))
    return [(way(path.parent) / path.name).as_posix() for path in paths]


def _write_pixels(manifest: Manifest, folder: Path) -> list[str]:
    """[N] where each image of a .npz now lies as PNG, from `folder`."""
    from PIL import Image

    assert manifest.pixels is not None
    (folder / "images").mkdir()
    names = [f"images/{row:06d}.png" for row in range(len(manifest))]
    for name, pixels in zip(names, manifest.pixels, strict=True):
        Image.fromarray(np.asarray(pixels)).save(folder / name)
    return names
