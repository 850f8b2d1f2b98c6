"""Reads DATA and opens its images: what the verbs that look at images begin with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from overread.data.cache import open_images
from overread.data.check import check_classes, same_images
from overread.data.files import bad_images
from overread.data.manifest import Manifest
from overread.data.opened import Images
from overread.data.options import DataOptions
from overread.data.problems import Problem, refuse
from overread.data.read import DEFAULT, gather, settle, to_manifest
from overread.data.reading import Reading
from overread.data.samples import strings


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
    gathered = gather(source, options)
    manifest = to_manifest(gathered.samples)
    images = open_images(manifest, size, cache_dir, quiet=quiet, on_bad_image="skip", workers=workers)
    problems = [*gathered.problems, *_bad(manifest, images, options)]
    if not problems and images.bad:
        problems = _classes_left(manifest, images)
    if problems:
        refuse(source, problems)
    reading = settle(gathered)
    left_out = [(str(manifest.images[row]), why) for row, why in images.bad]
    manifest, images = manifest.take(images.good).compact(), images.take(images.good)
    duplicates, conflicts = same_images(manifest, images.hashes)
    reading = replace(reading, manifest=manifest, left_out=[*reading.left_out, *left_out])
    return replace(reading, duplicates=duplicates, conflicts=conflicts), images


def _bad(manifest: Manifest, images: Images, options: DataOptions) -> list[Problem]:
    faults = tuple(f"{manifest.images[row]}: {why}" for row, why in images.bad)
    stop = options.on_bad_image == "stop" or len(faults) == len(manifest)
    return [bad_images(faults, len(manifest))] if faults and stop else []


def _classes_left(manifest: Manifest, images: Images) -> list[Problem]:
    """The problems of the classes once the bad images are out."""
    kept = manifest.take(images.good)
    return check_classes(strings(kept.classes[code] for code in kept.given), kept.ids)
