"""Final measurement: three-number examples and independent references."""

from __future__ import annotations

import numpy as np
import pytest

from overread.detect.suspicion import Suspicion
from overread.measure import detection, rarity, sensitivity_at
from overread.quality import expected_calibration_error


def test_detection_within_classes_is_the_mean_over_given_classes():
    given = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    wrong = np.array([True, False, False, False, True, False, False, False])  # class 2 has none: left out
    score = np.array([0.9, 0.1, 0.2, 0.8, 0.5, 0.1, 0.0, 0.0])
    found = detection(Suspicion(score, given, score > 0.4), given, wrong)
    assert found["auroc_within_class"] == pytest.approx((1.0 + 0.5) / 2)
    assert found["auroc"] == pytest.approx(11 / 12)
    assert found["sensitivity"] == 1.0
    assert found["specificity"] == pytest.approx(5 / 6)


def test_nothing_wrong_is_none_and_not_nan():
    given = np.array([0, 1, 1])
    found = detection(Suspicion(np.ones(3), given, np.zeros(3, bool)), given, np.zeros(3, bool))
    assert found["auroc"] is None
    assert found["sensitivity"] is None
    assert found["specificity"] == 1.0


def test_rarity_sees_only_how_rare_the_given_class_is():
    given = np.array([0, 0, 0, 1])
    assert rarity(given).score.argmax() == 3


def test_sensitivity_at_a_specificity():
    wrong = np.r_[np.zeros(100, bool), np.ones(4, bool)]
    score = np.r_[np.arange(100.0), 50.0, 94.0, 96.0, 99.0]
    assert sensitivity_at(score, wrong, 0.95) == 0.5


def test_calibration_error_of_a_right_and_a_boastful_forecast():
    wrong = np.arange(1000) % 4 == 0
    assert expected_calibration_error(np.full(1000, 0.25), wrong) == pytest.approx(0.0)
    assert expected_calibration_error(np.full(1000, 0.95), wrong) == pytest.approx(0.7)
