"""What several readers' masks of one structure in one image say together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.ndimage import distance_transform_edt

from overread.errors import InputError
from overread.readers.resampling import joined

Array = np.ndarray[Any, np.dtype[Any]]
MARGIN = 5.0  # pixels around what is disputed that STAPLE looks at
ROUNDS, STILL = 500, 1e-7
SENSE = 0.05  # sensitivity + specificity - 1 of a reader who is any better than chance


@dataclass(frozen=True)
class MaskConsensus:
    """What R masks of one structure say together."""

    mask: Array  # [H, W] bool
    share: Array  # [H, W] float, 0 to 1: of the readers (majority), or the probability that the pixel is in (STAPLE)
    how: str  # "majority" or "staple"
    sensitivity: tuple[
        float, ...
    ] = ()  # [R] STAPLE: how often a reader draws a pixel that is in, near disputed ones
    specificity: tuple[float, ...] = ()  # [R] and leaves out one that is not
    words: str = ""


def majority_mask(masks: Array) -> MaskConsensus:
    """The pixels that more than half of the readers drew, of masks [R, H, W]; of two readers, what both drew.

    `share` is the soft average: the part of the readers who drew the pixel.

    >>> majority_mask(np.array([[[1, 1, 0]], [[1, 0, 0]], [[1, 1, 0]]], bool)).mask.tolist()
    [[True, True, False]]
    """
    masks = _checked(masks)
    share = masks.mean(0)
    half = int((2 * masks.sum(0) == len(masks)).sum())
    words = f"{half} pixels were drawn by just half of the readers and are left out." * (half > 0)
    return MaskConsensus(share > 0.5, share, "majority", words=joined(_words(masks), words))


def staple(masks: Array, margin: float = MARGIN) -> MaskConsensus:
    r"""STAPLE: the mask and how well each reader draws, estimated together by expectation maximisation.

    $D_{ij}$ = 1 where reader j of R drew pixel i, $T_i$ = 1 where it truly is in, $p_j = P(D_{ij} = 1 | T_i = 1)$
    and $q_j = P(D_{ij} = 0 | T_i = 0)$. From p = q = 0.9, in turn,

    $$W_i = \frac{\gamma a_i}{\gamma a_i + (1 - \gamma) b_i}, \quad
      a_i = \prod_j p_j^{D_{ij}} (1 - p_j)^{1 - D_{ij}}, \quad b_i = \prod_j q_j^{1 - D_{ij}} (1 - q_j)^{D_{ij}},$$

    $$p_j = \frac{1 + \sum_i W_i D_{ij}}{2 + \sum_i W_i}, \quad
      q_j = \frac{1 + \sum_i (1 - W_i) (1 - D_{ij})}{2 + \sum_i (1 - W_i)}$$

    until no W moves by more than 1e-7. $\gamma$ is the mean of D. The 1 and 2, one imagined pixel right and one
    wrong, keep p and q off 0 and 1, where a single reader's word would be final (ours). The mask is $W > 0.5$.

    Only pixels that some readers drew and some did not, and those up to `margin` pixels from them, take part: over a
    whole image the wide background makes every q nearly 1, and $\gamma$ depends on how it was cropped. The others
    are as all readers have them. Pixels count as independent, which they are not: W is surer than it should be.

    Guards, each told in the words: the result is the majority where fewer than three readers drew, where half of them
    or more drew nothing, where 500 rounds do not settle it, and where at least half of them are no better than chance
    ($p_j + q_j < 1.05$); fewer of these are named.

    Args:
        masks: [R, H, W] bool.
        margin: in pixels, 0 or more.

    Source: Warfield, Zou and Wells, "Simultaneous truth and performance level estimation (STAPLE)", IEEE TMI 2004.
    """
    masks = _checked(masks)
    plain = majority_mask(masks)
    disputed = masks.any(0) & ~masks.all(0)
    drawn = int(masks.any((1, 2)).sum())
    if not disputed.any() or len(masks) < 3 or 2 * drawn <= len(masks):
        return _instead(plain, _no_staple(len(masks), drawn) * bool(disputed.any()))
    near = distance_transform_edt(~disputed) <= margin
    votes, which, count = np.unique(masks[:, near].T, axis=0, return_inverse=True, return_counts=True)
    found = _settled(votes.astype(float), count.astype(float))
    if found is None:
        return _instead(plain, f"STAPLE did not settle in {ROUNDS} rounds: this is the majority.")
    inside, p, q = found
    share = plain.share.copy()
    share[near] = inside[which.ravel()]
    senseless = p + q < 1.0 + SENSE
    if 2 * senseless.sum() >= len(senseless):
        return _instead(plain, "STAPLE finds most readers no better than chance: this is the majority.")
    words = joined(_words(masks), _senseless(senseless & masks.any((1, 2))))
    return MaskConsensus(share > 0.5, share, "staple", tuple(p.tolist()), tuple(q.tolist()), words)


def _no_staple(readers: int, drawn: int) -> str:
    if readers < 3:
        return f"STAPLE needs three readers and here are {readers}: this is the majority."
    return f"Only {drawn} of {readers} readers drew anything: this is the majority, not STAPLE."


def _instead(plain: MaskConsensus, why: str) -> MaskConsensus:
    return replace(plain, words=joined(plain.words, why))


def _settled(votes: Array, count: Array) -> tuple[Array, Array, Array] | None:
    """W [V], p and q [R] of V different votes [V, R], each of `count` [V] pixels; None where it does not settle."""
    p = q = np.full(votes.shape[1], 0.9)
    gamma = float((count @ votes).mean() / count.sum())
    inside = np.full(len(votes), gamma)
    for _ in range(ROUNDS):
        evidence = votes @ (np.log(p) - np.log1p(-q)) + (1.0 - votes) @ (np.log1p(-p) - np.log(q))
        before, inside = (
            inside,
            1.0 / (1.0 + np.exp(-np.clip(evidence + np.log(gamma / (1.0 - gamma)), -500, 500))),
        )
        if abs(inside - before).max() <= STILL:
            return inside, p, q
        of, off = count * inside, count * (1.0 - inside)
        p = (1.0 + of @ votes) / (2.0 + of.sum())
        q = (1.0 + off @ (1.0 - votes)) / (2.0 + off.sum())
    return None


def _words(masks: Array) -> str:
    """What the consensus must be read with."""
    drawn = masks.any((1, 2))
    if len(masks) == 1:
        return "One reader alone: the mask is that reader's."
    if not drawn.any():
        return "Nobody drew anything: the readers agree that it is absent."
    return f"{_named(~drawn)} drew nothing: whether it is there at all is disputed." * (not drawn.all())


def _senseless(readers: Any) -> str:
    return (
        f"Near what is disputed, no better than chance: {_named(readers).lower()}; look at these masks."
        * bool(readers.any())
    )


def _named(readers: Any) -> str:
    return ", ".join(f"reader {reader + 1}" for reader in np.flatnonzero(readers)).capitalize()


def _checked(masks: Array) -> Array:
    """[R, H, W] bool, of one reader or more."""
    masks = np.asarray(masks)
    if masks.ndim != 3 or not len(masks):
        raise InputError(
            f"Masks of several readers are one array [readers, height, width]; this one is {list(masks.shape)}: "
            "stack the masks of one structure and one image."
        )
    if masks.dtype != bool:
        if not np.isin(masks, (0, 1)).all():
            raise InputError(
                f"Masks are of 0 and 1; these reach from {masks.min()} to {masks.max()}: give masks > 0."
            )
        masks = masks.astype(bool)
    return masks
