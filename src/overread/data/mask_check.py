"""Masks that cannot be used: files that cannot be read, that are no masks, or that do not fit their image."""

from __future__ import annotations

import os

from overread.data.address import file_of
from overread.data.files import Fault
from overread.data.formats.nifti import is_nifti
from overread.data.mask_facts import MOST, Facts, Size, Survey
from overread.data.problems import Problem
from overread.data.samples import Samples


def mask_faults(samples: Samples, found: Survey) -> list[Fault]:
    """What is wrong with the masks that are there."""
    faults = []
    for masks in filter(None, (samples.masks, samples.true_masks)):
        for row in range(len(samples)):
            for name in filter(None, map(str, masks.files[row])):
                facts, image = found.facts.get(name), str(samples.images[row])
                if _place(samples, name) == _place(samples, image):
                    faults.append(Fault(row, "is the image itself", name))
                elif name in found.bad:
                    faults.append(Fault(row, found.bad[name], name))
                elif facts and (
                    why := _no_mask(facts, samples.indexed, is_nifti(file_of(name)))
                    or _misfit(facts, found.sizes.get(image))
                ):
                    faults.append(Fault(row, why, name))
    return faults


def nothing_drawn(samples: Samples, found: Survey) -> list[Problem]:
    """The problem of masks that show nothing at all."""
    cure = "check the mask columns (--mask-col), --split, and that the files are the masks that were meant."
    if samples.masks is not None and not (samples.masks.files != "").any():
        return [Problem("no image has a mask file", cure)]
    if found.facts and not any(facts.numbers for facts in found.facts.values()):
        return [Problem("nothing is drawn in any mask", cure)]
    return []


def same_shape(one: Size, other: Size) -> bool:
    """Whether one size is the other at another scale, to the pixel.

    >>> same_shape((100, 200), (333, 667)), same_shape((100, 200), (200, 100))
    (True, False)
    """
    small, large = sorted((one, other))
    high, wide = small[1] * large[0] / large[1], small[0] * large[1] / large[0]
    return abs(wide - small[1]) <= 1 or abs(high - small[0]) <= 1


def _place(samples: Samples, name: object) -> str:
    return os.path.normpath(os.path.join(samples.root, str(name)))


def _no_mask(facts: Facts, indexed: bool, numbered: bool) -> str:
    """Why the numbers of a file make no mask, or ""; `numbered`: they are never greys."""
    if facts.looks_like_an_image:
        return f"holds {facts.distinct} different numbers, many neither black nor white: is it an image?"
    numbers = ", ".join(map(str, facts.values[:5])) + (", ..." if facts.distinct > 5 else "")
    if facts.may_be_changed and (indexed or facts.most < MOST):
        return f"holds the numbers {numbers}, which lossy compression may have changed: save masks as PNG"
    if indexed and numbered and facts.distinct > MOST + 1:
        return (
            f"holds {facts.distinct} numbers in one slice, and up to {MOST + 1} are read: join some of them"
        )
    if indexed or not facts.is_grey:
        return ""
    if facts.palette or facts.most < MOST or (numbered and facts.distinct <= MOST):
        return (
            f"holds the numbers {numbers}, but each file shows one structure here. If these are several structures, "
            "they belong into one column, the only one (--mask-col NAME)"
        )
    if facts.values == (0, 1, 255):
        return "holds 1 and 255 beside 0: is 255 drawn, or to be ignored? Write 0 where nothing is drawn, else 255"
    return ""


def _misfit(facts: Facts, image: Size | None) -> str:
    """Why a mask does not fit its image, or ""."""
    own = (facts.height, facts.width)
    if image is None or same_shape(own, image):
        return ""
    turned = " (turned by 90 degrees?)" if same_shape(own[::-1], image) else ""
    wanted = f"the image's {image[1]} x {image[0]}"
    return f"{own[1]} x {own[0]} pixels do not fit {wanted}: they are not of one shape{turned}"
