"""Final measurement: how good a ranking or a model is, also where an experiment knows the truth. Trains nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.data.manifest import Manifest
from overread.detect.suspicion import Suspicion
from overread.quality import quality

Array = np.ndarray[Any, np.dtype[Any]]


def wrong_labels(manifest: Manifest) -> Array | None:
    """[N] bool: where the given label is not the true one; None where the truth is unknown."""
    return None if manifest.truth is None else manifest.given != manifest.truth


def wrong_share(manifest: Manifest) -> float | None:
    """The share of given labels that are not the true ones; None where the truth is unknown."""
    wrong = wrong_labels(manifest)
    return None if wrong is None else float(wrong.mean())


def repairs(manifest: Manifest, labels: Array) -> dict[str, int]:
    """Of labels [N] that experts may have changed: how many wrong ones are `repaired`, how many right ones `spoiled`,
    and how many are `still_wrong`. Empty where the truth is unknown."""
    if manifest.truth is None:
        return {}
    before, after = manifest.given != manifest.truth, labels != manifest.truth
    return {
        "repaired": int((before & ~after).sum()),
        "spoiled": int((~before & after).sum()),
        "still_wrong": int(after.sum()),
    }


def against_labels(
    manifest: Manifest, probs: Array, classes: tuple[str, ...], resample: bool = True
) -> dict[str, Any]:
    """The quality of probabilities [N, C] by the given labels, and by the true ones where they are known.

    `classes` [C] are the model's, `manifest` may know others: samples of these are left out. Empty where none is
    left. Without `resample` there are no intervals, which take most of the time.
    """
    found = {}
    for name, labels in (("given", manifest.given), ("true", manifest.truth)):
        if labels is None:
            continue
        y = recoded(labels, manifest.classes, classes)
        rows = y >= 0
        if rows.any():
            found[name] = quality(
                y[rows], probs[rows], classes, manifest.group_codes[rows], resample=resample
            )
    return found


def recoded(labels: Array, names: tuple[str, ...], classes: tuple[str, ...]) -> Array:
    """[N] labels, which are indices into `names`, as indices into `classes`; -1 for those not among them.

    >>> recoded(np.array([0, 1, 2, -1]), ("a", "b", "c"), ("b", "c")).tolist()
    [-1, 0, 1, -1]
    """
    place = {name: code for code, name in enumerate(classes)}
    return np.array([*(place.get(name, -1) for name in names), -1], np.int64)[labels]


def detection(suspicion: Suspicion, given: Array, wrong: Array) -> dict[str, float | None]:
    """AUROC and average precision, overall and as means over given classes, and the cut's two rates.

    Given classes in which no label or every label is wrong do not enter the means. None where undefined.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    def both(rows: Array) -> tuple[float, float] | None:
        if wrong[rows].all() or not wrong[rows].any():
            return None
        score = suspicion.score[rows]
        return float(roc_auc_score(wrong[rows], score)), float(average_precision_score(wrong[rows], score))

    whole = both(np.ones(len(given), bool)) or (None, None)
    classes = [pair for label in np.unique(given) if (pair := both(given == label)) is not None]
    within = np.mean(classes, axis=0) if classes else (None, None)
    return {
        "auroc": whole[0],
        "ap": whole[1],
        "auroc_within_class": _number(within[0]),
        "ap_within_class": _number(within[1]),
        "sensitivity": _share(suspicion.wrong[wrong]),
        "specificity": _share(~suspicion.wrong[~wrong]),
        "sensitivity_at_9515": sensitivity_at(suspicion.score, wrong, 0.9515),
    }


def sensitivity_at(score: Array, wrong: Array, specificity: float) -> float | None:
    """The share of wrong labels above the score that `specificity` of the right ones do not exceed."""
    if wrong.all() or not wrong.any():
        return None
    return float((score[wrong] > np.quantile(score[~wrong], specificity)).mean())


def rarity(given: Array) -> Suspicion:
    """The baseline that sees no image: the rarer the given class, the higher the score."""
    share = np.bincount(given)[given] / len(given)
    return Suspicion(-share, given, np.zeros(len(given), bool))


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _share(chosen: Array) -> float | None:
    return float(chosen.mean()) if len(chosen) else None
