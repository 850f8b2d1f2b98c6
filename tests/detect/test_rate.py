"""The noise rate and p_wrong against draws whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from overread.detect.rate import NoiseRate, made_up, noise_rate, probability_wrong
from overread.quality import expected_calibration_error

CLASSES, COUNT = 5, 6000


def draw(rate, seed=0, sharp=1.0):
    """Labels with symmetric noise, and log-probabilities of a classifier that knows how unsure it is."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(COUNT, CLASSES)) * rng.gamma(4.0, sharp, (COUNT, 1))
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    true = (probs.cumsum(1) > rng.random((COUNT, 1))).argmax(1)
    flip = rng.random(COUNT) < rate
    given = np.where(flip, (true + rng.integers(1, CLASSES, COUNT)) % CLASSES, true)
    return np.log((1 - rate) * probs + rate / CLASSES + 0.01), given, flip


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.4])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_interval_covers_the_truth(rate, seed):
    log_probs, given, flip = draw(rate, seed)
    found = noise_rate(log_probs, given, np.arange(COUNT), seed)
    assert found.low <= flip.mean() <= found.high
    assert found.estimate == pytest.approx(flip.mean(), abs=0.04)


def test_clean_labels_are_not_cried_wolf_over():
    log_probs, given, _ = draw(0.0)
    found = noise_rate(log_probs, given, np.arange(COUNT), 0)
    assert found.estimate < 0.02
    assert (probability_wrong(log_probs, given, found, 0) > 0.5).mean() < 0.01


@pytest.mark.parametrize("rate", [0.06, 0.2])
def test_p_wrong_is_calibrated_and_rises_with_the_score(rate):
    log_probs, given, flip = draw(rate)
    found = noise_rate(log_probs, given, np.arange(COUNT), 0)
    p = probability_wrong(log_probs, given, found, 0)
    assert expected_calibration_error(p, flip) <= 0.05
    assert p[flip].mean() > 3 * p[~flip].mean()
    score = -log_probs[np.arange(COUNT), given]
    assert (np.diff(p[np.argsort(score, kind="stable")]) >= -1e-12).all()


def test_two_classes_are_calibrated_too():
    """With two classes the made-up label of a wrong one is the true one: uncorrected, p_wrong is far too low."""
    rng = np.random.default_rng(0)
    p_true = rng.beta(0.15, 0.15, 6000).clip(0.001, 0.999)
    true = (rng.random(6000) < p_true).astype(int)
    flip = rng.random(6000) < 0.3
    log_probs = np.log(np.stack([1 - p_true, p_true], 1))
    p = probability_wrong(log_probs, np.where(flip, 1 - true, true), NoiseRate(0.3, 0.3, 0.3, (0.3, 0.3)), 0)
    assert expected_calibration_error(p, flip) <= 0.06


def test_rate_zero_means_nothing_is_wrong():
    log_probs, given, _ = draw(0.1)
    assert (probability_wrong(log_probs, given, NoiseRate(0.0, 0.0, 0.0, (0.1,) * CLASSES), 0) == 0).all()


def test_made_up_labels_always_differ_and_fall_as_often_as_they_are_wrong():
    labels = np.zeros(4000, int)
    drawn = made_up(labels, np.array([0.3, 0.1, 0.3, 0.0, 0.0]), np.random.default_rng(0))
    np.testing.assert_allclose(
        np.bincount(drawn.ravel(), minlength=CLASSES) / drawn.size, [0, 0.25, 0.75, 0, 0], atol=0.02
    )


def test_errors_between_two_classes_alone_are_counted_too():
    """Class 0 is called 1 in a quarter of the cases and nothing else is wrong."""
    log_probs, clean, _ = draw(0.0)
    flip = (clean == 0) & (np.random.default_rng(1).random(COUNT) < 0.25)
    given = np.where(flip, 1, clean)
    found = noise_rate(log_probs, given, np.arange(COUNT), 0)
    assert found.by_label[1] == max(found.by_label)
    assert found.low <= flip.mean() <= found.high
    p = probability_wrong(log_probs, given, found, 0)
    assert p[flip].mean() > 5 * p[~flip].mean()


def test_two_classes_work():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 2, 2000)
    p = np.where(true == 1, 0.95, 0.05) + rng.normal(0, 0.02, 2000)
    probs = np.stack([1 - p, p], 1).clip(0.01, 0.99)
    flip = rng.random(2000) < 0.1
    found = noise_rate(np.log(probs), np.where(flip, 1 - true, true), np.arange(2000), 0)
    assert found.estimate == pytest.approx(0.1, abs=0.03)
