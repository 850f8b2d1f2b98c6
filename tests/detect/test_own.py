"""What a method's own columns say: each as a detector, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from overread.detect import DETECTORS
from overread.detect.own import OWN, kept, trust, vog, weight
from overread.engine.evidence import Evidence
from overread.errors import InputError


def evidence(**columns):
    return Evidence(
        ids=np.array(list("abcd"), object),
        given=np.array([0, 0, 1, 1]),
        classes=("x", "y"),
        groups=np.arange(4),
        losses=np.array([[1.0], [2.0], [3.0], [4.0]]),
        probs=np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.8, 0.2]]),
        columns={name: np.array(values) for name, values in columns.items()},
    )


def test_kept_counts_the_epochs_that_left_any_out():
    found = kept(evidence(kept=[[1, 1, 1], [1, 1, 0], [1, 0, 1], [1, 0, 0]]))
    assert found.score.argsort().tolist() == [0, 1, 2, 3]  # b and c are level: c has the larger loss
    assert found.wrong.tolist() == [False, False, False, True]
    np.testing.assert_allclose(found.score, [0, 0.5 + 0.25 / 6, 0.5 + 0.5 / 6, 1 + 0.75 / 6])
    assert found.suggested.tolist() == [1, 1, 0, 0]


def test_kept_where_nothing_was_ever_left_out_ranks_by_loss_and_flags_nothing():
    found = kept(evidence(kept=np.ones((4, 2))))
    assert found.score.argsort().tolist() == [0, 1, 2, 3]
    assert not found.wrong.any()


def test_trust_weight_and_vog():
    found = trust(evidence(trust=[[0.1, 0.9, 0.9], [0.1, 0.8, 1.0], [0.9, 0.1, np.nan], [0.9, 0.2, 0.0]]))
    np.testing.assert_allclose(found.score, [0.1, 0.1, 0.9, 0.9])
    assert found.wrong.tolist() == [False, False, True, True]
    assert weight(evidence(weight=[[0.9], [0.4], [1.0], [1.0]])).wrong.tolist() == [False, True, False, False]
    assert vog(evidence(vog=[[0.1], [0.2], [0.1], [5.0]])).wrong.tolist() == [False, False, False, True]


def test_a_method_that_leaves_no_such_column_is_said():
    for name in OWN:
        with pytest.raises(InputError, match=f"{name!r} needs a method that leaves"):
            DETECTORS[name].load()(evidence())


def test_samples_that_no_epoch_drew_are_judged_like_the_mean():
    found = trust(evidence(trust=[[np.nan], [0.2], [0.4], [0.6]]))
    assert found.score[0] == pytest.approx(0.6)
