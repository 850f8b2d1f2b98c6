"""Given masks against what networks say of the same images: overlap, probabilities, and contours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from scipy import ndimage

from overread.data.mask_writing import fractions, most_likely
from overread.mask_quality import border, box_of, dice

Array = np.ndarray[Any, np.dtype[Any]]
CHUNK = 64  # images held in memory at once
QUARTERS = (64, 192)  # of the 256 steps of a stored probability


class Planes(Protocol):
    """What can be indexed by rows like an array [N, K, S, S]."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: Any) -> Array: ...


def measures(given: Planes, probs: Planes, exclusive: bool = False) -> dict[str, Array]:
    """By name [N, K]: what `MaskEvidence` holds, of masks 0/1 and stored probabilities 0..255, both [N, K, S, S]."""
    parts = [_of_chunk(given[rows] > 0, probs[rows], exclusive) for rows in chunks(given.shape[0])]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def chunks(count: int) -> Iterator[slice]:
    """0 .. count in slices of CHUNK."""
    return (slice(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK))


def _of_chunk(given: Array, probs: Array, exclusive: bool) -> dict[str, Array]:
    suggested, p = most_likely(probs, exclusive), fractions(probs)  # [B, K, S, S]
    pairs = zip(given.reshape(-1, *given.shape[2:]), suggested.reshape(-1, *given.shape[2:]), strict=True)
    between = np.array([contour_distance(*pair) for pair in pairs]).reshape(*given.shape[:2], 2)
    return {
        "agreement": dice(given, suggested),
        "expected": expected_dice(p, suggested),
        "cross_entropy": -np.log(np.where(given, p, 1.0 - p)).mean((2, 3)),
        "entropy": -(p * np.log(p) + (1.0 - p) * np.log1p(-p)).mean((2, 3)),
        "distance": between[..., 0],
        "signed": between[..., 1],
        "band": band(probs, suggested),
        "given_area": given.mean((2, 3)),
        "suggested_area": suggested.mean((2, 3)),
        "pixel_quality": pixel_quality(given, p),
    }


def expected_dice(p: Array, suggested: Array) -> Array:
    r"""[B, K] the Dice that a mask should have if the probabilities p hold: $2 \sum p s / (\sum p + \sum s)$.

    Nearly the expectation of the Dice of the suggested mask s with a mask whose pixels are drawn from p [B, K, S, S].
    Low where the network is unsure: the image is hard. Nothing suggested and nothing expected (less than half a
    pixel in all): 1.
    """
    both = (p * suggested).sum((2, 3), dtype=np.float64)
    each = p.sum((2, 3), dtype=np.float64) + suggested.sum((2, 3))
    least = p.shape[2] * p.shape[3] / 512.0 + 0.5  # what stored probabilities of 0 add up to
    return np.asarray(np.where(each > least, 2.0 * both / each, 1.0))


def band(probs: Array, suggested: Array) -> Array:
    r"""[B, K] how wide, in pixels, the band is in which the network is between one and three quarters sure.

    The area of that band over the length of a contour that encloses as much as the suggested mask, $2\sqrt{\pi A}$.
    """
    unsure = ((probs >= QUARTERS[0]) & (probs < QUARTERS[1])).sum((2, 3))
    return np.asarray(unsure / np.maximum(2.0 * np.sqrt(np.pi * suggested.sum((2, 3))), 1.0))


def contour_distance(given: Array, suggested: Array) -> tuple[float, float]:
    r"""The mean distance between the contours of two masks [S, S] in pixels, and the same with a sign.

    With $\partial$ a mask's border pixels and d the distance to the nearest of them,
    $\frac12 (\overline{d(x, \partial_s)}_{x \in \partial_g} + \overline{d(x, \partial_g)}_{x \in \partial_s})$. With
    a sign, a distance counts above 0 where the given mask reaches further than the suggested one, below 0 where it
    falls short. Both empty: 0. One empty: the image's diagonal.

    >>> given, suggested = np.zeros((2, 9, 9), bool)
    >>> given[1:8, 1:8], suggested[2:7, 2:7] = True, True
    >>> both, signed = contour_distance(given, suggested)
    >>> 1.0 < both < 1.1, signed == both
    (True, True)
    """
    if not given.any() or not suggested.any():
        far = float(np.hypot(*given.shape)) * (int(given.any()) - int(suggested.any()))
        return abs(far), far
    inside = box_of(given | suggested)
    given, suggested = given[inside], suggested[inside]
    ours, theirs = border(given), border(suggested)
    there = ndimage.distance_transform_edt(~theirs)[ours]
    back = ndimage.distance_transform_edt(~ours)[theirs]
    both = 0.5 * (there.mean() + back.mean())
    there = np.where(suggested[ours], -there, there)
    back = np.where(given[theirs], back, -back)
    return float(both), float(0.5 * (there.mean() + back.mean()))


def pixel_quality(given: Array, p: Array) -> Array:
    """[B, K] cleanlab's score of each structure of masks [B, K, S, S]: the softmin over pixels of the probability of
    what is given (temperature 0.1). 0 to 1, higher is better.

    Source: Lad and Mueller, "Estimating label quality and errors in semantic segmentation data via any model", 2023;
    cleanlab's `segmentation.get_label_quality_scores`.
    """
    from cleanlab.segmentation.rank import get_label_quality_scores

    def of_structure(k: int) -> Array:
        two = np.stack([1.0 - p[:, k], p[:, k]], 1)  # [B, 2, S, S]
        return np.asarray(get_label_quality_scores(given[:, k].astype(np.int64), two, verbose=False)[0])

    return np.stack([of_structure(k) for k in range(given.shape[1])], 1)
