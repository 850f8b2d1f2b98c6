"""The structures that masks show: their names, their joining by `--merge`, and whether they may overlap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from overread.data.mask_files import MaskFiles, Part
from overread.data.options import DataOptions
from overread.data.problems import quoted
from overread.data.samples import Samples
from overread.errors import InputError, did_you_mean

Parts = dict[str, tuple[Part, ...]]


def settle_structures(samples: Samples, options: DataOptions) -> Samples:
    """The samples with the structures as the flags want them."""
    if samples.masks is None:
        return samples
    parts = dict(zip(samples.structures, samples.masks.parts, strict=True))
    parts = merged(parts, options.merge or {})
    exclusive = samples.masks.exclusive if options.structures == "auto" else options.structures == "exclusive"

    def settled(masks: MaskFiles) -> MaskFiles:
        return replace(masks, parts=tuple(parts.values()), exclusive=exclusive)

    return replace(
        samples,
        masks=settled(samples.masks),
        true_masks=None if samples.true_masks is None else settled(samples.true_masks),
        structures=tuple(parts),
    )


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
