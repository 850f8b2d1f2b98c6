"""Detectors that compare a given mask with what networks say that saw neither it nor its group."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.detect.masks.evidence import MaskEvidence
from overread.detect.masks.suspicion import MaskSuspicion, of_structures

Array = np.ndarray[Any, np.dtype[Any]]
FAR = 0.125  # of the image's side: contours that lie further apart than this are as wrong as can be
NEAR, EVEN = 0.3, 1.0  # pixels
CLOSE = 0.005  # of a Dice


def agreement(evidence: MaskEvidence) -> MaskSuspicion:
    r"""$\log(1 - \mathrm{Dice}(\text{given}, \text{suggested}) + 0.005)$."""
    return of_structures(evidence, disagreement_of(evidence))


def contour(evidence: MaskEvidence) -> MaskSuspicion:
    r"""$\log \frac{d + 0.3}{1 + b}$: the mean distance d between the contours, against the width b of the band in
    which the network is unsure (both in pixels). A hard image has a wide band; its contours may lie further apart."""
    return of_structures(evidence, contour_of(evidence))


def reach(evidence: MaskEvidence) -> MaskSuspicion:
    r"""$\log \frac{|s| + 1}{1 + b}$: how far the given contour lies outside (s > 0) the suggested one in the mean,
    or inside. Scatter to both sides cancels out; what is drawn too large or too small all around does not."""
    return of_structures(evidence, reach_of(evidence))


def surprise(evidence: MaskEvidence) -> MaskSuspicion:
    r"""$\log \frac{H(\text{given}, p)}{H(p)}$: the cross-entropy of the given mask, against the entropy of the
    network's own probabilities, which is what it would be if they held."""
    return of_structures(evidence, surprise_of(evidence))


def pixel_quality(evidence: MaskEvidence) -> MaskSuspicion:
    """cleanlab's segmentation score (`compare.pixel_quality`) as log-odds of being bad."""
    quality = np.clip(evidence.pixel_quality.astype(np.float64), 1e-4, 1.0 - 1e-4)
    return of_structures(evidence, np.log((1.0 - quality) / quality))


def disagreement_of(evidence: MaskEvidence) -> Array:
    """[N, K] raw score of `agreement`."""
    return np.log(1.0 - evidence.agreement.astype(np.float64) + CLOSE)


def contour_of(evidence: MaskEvidence) -> Array:
    """[N, K] raw score of `contour`."""
    distance = np.minimum(evidence.distance.astype(np.float64), FAR * evidence.size)
    return np.log((distance + NEAR) / (1.0 + evidence.band))


def reach_of(evidence: MaskEvidence) -> Array:
    """[N, K] raw score of `reach`."""
    far = np.minimum(np.abs(evidence.signed.astype(np.float64)), FAR * evidence.size)
    return np.log((far + EVEN) / (1.0 + evidence.band))


def surprise_of(evidence: MaskEvidence) -> Array:
    """[N, K] raw score of `surprise`."""
    return np.log(evidence.cross_entropy.astype(np.float64) / evidence.entropy)
