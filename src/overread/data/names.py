"""Names of splits and classes: standard spelling, renaming by flags, picking one split."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from overread.data.manifest import Strings
from overread.data.options import OTHERS, DataOptions, map_names
from overread.data.problems import counted, quoted
from overread.data.readings import labels_in, mapped
from overread.data.samples import STANDARD_SPLITS, Samples, is_missing, strings
from overread.errors import InputError, did_you_mean


def rename_splits(samples: Samples, options: DataOptions) -> Samples:
    """Applies `--split-map`, then writes "validation" as "val" and the like."""
    present = sorted(set(samples.splits) - {""})
    if options.split_map and not present:
        raise InputError(
            "--split-map: the data name no splits. A table needs a split column (--split-col NAME)."
        )
    new = map_names("--split-map", present, options.split_map or {})
    standard = {old: STANDARD_SPLITS.get(name.lower(), name) for old, name in new.items()}
    guessed = {f"split {name!r}": standard[old] for old, name in new.items() if standard[old] != name}
    splits = strings(standard.get(split, "") for split in samples.splits)
    return replace(samples, splits=splits, guessed=samples.guessed | guessed)


def pick_split(samples: Samples, split: str | None) -> Samples:
    """The samples of one split; all of them where none is asked for."""
    counts = Counter(name for name in samples.splits if name)
    lacking = len(samples) - sum(counts.values())
    if split is None:
        note = f"{counted(lacking, 'image is', 'images are')} in no split."
        return replace(samples, notes=[*samples.notes, note]) if counts and lacking else samples
    if not counts:
        raise InputError(
            f"--split {split!r}: the data name no splits. A table needs a split column (--split-col NAME)."
        )
    if split not in counts:
        have = ", ".join(f"{name} ({count:,})" for name, count in sorted(counts.items()))
        near = did_you_mean(split, counts)
        near = f"{near} " if near.startswith("Did") else ""
        raise InputError(f"--split {split!r} does not occur. {near}The splits are: {have}.")
    return samples.take(np.flatnonzero(samples.splits == split))


def rename_labels(samples: Samples, options: DataOptions) -> Samples:
    """Applies `--map-labels` to the labels and to the truth; an empty label stays empty. Masks: structures.py."""
    if options.map_labels is None or samples.masks is not None or options.task == "segmentation":
        return samples
    rules = options.map_labels
    present = sorted(labels_in(samples))
    new = map_names("--map-labels", present, rules)
    new |= {
        name: name for name in present if _is_empty(name) and name not in rules
    }  # '*' names no missing label
    unmapped = [name for name in present if name not in rules and not _is_empty(name)]
    note = f"--map-labels leaves {quoted(unmapped)} as they are." if unmapped and OTHERS not in rules else ""
    return replace(
        samples,
        labels=_mapped(samples.labels, new),
        true=None if samples.true is None else _mapped(samples.true, new),
        readings=None if samples.readings is None else mapped(samples.readings, new),
        notes=[*samples.notes, *([note] if note else [])],
    )


def _mapped(names: Strings, new: dict[str, str]) -> Strings:
    return strings(new[name] for name in names)


def _is_empty(name: str) -> bool:
    return bool(is_missing(strings([name]))[0])
