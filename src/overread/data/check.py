"""What must hold before anything is trained, and what the user should know of the data."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from overread.data.manifest import Manifest, Strings
from overread.data.masks import read_masks
from overread.data.problems import Problem, counted, quoted
from overread.data.samples import NO, YES, Samples, is_missing
from overread.data.splits import lonely_classes


def check_samples(samples: Samples, labels: str = "needed") -> list[Problem]:
    """The problems of ids, labels and names; those of the files come from `find_files`."""
    names = [*_ids(samples), *_unwritable(samples), *_verified(samples)]
    if labels == "optional" or samples.masks is not None:
        return names
    return [*names, *_labels(samples), *check_classes(samples.labels, samples.ids)]


def _verified(samples: Samples) -> list[Problem]:
    """Cells of the column `verified` that say neither yes nor no."""
    said = zip(samples.ids, [] if samples.verified is None else samples.verified, strict=False)
    odd = tuple(f"{name}: {quoted([cell])}" for name, cell in said if str(cell).lower() not in (*YES, *NO))
    what = f"{counted(len(odd), 'cell')} of the column 'verified' say neither yes nor no"
    return [Problem(what, "write 1 where an expert has answered for the label, else 0.", odd)] if odd else []


def check_classes(labels: Strings, ids: Strings) -> list[Problem]:
    """The problems of too few classes, or of too few images in one."""
    kept = ~is_missing(labels)
    first = dict(zip(labels[kept][::-1], ids[kept][::-1], strict=True))
    counts = Counter(labels[kept])
    single = tuple(f"'{name}': {first[name]}" for name, count in sorted(counts.items()) if count == 1)
    if len(labels) and len(counts) < 2:
        what = f"all labels are the same: {quoted(counts)}" if counts else "no image has a label"
        return [
            Problem(what, "give data with two classes or more; check --label-col, --split and --map-labels.")
        ]
    if not single:
        return []
    what = f"{counted(len(single), 'label has', 'labels have')} one image only, with nothing to compare it to"
    cure = "join it with another (--map-labels NAME+OTHER=OTHER), find more images of it, or remove it."
    if len(counts) > len(labels) / 2:
        many = f"{len(counts):,} different labels for {counted(len(labels), 'image')}"
        cure = f"{many}: is it the right column? --label-col NAME"
    return [Problem(what, cure, single)]


def notes_on(manifest: Manifest) -> list[str]:
    """What the user should know of classes (or structures) and groups that look odd."""
    return [*_alike(manifest.classes, manifest.task), *_groups(manifest), *_answered_for(manifest)]


def _answered_for(manifest: Manifest) -> list[str]:
    count = 0 if manifest.verified is None else int(manifest.verified.sum())
    return [f"{counted(count, 'label is', 'labels are')} verified, and trusted."] if count else []


def same_images(manifest: Manifest, hashes: Sequence[str]) -> tuple[list[list[str]], list[list[str]]]:
    """The ids of images that are the same bytes twice, and those among them whose given labels differ."""
    same = _rows_alike(hashes)
    duplicates = [[str(manifest.ids[row]) for row in found] for found in same]
    differ = [_differ(manifest, found) for found in same]
    return duplicates, [ids for ids, conflict in zip(duplicates, differ, strict=True) if conflict]


def _differ(manifest: Manifest, rows: list[int]) -> bool:
    """Whether the given labels or masks of `rows`, which show one image, differ."""
    if manifest.masks is None:
        return len(set(manifest.given[rows].tolist())) > 1
    first, *others = (read_masks(manifest.masks, manifest.root, row) for row in rows)
    return any(not np.array_equal(first, other) for other in others)


def copies_across_groups(manifest: Manifest, hashes: Sequence[str]) -> list[str]:
    """A note on copies of one image that no fold can keep together."""
    apart = [rows for rows in _rows_alike(hashes) if len(set(manifest.group[rows])) > 1]
    if not apart or (manifest.group == manifest.ids).all():
        return []
    what = counted(len(apart), "image has copies", "images have copies")
    return [f"{what} in different groups, such as {quoted(manifest.ids[apart[0]])}: is it one patient?"]


def _rows_alike(hashes: Sequence[str]) -> list[list[int]]:
    """The rows of each content that occurs more than once."""
    rows = defaultdict(list)
    for row, digest in enumerate(hashes):
        rows[digest].append(row)
    return [found for digest, found in rows.items() if digest and len(found) > 1]


def _ids(samples: Samples) -> list[Problem]:
    twice = tuple(
        f"{name} ({count} times)" for name, count in Counter(samples.ids).items() if count > 1 and name
    )
    empty = tuple(str(image) for image in samples.images[is_missing(samples.ids)])
    own = samples.ids is not samples.images and not np.array_equal(samples.ids, samples.images)
    what = f"{counted(len(twice), 'id occurs', 'ids occur')} more than once" if own else ""
    what = what or f"{counted(len(twice), 'image is', 'images are')} listed more than once"
    cure = "make the column id unique, or rename it: without it the image path is the id." if own else ""
    cure = cure or (
        "keep one row for each image, or tell the rows apart with a column id. Where each row is the word of a "
        "reader, name the column that says whose: --reader-col NAME"
    )
    problems = [Problem(what, cure, twice)] if twice else []
    if empty:
        what = f"{counted(len(empty), 'row has', 'rows have')} no id"
        problems.append(
            Problem(what, "fill the column id, or remove it: then the image path is the id.", empty)
        )
    return problems


def _labels(samples: Samples) -> list[Problem]:
    problems = []
    for name, column in (("label", samples.labels), ("true label", samples.true)):
        lacking = tuple(map(str, samples.ids[is_missing(column)])) if column is not None else ()
        if lacking and len(lacking) < len(samples):
            have = "has" if len(lacking) == 1 else "have"
            what = f"{len(lacking):,} of {counted(len(samples), 'image')} {have} no {name} (empty or nan)"
            problems.append(Problem(what, "fill these cells, or remove the rows.", lacking))
    return problems


def _unwritable(samples: Samples) -> list[Problem]:
    """Names that cannot be written into the tables of a run."""
    bad = tuple(ascii(str(image)) for image in samples.images if not _encodes(str(image)))
    what = f"{counted(len(bad), 'file name is', 'file names are')} not valid UTF-8"
    return [Problem(what, "rename these files.", bad)] if bad else []


def _encodes(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _alike(classes: Sequence[str], task: str) -> list[str]:
    """A note on classes that differ only in case, spaces or the way accents are written."""
    alike = defaultdict(list)
    for name in classes:
        alike["".join(unicodedata.normalize("NFKC", name).casefold().split())].append(name)
    pairs = [names for names in alike.values() if len(names) > 1]
    masks = task == "segmentation"
    cure = f"If they mean the same, join them with {'--merge' if masks else '--map-labels'}."
    return [
        f"{'Structures' if masks else 'Classes'} that are written almost alike: {quoted(names)}. {cure}"
        for names in pairs
    ]


def _groups(manifest: Manifest) -> list[str]:
    if (manifest.group == manifest.ids).all():
        return [
            "No groups are known, so each image counts as a patient of its own. If a patient has several "
            "images, say so by --group-col NAME or --groups FILE: otherwise out-of-sample figures flatter."
        ]
    if manifest.masks is not None:
        return []
    lonely = [manifest.classes[code] for code in lonely_classes(manifest.given, manifest.group)]
    return [
        f"All images of {quoted(lonely)} are of one group, so no fold can judge them from others."
    ] * bool(lonely)
