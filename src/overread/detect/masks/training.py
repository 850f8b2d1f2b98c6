"""Detectors that judge whole images by how they were learned: the losses of each epoch, and the method's columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.detect import loss_sequence as sequences
from overread.detect import own
from overread.detect.masks.evidence import MaskEvidence
from overread.detect.masks.suspicion import MaskSuspicion, of_images
from overread.engine.evidence import Evidence
from overread.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]
OWN = (
    "quality",
    "weight",
    "kept",
    "disagreement",
)  # names of the columns, and of the detectors that read them
HALF = 0.5


def mean_loss(evidence: MaskEvidence) -> MaskSuspicion:
    r"""$\log \frac1E \sum_e \ell_{i,e}$, of the losses seen in training (P3's F1, on masks)."""
    return of_images(np.log(np.maximum(losses_of(evidence).mean(1, dtype=np.float64), 1e-12)))


def loss_sequence(evidence: MaskEvidence) -> MaskSuspicion:
    """P3 on masks: two clusters of six features of an image's losses over the epochs (`detect/loss_sequence.py`)."""
    found = sequences.loss_sequence(as_labels(evidence))
    return MaskSuspicion(found.score, found.wrong)


def quality(evidence: MaskEvidence) -> MaskSuspicion:
    """Minus the last score that QAM's judge gave the image and its masks (P5)."""
    return of_images(-column_of(evidence, "quality")[:, -1].astype(np.float64))


def weight(evidence: MaskEvidence) -> MaskSuspicion:
    """1 less the mean weight that QAM gave the image in the second half of the epochs. Cut: less than half."""
    weights = column_of(evidence, "weight")
    score = 1.0 - own.mean_over_epochs(weights[:, weights.shape[1] // 2 :].astype(np.float64))
    return MaskSuspicion(score, score > HALF)


def kept(evidence: MaskEvidence) -> MaskSuspicion:
    """How often a method of small loss left the image out (`detect/own.py`)."""
    column_of(evidence, "kept")
    found = own.kept(as_labels(evidence))
    return MaskSuspicion(found.score, found.wrong)


def disagreement(evidence: MaskEvidence) -> MaskSuspicion:
    """The logarithm of the standard deviation of the three networks' losses of an image (P2)."""
    spread = column_of(evidence, "disagreement")[:, -1].astype(np.float64)
    return of_images(np.log(np.maximum(spread, 1e-9)))


def column_of(evidence: MaskEvidence, name: str) -> Array:
    """[N, E] a column of the method's; what no epoch saw has the mean of the others."""
    if name not in evidence.columns:
        raise InputError(f"The detector {name!r} needs a method that leaves {name!r}; this run's did not.")
    column = evidence.columns[name].reshape(len(evidence), -1)
    return np.where(np.isnan(column), np.nan_to_num(np.nanmean(column)), column)


def losses_of(evidence: MaskEvidence) -> Array:
    """[N, E] the losses; those of an image that was not learned from are the epoch's mean."""
    if evidence.losses is None:
        raise InputError("This detector needs the losses of the epochs, which this run did not record.")
    losses = evidence.losses
    return np.where(np.isnan(losses), np.nan_to_num(np.nanmean(losses, axis=0)), losses)


def as_labels(evidence: MaskEvidence) -> Evidence:
    """The images as samples of one class, for what reads losses and columns alone."""
    nothing = np.zeros(len(evidence), np.int64)
    losses = losses_of(evidence)
    return Evidence(evidence.ids, nothing, ("image",), evidence.groups, losses, columns=evidence.columns)
