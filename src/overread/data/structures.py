"""The structures that masks show: found in their files, named, joined, and whether they may overlap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from overread.data.address import file_of
from overread.data.formats.nifti import is_nifti
from overread.data.mask_facts import MOST, Facts, Survey
from overread.data.mask_files import MaskFiles, Part
from overread.data.options import DataOptions, map_names
from overread.data.problems import quoted
from overread.data.samples import Samples, strings
from overread.errors import InputError, did_you_mean

Parts = dict[str, tuple[Part, ...]]


def settle_structures(samples: Samples, masks: MaskFiles, found: Survey, options: DataOptions) -> Samples:
    """The samples with the structures that are in their mask files, as the flags want them."""
    parts, indexed = dict(zip(samples.structures, masks.parts, strict=True)), False
    if samples.indexed:
        parts, indexed = _in_one_file(found.facts, options.map_labels)
    elif options.map_labels:
        raise InputError(
            "--map-labels names the numbers of an indexed mask; here each structure has a file of its own. "
            "To join some: --merge NEW=A+B"
        )
    parts = merged(parts, options.merge or {})
    exclusive = (
        indexed or masks.exclusive if options.structures == "auto" else options.structures == "exclusive"
    )

    def settled(files: MaskFiles) -> MaskFiles:
        return replace(files, parts=tuple(parts.values()), exclusive=exclusive and len(parts) > 1)

    true = None if samples.true_masks is None else settled(samples.true_masks)
    return replace(samples, masks=settled(masks), true_masks=true, structures=tuple(parts), indexed=indexed)


def refuse_mask_flags(options: DataOptions) -> None:
    """Refuses flags of masks where there are none; to predict there need not be any."""
    flags = {
        "--merge": options.merge is not None,
        "--spacing": options.spacing is not None,
        "--structures": options.structures != "auto",
    }
    given = [flag for flag, value in flags.items() if value]
    if given and options.labels == "needed":
        raise InputError(
            f"{' '.join(given)}: these data have no masks that are read. Expected a table with a column 'mask', or "
            "'mask_STRUCTURE' for each structure, and --task segmentation where it has labels too."
        )


def without_masks(samples: Samples, options: DataOptions) -> Samples:
    """Samples of a form that holds no masks; where masks are the task, for a model to draw them."""
    if options.task != "segmentation":
        return samples
    if options.labels == "needed":
        raise InputError(
            f"--task segmentation: these data ({samples.kind}) hold no masks. Masks are read from a CSV or TSV with "
            "a column 'image' and a column 'mask', or 'mask_STRUCTURE' for each structure."
        )
    return replace(samples, labels=strings([""] * len(samples)), true=None)


def _in_one_file(facts: Mapping[str, Facts], names: Mapping[str, str] | None) -> tuple[Parts, bool]:
    """The structures where one file holds them all: `mask` alone, or one for each number; and which it was."""
    masks = [one for one in facts.values() if not one.looks_like_an_image]
    sure = [one for one in masks if not one.may_be_changed] or masks
    numbers = set().union(*(one.numbers for one in sure))
    many = any(one.may_be_changed or one.distinct > MOST for one in sure) or len(numbers) > MOST
    if many and not all(is_nifti(file_of(name)) for name in facts):  # in NIfTI numbers are never greys
        return _grey(names), False
    if names is None and (len(numbers) < 2 or numbers == {1, 255}):
        return {"mask": (Part(0),)}, False
    if names is not None and "0" in names:
        raise InputError("--map-labels: 0 is the background of an indexed mask and cannot be a structure.")
    new = map_names("--map-labels", [str(number) for number in sorted(numbers)], names or {})
    parts: Parts = {}
    for number, name in new.items():
        parts[name] = (*parts.get(name, ()), Part(0, int(number)))
    return parts, True


def _grey(names: Mapping[str, str] | None) -> Parts:
    if names is not None:
        raise InputError(
            f"--map-labels names the numbers of an indexed mask; these masks hold more than {MOST} numbers, or have "
            "been saved as JPEG. Save them as PNG without smoothing."
        )
    return {"mask": (Part(0),)}


def merged(parts: Parts, merge: Mapping[str, tuple[str, ...]]) -> Parts:
    """Structures joined under new names; a new one stands where the first of its parts stood.

    >>> sorted(merged({"a": (Part(0),), "b": (Part(1),)}, {"c": ("a", "b")})["c"])
    [Part(column=0, value=None), Part(column=1, value=None)]
    """
    unknown = [old for olds in merge.values() for old in olds if old not in parts]
    if unknown:
        hints = [f"{old!r} is no structure of the data. {did_you_mean(old, parts)}" for old in unknown]
        raise InputError("--merge: " + " ".join(hints))
    news = {old: new for new, olds in merge.items() for old in olds}
    if taken := [new for new in merge if new in parts and new not in merge[new]]:
        raise InputError(
            f"--merge: {quoted(taken)} is a structure already. Choose another name, or merge it too."
        )
    joined: Parts = {}
    for name, own in parts.items():
        new = news.get(name, name)
        joined[new] = (*joined.get(new, ()), *own)
    return joined
