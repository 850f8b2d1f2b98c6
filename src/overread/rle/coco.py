"""Run lengths as COCO packs them: down the columns of the whole image, in printable signs.

A run x is written as x, from the third on as the difference to the run two before it. The number is cut into
groups of 5 bits, the lowest first; 32 is added to all but the last group, and 48 to each, which gives a sign.
The last group's bit of 16 is the sign of the number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.rle.runs import BadRuns, flat_of, runs_of

Array = np.ndarray[Any, np.dtype[Any]]


def encode(mask: Array) -> dict[str, Any]:
    """`{"size": [H, W], "counts": text}` of a mask [H, W].

    >>> encode(np.array([[0, 1], [0, 1]]))
    {'size': [2, 2], 'counts': '22'}
    """
    height, width = mask.shape
    return {"size": [height, width], "counts": _packed(runs_of(np.asarray(mask, bool).ravel(order="F")))}


def decode(rle: dict[str, Any]) -> Array:
    """bool [H, W]; counts may be packed or a list of numbers. Raises `BadRuns`."""
    height, width = (int(side) for side in rle["size"])
    counts = rle["counts"]
    lengths = _unpacked(counts) if isinstance(counts, str) else [int(count) for count in counts]
    return flat_of(lengths, height * width).reshape(height, width, order="F")


def _packed(lengths: list[int]) -> str:
    signs = []
    for place, length in enumerate(lengths):
        rest = length - lengths[place - 2] if place > 2 else length
        more = True
        while more:
            group = rest & 31
            rest >>= 5
            more = rest != (-1 if group & 16 else 0)
            signs.append(chr(group + 32 * more + 48))
    return "".join(signs)


def _unpacked(text: str) -> list[int]:
    lengths: list[int] = []
    number = shift = 0
    for sign in text:
        group = ord(sign) - 48
        if not 0 <= group < 64:
            raise BadRuns(f"holds the sign {sign!r}, which is none of packed runs")
        number |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            number -= 1 << shift
        lengths.append(number + (lengths[-2] if len(lengths) > 2 else 0))
        number = shift = 0
    if shift:
        raise BadRuns("ends in the middle of a run")
    return lengths
