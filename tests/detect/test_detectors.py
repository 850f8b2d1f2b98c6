"""Detectors against hand-written loops, independent libraries and small sums."""

from __future__ import annotations

import numpy as np
import pytest

from overread.detect import DETECTORS
from overread.detect.consensus import pooled
from overread.detect.loss_sequence import loss_sequence, sequence_features
from overread.detect.neighbours import neighbours, votes
from overread.detect.own import OWN
from overread.engine.evidence import Evidence
from overread.errors import InputError
from overread.functional.neighbours import nearest
from overread.functional.outliers import loop_scores


def evidence(count=240, classes=3, wrong=24, seed=0):
    """Well separated clusters with some labels wrong, and whatever a run would record of them."""
    rng = np.random.default_rng(seed)
    true = np.arange(count) % classes
    bad = np.zeros(count, bool)
    bad[rng.choice(count, wrong, replace=False)] = True
    given = np.where(bad, (true + rng.integers(1, classes, count)) % classes, true)
    features = rng.normal(size=(count, 8)) + 4 * np.eye(classes, 8)[true]
    logits = 3 * np.eye(classes)[true] + rng.normal(size=(count, classes))
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    start, end = rng.normal(1.6, 0.2, count), np.where(bad, 1.5, 0.2) + rng.normal(0, 0.1, count)
    losses = np.linspace(start, end, 6, axis=1)
    one = Evidence(
        ids=np.arange(count).astype(str).astype(object),
        given=given,
        classes=tuple("abc"[:classes]),
        groups=np.arange(count) // 2,
        losses=losses.astype(np.float32),
        probs=probs.astype(np.float32),
        features=features.astype(np.float32),
        columns={"training_probs": probs.astype(np.float32), "final_probs": probs.astype(np.float32)},
    )
    return one, bad, true


@pytest.mark.parametrize("name", [name for name in DETECTORS if name not in ("plof", *OWN)])
def test_each_detector_ranks_wrong_labels_first(name):
    one, bad, true = evidence()
    found = DETECTORS[name].load()(one)
    assert np.isfinite(found.score).all()
    assert found.score[bad].mean() > found.score[~bad].mean()
    top = np.argsort(-found.score)[: bad.sum()]
    assert bad[top].mean() > 0.8
    assert (found.suggested[bad] == true[bad]).mean() > 0.8
    assert found.wrong[bad].mean() > 0.7
    assert found.wrong[~bad].mean() < 0.1


def test_plof_ranks_wrong_labels_above_most():
    one, bad, _ = evidence()
    score = DETECTORS["plof"].load()(one).score
    assert np.median(score[bad]) > np.quantile(score[~bad], 0.8)


def by_hand(sequence, p):
    """P3's features as the text says them."""
    n = len(sequence)
    drops = [sequence[i] - sequence[i + 1] for i in range(n - 1)]
    q = drops.index(max(drops)) + 1
    f4, f5 = sum(sequence[:q]) / q, sum(sequence[q:]) / (n - q)
    return [sum(sequence) / n, sum(sequence[:p]) / p, q, f4, f5, f4 - f5]


def test_sequence_features_equal_a_hand_written_loop():
    losses = np.random.default_rng(0).gamma(1.0, 1.0, (200, 8))
    losses[0] = 1.0  # all drops tie: the first counts
    expected = [by_hand(list(row), 4) for row in losses]
    np.testing.assert_allclose(sequence_features(losses, 4), expected, atol=1e-5)


def test_a_noisy_majority_flags_nothing():
    one, _, _ = evidence(wrong=200)
    assert not loss_sequence(one).wrong.any()


def test_loop_equals_pynomaly_on_the_same_neighbours():
    loop = pytest.importorskip("PyNomaly").loop
    features = np.random.default_rng(1).normal(size=(150, 4)).astype(np.float64)
    indices, distances = nearest(features, 12)
    oracle = loop.LocalOutlierProbability(
        distance_matrix=distances.astype(np.float64), neighbor_matrix=indices, extent=3, n_neighbors=12
    ).fit()
    expected = np.asarray(oracle.local_outlier_probabilities, np.float64)
    np.testing.assert_allclose(loop_scores(indices, distances), expected, atol=1e-5)


def test_loop_of_equal_points_is_zero():
    indices, distances = nearest(np.ones((10, 3)), 3)
    assert (loop_scores(indices, distances) == 0).all()


def test_nearest_equals_scikit_learn():
    from sklearn.neighbors import NearestNeighbors

    x = np.random.default_rng(2).normal(size=(300, 5))
    distances, indices = NearestNeighbors(n_neighbors=8).fit(x).kneighbors(x)
    ours = nearest(x, 7, chunk=64)
    np.testing.assert_array_equal(ours[0], indices[:, 1:])
    np.testing.assert_allclose(ours[1], distances[:, 1:], atol=1e-3)


def test_one_group_never_votes_for_itself():
    x = np.random.default_rng(3).normal(size=(40, 2))
    groups = np.arange(40) // 4
    indices, _ = nearest(x, 10, groups)
    assert not (groups[indices] == groups[:, None]).any()
    alone, distances = nearest(x, 3, np.zeros(40, int))
    assert (alone == -1).all()
    assert np.isinf(distances).all()


def test_twins_with_another_label_do_not_hide_a_wrong_one():
    """Ten copies of one wrong image in one group: without groups they would vouch for each other."""
    one, _, true = evidence(wrong=0)
    given, groups, features = one.given.copy(), np.arange(240), one.features.copy()
    features[:10], groups[:10], given[:10] = features[0], 0, (true[0] + 1) % 3
    twins = Evidence(one.ids, given, one.classes, groups, features=features)
    assert (neighbours(twins, k=9).score[:10] > 0.9).all()
    np.testing.assert_allclose(votes(twins, 9).sum(1), 1.0)


def test_pool_of_three_numbers_by_hand():
    probs = np.array([[0.7, 0.3]], np.float32)
    training, final = np.array([[0.9, 0.1]], np.float32), np.array([[0.5, 0.5]], np.float32)
    one = Evidence(
        np.array(["x"], object), np.array([0]), ("a", "b"), np.array([0]), probs=probs,
        columns={"training_probs": training, "final_probs": final},
    )  # fmt: skip
    expected = np.log(0.91) + 0.3 * np.log(0.71) + 0.3 * np.log(0.51)
    assert pooled(one)[0, 0] == pytest.approx(expected, abs=1e-5)


def test_a_detector_without_its_evidence_says_what_it_misses():
    one, _, _ = evidence()
    bare = Evidence(one.ids, one.given, one.classes, one.groups)
    with pytest.raises(InputError, match="'mean-loss' needs losses, which this run did not record"):
        DETECTORS["mean-loss"].load()(bare)


def test_evidence_survives_its_file(tmp_path):
    one, _, _ = evidence()
    one.save(tmp_path / "evidence.npz")
    back = Evidence.load(tmp_path / "evidence.npz")
    assert list(back.ids) == list(one.ids)
    assert back.classes == one.classes
    np.testing.assert_array_equal(back.losses, one.losses)
    np.testing.assert_array_equal(back.columns["final_probs"], one.columns["final_probs"])
    np.testing.assert_allclose(back.features, one.features, atol=0.01)
