"""What the user should know of masks that can be used."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import numpy as np

from overread.data.cache import usable_cores
from overread.data.decoding import in_threads
from overread.data.faults import BadImage
from overread.data.manifest import Ints
from overread.data.mask_facts import Facts, Survey
from overread.data.mask_files import MaskFiles
from overread.data.masks import read_masks
from overread.data.problems import counted, quoted, short
from overread.data.samples import Samples

Flags = np.ndarray[Any, np.dtype[np.bool_]]

FEW = 5  # masks; of fewer one cannot say that a number is rare


def drawn_counts(samples: Samples, found: Survey) -> dict[str, dict[str, int]]:
    """Of each structure: in how many images it is drawn, is not drawn, and has no file."""
    assert samples.masks is not None
    drawn, named = shown(samples.masks, found), samples.masks.files != ""
    counts = {}
    for index, (name, parts) in enumerate(zip(samples.structures, samples.masks.parts, strict=True)):
        filed = named[:, [part.column for part in parts]].any(axis=1)
        sums = {"drawn": drawn[:, index], "empty": ~drawn[:, index], "without_file": ~filed}
        counts[name] = {what: int(flags.sum()) for what, flags in sums.items()}
    return counts


def shown(masks: MaskFiles, found: Survey) -> Flags:
    """[N, K] where a structure is drawn."""

    def in_file(name: str, value: int | None) -> bool:
        facts = found.facts.get(name)
        return facts is not None and (facts.drawn > 0 if value is None else value in facts.numbers)

    table = np.zeros((len(masks), len(masks.parts)), bool)
    for index, parts in enumerate(masks.parts):
        for column, value in parts:
            table[:, index] |= [in_file(name, value) for name in masks.files[:, column]]
    return table


def mask_notes(samples: Samples, found: Survey) -> list[str]:
    """What the user should know of the given masks."""
    masks = samples.masks
    assert masks is not None
    used = {name: found.facts[name] for name in masks.files.ravel() if name in found.facts}
    return [
        *_missing(samples, drawn_counts(samples, found)),
        *(_numbers(used) if samples.indexed else _binary(used)),
        *_rescaled(samples, masks, found),
        *_shared(masks),
        *(_overlaps(samples, masks) if masks.exclusive and masks.files.shape[1] > 1 else []),
    ]


def _missing(samples: Samples, counts: dict[str, dict[str, int]]) -> list[str]:
    """Notes on structures that are drawn nowhere, or not everywhere."""
    notes, every = [], counted(len(samples), "image")
    if never := [name for name, count in counts.items() if not count["drawn"]]:
        notes.append(f"Drawn in no image: {quoted(never)}. Are the files and the columns the right ones?")
    empty = {name: count["empty"] for name, count in counts.items() if count["drawn"] and count["empty"]}
    if empty:
        notes.append(f"Nothing is drawn in some of {every}: {_listed(empty)}.")
    without = {name: count["without_file"] for name, count in counts.items() if count["without_file"]}
    if without:
        notes.append(
            f"Some of {every} have no mask file: {_listed(without)}. That is read as nothing drawn; where nobody "
            "looked, leave the image out."
        )
    return notes


def _binary(used: dict[str, Facts]) -> list[str]:
    """Notes on masks that are drawn or not: in other numbers, in grey, everywhere."""
    notes = []
    plain = Counter(max(facts.numbers) for facts in used.values() if facts.drawn and not facts.is_grey)
    if len(plain) > 1:
        counts = ", ".join(f"{number} in {counted(count, 'file')}" for number, count in sorted(plain.items()))
        notes.append(f"Drawn pixels have other numbers in other files, and count alike: {counts}.")
    if grey := [name for name, facts in used.items() if facts.is_grey]:
        what = counted(len(grey), "mask holds", "masks hold")
        notes.append(f"{what} grey values (smooth edges, or JPEG) and are cut at half: {_some(grey)}.")
    if full := [name for name, facts in used.items() if facts.drawn == facts.height * facts.width]:
        what = counted(len(full), "mask is", "masks are")
        notes.append(f"{what} drawn from edge to edge: {_some(full)}. Are black and white exchanged?")
    if palettes := [name for name, facts in used.items() if facts.palette]:
        what = counted(len(palettes), "mask has a palette", "masks have palettes")
        notes.append(f"{what}: what counts as drawn is not index 0 (or, in black and white, not black).")
    return notes


def _numbers(used: dict[str, Facts]) -> list[str]:
    """Notes on indexed masks: palettes, and numbers that look like a slip."""
    notes = []
    if palettes := sum(facts.palette for facts in used.values()):
        notes.append(
            f"{counted(palettes, 'mask has a palette', 'masks have palettes')}: its indices are the structures."
        )
    files = defaultdict(list)
    for name, facts in used.items():
        for number in facts.numbers:
            files[number].append(name)
    rare = [f"{number} ({short(names[0], 60)})" for number, names in sorted(files.items()) if len(names) == 1]
    if rare and len(used) >= FEW:
        notes.append(f"Numbers that occur in one mask alone: {', '.join(rare[:FEW])}. A slip of the pen?")
    if len(files.get(255, [])):
        notes.append(
            "The number 255 is read as a structure; in some data sets it stands for pixels to ignore."
        )
    return notes


def _rescaled(samples: Samples, masks: MaskFiles, found: Survey) -> list[str]:
    """A note on masks of the shape of their image and of another size."""
    other = []
    for image, names in zip(samples.images, masks.files, strict=True):
        for name in names:
            facts, size = found.facts.get(name), found.sizes.get(image)
            if facts and size and (facts.height, facts.width) != size:
                other.append(f"{short(name, 60)} {facts.width} x {facts.height} for {size[1]} x {size[0]}")
    what = counted(
        len(other), "mask differs in size from its image", "masks differ in size from their images"
    )
    return [f"{what} and will be rescaled: {_some(other)}."] if other else []


def _shared(masks: MaskFiles) -> list[str]:
    """A note on files that stand in more than one cell."""
    cells = Counter(name for name in masks.files.ravel() if name)
    twice = [name for name, count in cells.items() if count > 1]
    what = counted(len(twice), "mask file stands", "mask files stand")
    return [f"{what} in more than one place of the table: {_some(twice)}."] if twice else []


def _overlaps(samples: Samples, masks: MaskFiles) -> list[str]:
    """A note on images whose structures overlap though they are said to exclude each other."""
    apart = MaskFiles(masks.files, masks.parts, images=masks.images)

    def overlap(row: int) -> bool:
        try:
            return bool((read_masks(apart, samples.root, row).sum(axis=0) > 1).any())
        except BadImage:
            return False

    with closing(in_threads(overlap, range(len(masks)), usable_cores())) as flags:
        rows: Ints = np.flatnonzero(list(flags)).astype(np.int64)
    what = counted(len(rows), "image has structures", "images have structures")
    first = f"{what} that overlap, where the one that is listed first wins: {_some(samples.images[rows])}."
    return [first] if len(rows) else []


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"'{short(name, 60)}' {count:,}" for name, count in counts.items())


def _some(names: Iterable[object]) -> str:
    names = list(names)
    rest = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return ", ".join(short(name, 120) for name in names[:3]) + rest
