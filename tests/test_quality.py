"""The figures of metrics.json: scikit-learn as the reference, small examples by hand, intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from overread.data.manifest import Manifest
from overread.data.samples import strings
from overread.measure import against_labels
from overread.quality import confusion, corrected, of_confusion, quality

CLASSES = ("a", "b", "c", "d")


def example(n=300, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    z = rng.normal(size=(n, classes)) + 1.5 * np.eye(classes)[y]
    probs = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    return y, probs, rng.integers(0, n // 3, n)


def test_every_figure_is_scikit_learns():
    y, probs, groups = example()
    predicted, found = probs.argmax(1), quality(y, probs, CLASSES, groups)
    expected = {
        "samples": 300,
        "accuracy": metrics.accuracy_score(y, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, predicted),
        "macro_f1": metrics.f1_score(y, predicted, average="macro"),
        "auroc": metrics.roc_auc_score(y, probs, multi_class="ovr"),
        "log_loss": metrics.log_loss(y, probs),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-6), name
    assert found["confusion"] == metrics.confusion_matrix(y, predicted).tolist()
    precision, recall, f1, support = metrics.precision_recall_fscore_support(y, predicted)
    for code, name in enumerate(CLASSES):
        row = {"support": support[code], "recall": recall[code], "precision": precision[code], "f1": f1[code]}
        row["auroc"] = metrics.roc_auc_score(y == code, probs[:, code])
        assert found["per_class"][name] == pytest.approx(row, abs=1e-6)


def test_two_classes_have_one_auroc():
    y, probs, groups = example(classes=2)
    found = quality(y, probs, CLASSES[:2], groups)
    assert found["auroc"] == pytest.approx(metrics.roc_auc_score(y, probs[:, 1]), abs=1e-6)


def test_a_class_that_does_not_occur_is_undefined_and_changes_no_mean():
    y, probs = np.array([0, 0, 1]), np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.7, 0.1]])
    found = quality(y, probs, ("a", "b", "c"), np.arange(3))
    assert found["per_class"]["c"] == {
        "support": 0,
        "recall": None,
        "precision": None,
        "f1": None,
        "auroc": None,
    }
    assert found["balanced_accuracy"] == 0.75
    assert found["macro_f1"] == pytest.approx((2 / 3 + 2 / 3) / 2, abs=1e-6)
    assert found["auroc"] == pytest.approx(1.0)
    assert found["ece"] == pytest.approx((0.2 + 0.6 + 0.3) / 3, abs=1e-6)  # one bin each: right, wrong, right
    assert quality(y[:2], probs[:2], ("a", "b", "c"), np.arange(2))["auroc"] is None


def test_a_certain_error_is_no_infinity():
    found = quality(np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]]), ("a", "b"), np.arange(2))
    assert found["log_loss"] == pytest.approx(-np.log(1e-7) / 2, abs=1e-4)


def test_intervals_are_those_of_resampling_row_by_row():
    y, probs, groups = example(120)
    found = quality(y, probs, CLASSES, groups)["intervals"]
    rng, names = np.random.default_rng(7), np.unique(groups)
    rows = [np.flatnonzero(groups == name) for name in names]
    drawn = [np.concatenate([rows[g] for g in rng.integers(0, len(rows), len(rows))]) for _ in range(1000)]
    slow = [of_confusion(metrics.confusion_matrix(y[at], probs.argmax(1)[at])[None]) for at in drawn]
    for name, ends in found.items():
        values = [one[name][0] for one in slow]
        assert ends == pytest.approx(np.percentile(values, [2.5, 97.5]), abs=0.015), name


def test_images_of_one_patient_are_drawn_together():
    y = np.repeat([0, 1], 100)
    probs = np.eye(2)[np.where(np.arange(200) % 100 < 50, y, 1 - y)]  # right for half of the patients
    patients = np.arange(200) // 50
    wide, narrow = (
        quality(y, probs, ("a", "b"), groups)["intervals"]["accuracy"]
        for groups in (patients, np.arange(200))
    )
    assert narrow == pytest.approx([0.43, 0.57], abs=0.02)
    assert wide == [0.0, 1.0]
    assert quality(y, probs, ("a", "b"), np.zeros(200))["intervals"]["accuracy"] is None


def manifest(given, truth=None, classes=("a", "b")):
    names = strings(map(str, range(len(given))))
    return Manifest(names, names, np.array(given), classes, names, names, None, truth=truth)


def test_measured_by_given_and_by_true_labels():
    probs = np.eye(2)[[0, 1, 1]]
    found = against_labels(manifest([0, 0, 1], truth=np.array([0, 1, 1])), probs, ("a", "b"))
    assert found["given"]["accuracy"] == pytest.approx(2 / 3, abs=1e-6)
    assert found["true"]["accuracy"] == 1.0
    assert list(against_labels(manifest([0, 0, 1]), probs, ("a", "b"))) == ["given"]


def test_labels_that_the_model_does_not_know_are_left_out():
    probs = np.eye(2)[[1, 1, 1, 0]]
    found = against_labels(manifest([2, 0, -1, 1], classes=("b", "x", "a")), probs, ("a", "b"))["given"]
    assert (found["samples"], found["accuracy"]) == (2, 0.5)
    assert found["confusion"] == [[0, 1], [0, 1]]
    assert against_labels(manifest([1, 1], classes=("b", "x")), np.eye(2), ("a", "b")) == {}


def test_figures_by_wrong_labels_are_corrected_to_those_by_true_ones():
    rng = np.random.default_rng(0)
    y, probs, _ = example(60_000)
    transition = np.array(
        [[0.6, 0.2, 0.1, 0.1], [0.0, 0.7, 0.3, 0.0], [0.1, 0.1, 0.8, 0.0], [0.2, 0.1, 0.1, 0.6]]
    )
    given = (rng.random((len(y), 1)) > transition.cumsum(1)[y]).sum(1)
    clean, noisy = (confusion(labels, probs.argmax(1), 4) for labels in (y, given))
    truth = {name: values[0] for name, values in of_confusion(clean[None]).items()}
    by_given = {name: values[0] for name, values in of_confusion(noisy[None]).items()}
    found = corrected(noisy, transition)
    for name, value in truth.items():
        assert found[name] == pytest.approx(value, abs=0.01)
        assert by_given[name] < value - 0.1
    assert corrected(clean, np.eye(4))["accuracy"] == pytest.approx(truth["accuracy"], abs=1e-6)
