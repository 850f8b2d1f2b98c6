"""Noise that falls on hard images: P1's loss-ranked flips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from overread.data.manifest import Ints
from overread.errors import InputError
from overread.noise.labels import Images, Labels, Rows, check_classes, check_share

Flags = np.ndarray[Any, np.dtype[np.bool_]]
Probs = np.ndarray[Any, np.dtype[np.float64]]
Scorer = Callable[[Images, Labels, Flags], Probs]
FLOOR = 1e-12  # a probability is never taken for less: a loss is at most 27.6


def frozen_probe(images: Images, labels: Labels, fit: Flags) -> Probs:
    """[N, C] probabilities of a logistic regression on frozen features, fitted on `fit` alone."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from overread.engine.features import frozen_features

    features = frozen_features(images)  # [N, D]
    # strong shrinkage: with D near the size of the fitted part a weak one separates everything
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    model.fit(features[fit], labels.codes[fit])
    probs = np.zeros((len(labels), len(labels.classes)))
    probs[:, model.classes_] = model.predict_proba(features)
    return probs


@dataclass(frozen=True)
class LossRanked:
    """A classifier is fitted on part of the data and scores the rest; of each class the labels with the
    highest loss flip to the other class that the classifier finds most probable:

        l_i = -log p(true_i | x_i),      i in the scored part
        flipped in class c: the round(rate * N_c) largest l_i with true_i = c
        given_i = argmax_{j != c} p(j | x_i).

    The rate counts from the whole class, N_c, and flips fall only in the scored part, which never shares a
    group with the fitted part. Source: P1 (Xue et al. 2019), which fits on 1,000 of 3,582 images and has
    two classes; the most probable other class is our reading for more. The scorer is ours as well: a
    logistic regression on frozen features instead of a fine-tuned ResNet-101.
    Raises `InputError` where the scored part of a class is smaller than its flips.
    """

    rate: float  # share of each class that flips, 0 to 1
    scored: float = 0.72  # share of the samples that are scored and not fitted on; P1: 2,582 of 3,582
    scorer: Scorer = frozen_probe
    image_size: ClassVar[int] = 128  # pixels a side that the scorer wants to see

    def __post_init__(self) -> None:
        check_share("rate", self.rate)
        if not 0.0 < self.scored < 1.0:
            raise InputError(f"scored is a share above 0 and below 1, got {self.scored}.")

    def draw(self, labels: Labels, rng: np.random.Generator, images: Images | None = None) -> Ints:
        """[N] int64"""
        check_classes(labels)
        if images is None:
            raise InputError("Loss-ranked noise looks at the images: draw(labels, rng, images) needs them.")
        scored = self._part(labels, rng)
        self._check(labels, scored)
        probs = self.scorer(images, labels, ~scored)
        given = labels.codes.copy()
        rows = self._hardest(labels, scored, probs)
        others = probs[rows].copy()  # [M, C]
        others[np.arange(len(rows)), labels.codes[rows]] = -np.inf
        given[rows] = others.argmax(1)
        return given

    def _part(self, labels: Labels, rng: np.random.Generator) -> Flags:
        from overread.data.splits import holdout

        seed = int(rng.integers(2**31))
        return np.asarray(holdout(labels.codes, labels.groups, self.scored, seed), dtype=np.bool_)

    def _flips(self, labels: Labels) -> list[int]:
        return [round(self.rate * int(count)) for count in labels.counts]

    def _check(self, labels: Labels, scored: Flags) -> None:
        available = np.bincount(labels.codes[scored], minlength=len(labels.classes))
        problems = [
            f"{name!r} flips {flips} but {have} are scored"
            for name, flips, have in zip(labels.classes, self._flips(labels), available, strict=True)
            if flips > have
        ]
        if problems:
            raise InputError(
                f"Loss-ranked noise at rate {self.rate} has too few scored labels: {'; '.join(problems)}. "
                f"Lower --rate, or raise --set scored (now {self.scored})."
            )

    def _hardest(self, labels: Labels, scored: Flags, probs: Probs) -> Rows:
        losses = -np.log(np.maximum(probs[np.arange(len(labels)), labels.codes], FLOOR))
        picked: list[Rows] = []
        for code, flips in enumerate(self._flips(labels)):
            rows = np.flatnonzero(scored & (labels.codes == code))
            picked.append(rows[np.argsort(-losses[rows], kind="stable")[:flips]])
        return np.concatenate(picked).astype(np.int64)
