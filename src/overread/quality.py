"""How good probabilities are, measured against labels: the numbers of metrics.json, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
RESAMPLES, LEVEL = 1000, 0.95
LEAST = 1e-7  # probabilities are not taken for smaller ones: the logarithm of 0 is infinite
DIGITS = 6


def quality(
    y: Array, probs: Array, classes: Sequence[str], groups: Array, seed: int = 0, resample: bool = True
) -> dict[str, Any]:
    """All figures for labels y [N] and probabilities [N, C]; `groups` [N] are resampled whole for the intervals,
    which are left out without `resample`.

    Figures that need a class that does not occur are None. AUROC is the mean over the classes that occur, one
    against the rest; `ece` is of the confidence.
    """
    predicted, table = probs.argmax(1), confusion(y, probs.argmax(1), len(classes))
    aurocs = [one_against_rest(y == code, probs[:, code]) for code in range(len(classes))]
    known = [value for value in aurocs if value is not None]
    rates = by_class(table[None])
    rows = zip(
        classes,
        table.sum(1),
        *(rates[name][0] for name in ("recall", "precision", "f1")),
        aurocs,
        strict=True,
    )
    return {
        "samples": len(y),
        **{name: rounded(values[0]) for name, values in of_confusion(table[None]).items()},
        "auroc": rounded(np.mean(known)) if known else None,
        "log_loss": rounded(-np.log(np.clip(probs[np.arange(len(y)), y], LEAST, None)).mean()),
        "ece": rounded(expected_calibration_error(probs.max(1), predicted == y)),
        "per_class": {
            name: {
                "support": int(support),
                "recall": rounded(recall),
                "precision": rounded(precision),
                "f1": rounded(f1),
                "auroc": rounded(auroc),
            }
            for name, support, recall, precision, f1, auroc in rows
        },
        "confusion": table.tolist(),
        **({"intervals": intervals(y, predicted, len(classes), groups, seed)} if resample else {}),
    }


def confusion(y: Array, predicted: Array, classes: int) -> Array:
    """[C, C] how many samples of each label (row) are predicted as each class (column)."""
    return np.bincount(y * classes + predicted, minlength=classes**2).reshape(classes, classes)


def by_class(tables: Array) -> dict[str, Array]:
    """Recall, precision and F1 of each class, [R, C], from R confusion matrices [R, C, C]; NaN where undefined.

    Recall is undefined for a class without labels, precision for one that is not predicted, F1 where both are.
    """
    right = np.diagonal(tables, axis1=1, axis2=2).astype(float)  # [R, C]
    labels, predicted = tables.sum(2), tables.sum(1)  # [R, C]
    with np.errstate(invalid="ignore"):
        return {
            "recall": right / labels,
            "precision": right / predicted,
            "f1": 2.0 * right / (labels + predicted),
        }


def of_confusion(tables: Array) -> dict[str, Array]:
    """[R] of each figure, from R confusion matrices [R, C, C].

    Accuracy; balanced accuracy, the mean recall over classes with labels; macro-F1, the mean over classes that
    are labelled or predicted. As scikit-learn has them.

    >>> {name: value.round(3).tolist() for name, value in of_confusion(np.array([[[3, 1], [0, 4]]])).items()}
    {'accuracy': [0.875], 'balanced_accuracy': [0.875], 'macro_f1': [0.873]}
    """
    rates = by_class(tables)
    right = np.trace(tables, axis1=1, axis2=2)
    return {
        "accuracy": right / tables.sum((1, 2)),
        "balanced_accuracy": np.nanmean(rates["recall"], axis=1),
        "macro_f1": np.nanmean(rates["f1"], axis=1),
    }


def corrected(table: Array, transition: Array) -> dict[str, float | None]:
    r"""What the figures would be by the true labels, estimated from wrong ones.

    With M [C, C] the counts of given label (row) and prediction (column), and T_ij = P(given j | true i),
    $M = T^\top K$ where K are the counts of true label and prediction: so far as wrong labels do not depend on the
    image. K is solved for, and what comes out below 0 is 0. Rare classes have wide errors.

    Args:
        table: [C, C] M.
        transition: [C, C] T; rows sum to 1.

    Source: the counting behind the backward correction of Patrini et al., CVPR 2017.

    >>> flipped = np.array([[0.8, 0.2], [0.2, 0.8]])
    >>> corrected(flipped.T @ np.array([[90.0, 10.0], [0.0, 100.0]]), flipped)["accuracy"]
    0.95
    """
    clean = np.clip(np.linalg.lstsq(transition.T, table.astype(float), rcond=None)[0], 0.0, None)
    return {name: rounded(value[0]) for name, value in of_confusion(clean[None]).items()}


def intervals(y: Array, predicted: Array, classes: int, groups: Array, seed: int) -> dict[str, Any]:
    """95 % intervals by bootstrap over groups: [low, high] of each figure, None where there is but one group."""
    if len(np.unique(groups)) < 2:
        return dict.fromkeys(("accuracy", "balanced_accuracy", "macro_f1"))
    tail = 100 * (1 - LEVEL) / 2
    return {
        name: [rounded(end) for end in np.percentile(values, [tail, 100 - tail])]
        for name, values in of_confusion(resampled_tables(y, predicted, classes, groups, seed)).items()
    }


def resampled_tables(y: Array, predicted: Array, classes: int, groups: Array, seed: int) -> Array:
    """[R, C, C] the confusion matrices of the resamples; the same resamples for the same groups and seed.

    A resample draws as many groups as there are, with replacement. It is a row of weights W [R, G]; with K_g the
    confusion matrix of group g alone, its confusion matrix is sum over g of W_rg K_g.
    """
    from scipy.sparse import coo_array

    names, rows = np.unique(groups, return_inverse=True)
    cells = y * classes + predicted
    ones = np.ones(len(y))
    per_group = coo_array((ones, (cells, rows)), shape=(classes**2, len(names))).tocsr()  # [C * C, G]
    weights = resampled(len(names), np.random.default_rng(seed))  # [G, R]
    return np.asarray((per_group @ weights).T.reshape(-1, classes, classes))


def resampled(count: int, rng: np.random.Generator) -> Array:
    """[G, R] how often each of G groups is drawn in each resample."""
    weights = np.empty((count, RESAMPLES), np.float32)
    for resample in range(RESAMPLES):
        weights[:, resample] = np.bincount(rng.integers(0, count, count), minlength=count)
    return weights


def one_against_rest(positive: Array, score: Array) -> float | None:
    """AUROC; None where all or no samples are positive."""
    from sklearn.metrics import roc_auc_score

    return None if positive.all() or not positive.any() else float(roc_auc_score(positive, score))


def expected_calibration_error(p: Array, happened: Array, bins: int = 15) -> float:
    r"""$\sum_b \frac{n_b}{N} |\bar p_b - \bar h_b|$ over equal-width bins of p: how far forecasts p [N] are off.

    >>> expected_calibration_error(np.array([0.0, 1.0, 1.0]), np.array([False, True, False])).__round__(4)
    0.3333
    """
    which = np.minimum((p * bins).astype(int), bins - 1)
    count = np.bincount(which, minlength=bins)
    gap = np.abs(np.bincount(which, p, bins) - np.bincount(which, happened.astype(float), bins))
    return float(gap[count > 0].sum() / len(p))


def rounded(value: Any) -> float | None:
    """A number for JSON, None where it is undefined."""
    return None if value is None or not np.isfinite(value) else round(float(value), DIGITS)
