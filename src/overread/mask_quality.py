"""How well predicted masks fit others: Dice and the 95 % Hausdorff distance of each structure, never NaN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt

from overread.quality import LEVEL, resampled, rounded

Array = np.ndarray[Any, np.dtype[Any]]
Pair = tuple[float, float]
PERCENTILE = 95.0


class Rows(Protocol):
    """What can be indexed by a row like an array [N, K, H, W]."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, row: int) -> Array: ...


def dice(a: Array, b: Array) -> Array:
    r"""$2 |a \cap b| / (|a| + |b|)$ over the last two axes: [..., H, W] masks to [...]; empty against empty is 1.

    >>> a, b = np.zeros((2, 1, 2, 2), bool)
    >>> dice(a, b), dice(a, ~b), dice(~a, ~b)
    (array([1.]), array([0.]), array([1.]))
    """
    a, b = np.asarray(a, bool), np.asarray(b, bool)
    both = np.count_nonzero(a & b, axis=(-2, -1))
    each = np.count_nonzero(a, axis=(-2, -1)) + np.count_nonzero(b, axis=(-2, -1))
    return np.asarray(np.where(each == 0, 1.0, 2.0 * both / np.maximum(each, 1)))


def hausdorff(a: Array, b: Array, step: Pair = (1.0, 1.0), percentile: float = PERCENTILE) -> float:
    r"""The Hausdorff distance of the borders of masks [H, W], of which the largest 5 % of distances do not count.

    With A, B the border pixels (those of which a side touches what is not in the mask, or the edge of the image),
    $\max(Q_{a \in A} \min_{b \in B} |a - b|,\ Q_{b \in B} \min_{a \in A} |a - b|)$, Q the percentile, linear
    between ranks. Empty against empty is 0; one empty against another is the diagonal of the image.

    Args:
        a, b: [H, W] bool.
        step: the height and width of a pixel, in the unit of the result.
        percentile: 0 to 100; 100 is the Hausdorff distance itself.

    Source: Huttenlocher et al., PAMI 1993; the percentile as MONAI and nnU-Net take it.

    >>> a, b = np.zeros((2, 8, 8), bool)
    >>> a[1:4, 1:4], b[1:4, 3:6] = True, True
    >>> hausdorff(a, b), hausdorff(a, b, step=(1.0, 0.5))
    (2.0, 1.0)
    """
    height, width = a.shape
    if not a.any() or not b.any():
        return 0.0 if a.any() == b.any() else float(np.hypot(height * step[0], width * step[1]))
    inside = box_of(a | b)
    borders = [border(mask[inside]) for mask in (a, b)]
    far = [distance_transform_edt(~one, sampling=step) for one in borders]
    ends = [np.percentile(far[1 - k][borders[k]], percentile) for k in (0, 1)]
    return float(max(ends))


def box_of(mask: Array) -> tuple[slice, slice]:
    """The smallest box around what is drawn."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def border(mask: Array) -> Array:
    """[H, W] the pixels of a mask that touch what is not in it; beyond the edge nothing is."""
    return np.asarray(mask & ~binary_erosion(mask))


@dataclass(frozen=True)
class Fit:
    """How predicted masks fit others, image by image and structure by structure."""

    dice: Array  # [N, K]
    hd95: Array  # [N, K] pixels of the image as it lies on disk
    drawn: Array  # [N, K] bool: what they are measured by is not empty
    predicted: Array  # [N, K] bool
    hd95_mm: Array | None = None  # [N, K]; None where the spacing of an image is not known


def fit_of(
    predicted: Rows,
    masks: Rows,
    sizes: Array,
    columns: Sequence[int] | None = None,
    spacing: Array | None = None,
) -> Fit:
    """The fit of predicted masks to others [N, K, S, S]; `columns` [K] of what is predicted, if not all in order.

    Both are of one size, the network's; `sizes` [N, 2] are height and width of the images as they lie on disk, in
    whose pixels distances are told: a pixel of the network's is H / S high and W / S wide. `spacing` [N, 2] is how
    many mm a pixel on disk is high and wide, NaN where that is not known.
    """
    table = masks.shape[:2]
    known = spacing is not None and bool(np.isfinite(spacing).all())
    in_mm = np.empty(table) if known else None
    fit = Fit(np.empty(table), np.empty(table), np.empty(table, bool), np.empty(table, bool), in_mm)
    for row in range(len(masks)):
        ours, theirs = (np.asarray(one[row], bool) for one in (predicted, masks))
        ours = ours if columns is None else ours[list(columns)]
        step = (sizes[row][0] / ours.shape[1], sizes[row][1] / ours.shape[2])
        fit.dice[row] = dice(ours, theirs)
        fit.hd95[row] = [hausdorff(a, b, step) for a, b in zip(ours, theirs, strict=True)]
        if fit.hd95_mm is not None and spacing is not None:
            fit.hd95_mm[row] = _in_mm(ours, theirs, step, spacing[row], fit.hd95[row])
        fit.drawn[row], fit.predicted[row] = theirs.any((1, 2)), ours.any((1, 2))
    return fit


def _in_mm(a: Array, b: Array, step: Pair, spacing: Array, hd95: Array) -> Array:
    """[K] the distances of masks [K, S, S] in mm; where pixels are square those in pixels, `hd95` [K], tell them."""
    high, wide = float(spacing[0]), float(spacing[1])
    if high == wide:
        return hd95 * high
    step = (step[0] * high, step[1] * wide)
    return np.array([hausdorff(one, other, step) for one, other in zip(a, b, strict=True)])


def quality_of_masks(fit: Fit, structures: Sequence[str], groups: Array, seed: int = 0) -> dict[str, Any]:
    """All figures of metrics.json: means over images of each structure, and the means over structures of these.

    Intervals are 95 %, by bootstrap over `groups` [N]; None where there is but one group.
    """
    measures = {"dice": fit.dice, "hd95": fit.hd95}
    if fit.hd95_mm is not None:
        measures["hd95_mm"] = fit.hd95_mm
    whole = {
        name: np.column_stack([values, values.mean(1)]) for name, values in measures.items()
    }  # [N, K + 1]
    means = {name: values.mean(0) for name, values in whole.items()}  # [K + 1]
    ends = {name: intervals_of_means(values, groups, seed) for name, values in whole.items()}

    def figures(column: int) -> dict[str, Any]:
        of = {name: rounded(values[column]) for name, values in means.items()}
        return {
            **of,
            "intervals": {name: None if pair is None else pair[column] for name, pair in ends.items()},
        }

    drawn, predicted = fit.drawn.sum(0), fit.predicted.sum(0)
    per_structure = {
        name: {"drawn": int(drawn[k]), "predicted": int(predicted[k]), **figures(k)}
        for k, name in enumerate(structures)
    }
    return {"samples": len(fit.dice), **figures(len(structures)), "per_structure": per_structure}


def intervals_of_means(values: Array, groups: Array, seed: int) -> list[list[float | None]] | None:
    """[low, high] of the mean of each column of values [N, C], by drawing groups [N] anew; None of one group alone.

    A resample draws as many groups as there are, with replacement: its mean weighs a row by how often its group
    was drawn.
    """
    names, codes = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        return None
    weights = resampled(len(names), np.random.default_rng(seed))[codes]  # [N, R]
    means = weights.T @ values / weights.sum(0)[:, None]  # [R, C]
    tail = 100 * (1 - LEVEL) / 2
    return [[rounded(end) for end in column] for column in np.percentile(means, [tail, 100 - tail], axis=0).T]
