"""Reads DATA and opens its images: what the verbs that look at images begin with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from overread.data.cache import open_images
from overread.data.check import copies_across_groups, same_images
from overread.data.files import Fault
from overread.data.opened import Images
from overread.data.options import DataOptions
from overread.data.read import DEFAULT, gather, good_rows, settle, to_manifest
from overread.data.reading import Reading


def load(
    source: str | Path,
    options: DataOptions = DEFAULT,
    size: int = 64,
    cache_dir: Path | None = None,
    *,
    quiet: bool = False,
    workers: int | None = None,
) -> tuple[Reading, Images]:
    """DATA as read, and its images in the same order. One `InputError` tells all that is wrong with both."""
    gathered = gather(source, options, cache_dir, quiet)
    rows = good_rows(gathered)
    manifest = to_manifest(gathered.samples.take(rows), options)
    images = open_images(manifest, size, cache_dir, quiet=quiet, on_bad_image="skip", workers=workers)
    bad = [Fault(int(rows[position]), why) for position, why in images.bad]
    reading = settle(replace(gathered, faults=sorted([*gathered.faults, *bad])), options)
    images = images.take(images.good)
    duplicates, conflicts = same_images(reading.manifest, images.hashes)
    notes = [*reading.notes, *copies_across_groups(reading.manifest, images.hashes)]
    return replace(reading, duplicates=duplicates, conflicts=conflicts, notes=notes), images
