"""Suspicion of masks: which images, or structures of them, look wrong. Higher always means *look here first*."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from overread.detect.masks.evidence import MaskEvidence
from overread.detect.masks.hills import CUT, find_hills

Array = np.ndarray[Any, np.dtype[Any]]
HIGHEST, LOWEST = 50.0, -5.0  # spreads; further out says no more


@dataclass(frozen=True)
class MaskSuspicion:
    """A detector's opinion of N images with K structures."""

    score: (
        Array  # [N, K], or [N] where the detector judges whole images; finite, comparable between structures
    )
    wrong: Array  # likewise, bool: the detector's own cut

    @property
    def by_image(self) -> Array:
        """[N] an image is as suspicious as the most suspicious of its structures."""
        return self.score if self.score.ndim == 1 else self.score.max(1)

    @property
    def wrong_images(self) -> Array:
        """[N] bool"""
        return self.wrong if self.wrong.ndim == 1 else np.asarray(self.wrong.any(1))

    def of(self, structures: int) -> Array:
        """[N, K] the score of each structure; that of the image where the detector judges no structures."""
        score = self.score if self.score.ndim == 2 else self.score[:, None]
        return np.broadcast_to(score, (len(score), structures))


def of_structures(evidence: MaskEvidence, raw: Array) -> MaskSuspicion:
    """The opinion that raw scores [N, K] make: structure by structure in spreads of the right masks above their
    centre, cut where a mask is more probably wrong than right. What is drawn on neither side is not suspected."""
    judged = [judge(raw[:, k], drawn(evidence)[:, k]) for k in range(raw.shape[1])]
    score, p_wrong = (np.stack(part, 1) for part in zip(*judged, strict=True))
    return MaskSuspicion(score, p_wrong > CUT)


def of_images(raw: Array) -> MaskSuspicion:
    """The same of whole images, by raw scores [N]."""
    score, p_wrong = judge(raw, np.ones(len(raw), bool))
    return MaskSuspicion(score, p_wrong > CUT)


def judge(raw: Array, rows: Array) -> tuple[Array, Array]:
    """[N] scores in spreads of the right ones, and [N] p_wrong; of `rows` [N] alone, the others are not suspected."""
    score, p_wrong = np.full(len(raw), LOWEST), np.zeros(len(raw))
    if rows.any():
        hills = find_hills(raw[rows])
        score[rows] = np.clip((raw[rows] - hills.centre[0]) / hills.spread[0], LOWEST, HIGHEST)
        p_wrong[rows] = hills.p_wrong(raw[rows])[0]
    return score, p_wrong


def drawn(evidence: MaskEvidence) -> Array:
    """[N, K] bool: whether the given or the suggested mask has a pixel."""
    return np.asarray((evidence.given_area > 0) | (evidence.suggested_area > 0))
