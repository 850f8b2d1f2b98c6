"""Consensus of readers: majority that invents nothing, and CROWDLAB with its guards."""

from __future__ import annotations

import numpy as np
import pytest
from cleanlab.multiannotator import get_label_quality_multiannotator

from overread.errors import InputError
from overread.readers.answers import answers_of
from overread.readers.consensus import crowdlab, leading, majority

ABC = ("a", "b", "c")


def crowd(seed=0, items=300, errors=(0.05, 0.2, 0.6), missing=0.3):
    """True labels, readers of known error, and a model that is right three times in four."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 3, items)
    wrong = rng.random((items, len(errors))) < errors
    said = np.where(wrong, (true[:, None] + rng.integers(1, 3, wrong.shape)) % 3, true[:, None])
    said[rng.random(said.shape) < missing] = -1
    shown = np.where(rng.random(items) < 0.25, (true + 1) % 3, true)
    return (
        true,
        answers_of(said, ABC, readers=("good", "fair", "poor")[: len(errors)]),
        0.7 * np.eye(3)[shown] + 0.1,
    )


def test_of_classes_that_lead_together_better_readers_win_then_the_commoner_class_then_the_first():
    codes = [[1, 1, 0], [1, 1, 0], [0, 0, 0]]  # the third reader is with the majority once in three
    lead = leading(answers_of(np.array([*codes, [2, -1, 0], [0, -1, 2], [1, 0, -1]]), ABC))
    assert lead[3:].tolist() == [2, 0, 0]  # the better reader twice; equal ones: a was said 7 times, b 5
    assert leading(answers_of(np.array([[2, 1], [1, 2], [0, 0]]), ABC)).tolist() == [1, 1, 0]
    assert leading(answers_of(np.array([[2, 1, 1, 0], [-1] * 4]), ABC)).tolist() == [1, -1]


@pytest.mark.parametrize("seed", range(3))
def test_what_has_a_majority_leads(seed):
    answers = crowd(seed)[1]
    common = majority(answers).label
    assert (leading(answers)[common >= 0] == common[common >= 0]).all()


def test_majority_invents_nothing():
    codes = np.array([[0, 0, 1, -1], [0, 1, -1, -1], [0, 1, 2, 2], [2, -1, -1, -1], [-1, -1, -1, -1]])
    found = majority(answers_of(codes, ABC))
    assert found.label.tolist() == [0, -1, -1, 2, -1]
    assert found.tied.tolist() == [False, True, False, False, False]
    assert found.disputed.tolist() == [False, True, True, False, False]
    assert found.share.tolist() == [pytest.approx(2 / 3), 0.5, 0.5, 1.0, 0.0]
    assert found.words == "2 of 4 items that were read have no majority (1 tied)."


def test_majority_without_dispute_has_no_words():
    assert majority(answers_of(np.zeros((3, 2), int), ABC)).words == ""


def test_crowdlab_is_cleanlabs():
    _, answers, probs = crowd()
    read = answers.often > 0
    said = np.where(answers.codes >= 0, answers.codes, np.nan)[read]
    noise = np.random.default_rng(1).dirichlet(np.full(3, 50.0), len(probs)) * 1e-3
    probs = probs * (1 - 1e-3) + noise  # no ties, of which cleanlab draws lots
    reference = get_label_quality_multiannotator(said, probs[read], verbose=False)
    found = crowdlab(answers, probs)
    np.testing.assert_array_equal(found.label[read], reference["label_quality"]["consensus_label"])
    np.testing.assert_allclose(
        found.confidence[read], reference["label_quality"]["consensus_quality_score"], atol=1e-4
    )
    by_reader = reference["annotator_stats"].sort_index()["annotator_quality"]
    np.testing.assert_allclose([found.quality[name] for name in answers.readers], by_reader, atol=1e-3)


def test_crowdlab_ranks_readers_and_beats_the_majority():
    true, answers, probs = crowd()
    found = crowdlab(answers, probs)
    assert found.quality["good"] > found.quality["fair"] > found.quality["poor"]
    assert (found.label == true).mean() > (majority(answers).label == true).mean()
    right = found.label == true
    assert found.confidence[right].mean() > found.confidence[~right].mean()


def test_equal_answers_give_equal_labels():
    """cleanlab draws lots where nothing decides; ours must not."""
    codes = np.array([[0, 1], [1, 0], [2, 2], [0, 1]])
    probs = np.full((4, 3), 1 / 3)
    labels = {tuple(crowdlab(answers_of(codes, ABC), probs).label) for _ in range(8)}
    assert len(labels) == 1


def test_items_that_nobody_read_have_no_label():
    _, answers, probs = crowd()
    codes = answers.codes.copy()
    codes[:5] = -1
    found = crowdlab(answers_of(codes, ABC), probs)
    assert (found.label[:5] == -1).all()
    assert (found.confidence[:5] == 0).all()
    unread = (codes < 0).all(1).sum()
    assert f"{unread} items were read by nobody and have no label." in found.words
    assert ((found.label < 0) == (codes < 0).all(1)).all()


def test_readers_without_answers_have_no_quality():
    _, answers, probs = crowd()
    wider = answers_of(np.column_stack([answers.codes, np.full(300, -1)]), ABC)
    found = crowdlab(wider, probs)
    assert found.quality["reader 4"] is None
    np.testing.assert_array_equal(found.label, crowdlab(answers, probs).label)


def test_readers_by_themselves_are_told():
    codes = np.array([[0, 0, -1], [1, 1, -1], [1, 0, -1], [-1, -1, 1], [-1, -1, 0]])
    found = crowdlab(answers_of(codes, ABC, readers=("Ann", "Bob", "Eve")), np.full((5, 3), 1 / 3))
    assert found.words.startswith("Eve read no item with another")
    assert found.quality["Eve"] is None
    assert None not in (found.quality["Ann"], found.quality["Bob"])


def test_one_reader_is_believed_and_not_weighed():
    probs = np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1]])
    found = crowdlab(answers_of(np.array([[0], [1]]), ABC), probs)
    assert found.label.tolist() == [0, 1]
    assert found.confidence.tolist() == [0.7, 0.2]
    assert found.quality == {"reader 1": None}
    assert found.words.startswith("No item has two answers: readers cannot be weighed.")


def test_readers_who_never_agree_are_not_weighed():
    probs = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
    found = crowdlab(answers_of(np.array([[0, 1], [0, 1]]), ABC), probs)
    assert found.label.tolist() == [1, 0]  # what the model finds likelier of what was said
    assert found.words.startswith("No two readers ever gave an item the same class")


def test_a_label_that_no_reader_gave_is_told():
    """Readers who mostly differ, against a model that is always sure and right about the others."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 200)
    said = np.where(rng.random((200, 2)) < 0.45, (true[:, None] + 1) % 3, true[:, None])
    found = crowdlab(answers_of(said, ABC), 0.97 * np.eye(3)[true] + 0.01)
    unsaid = (said != found.label[:, None]).all(1)
    assert unsaid.any()
    np.testing.assert_array_equal(found.unsaid, unsaid)
    assert f"Of {unsaid.sum()} items the model outweighs the readers" in found.words


def test_classes_that_nobody_used_and_all_alike():
    for codes in (np.zeros((4, 2), int), np.full((4, 3), 2), np.array([[1, 1], [0, 0], [0, 1], [1, 1]])):
        found = crowdlab(answers_of(codes, ABC), np.full((4, 3), 1 / 3))
        assert np.isfinite(found.confidence).all()
        assert set(found.label) <= set(codes.ravel())


def test_whatever_comes_nothing_is_nan():
    rng = np.random.default_rng(0)
    for case in range(80):
        codes = rng.integers(-1, rng.integers(1, 4), (rng.integers(1, 9), rng.integers(1, 5)))
        probs = (
            rng.dirichlet(np.full(3, 0.3), len(codes))
            if case % 2
            else np.eye(3)[rng.integers(0, 3, len(codes))]
        )
        found = crowdlab(answers_of(codes, ABC), probs)
        assert ((found.confidence >= 0) & (found.confidence <= 1 + 1e-9)).all()
        assert ((found.label < 0) == (codes < 0).all(1)).all()
        assert all(quality is None or 0 <= quality <= 1 + 1e-9 for quality in found.quality.values())


@pytest.mark.parametrize(
    ("probs", "words"),
    [
        (np.ones((2, 3)) / 3, r"\(2, 3\): give one row an item and one column a class, \(1, 3\)"),
        (np.array([[0.5, 0.2, 0.2]]), "sum to 1"),
        (np.array([[np.nan, 0.5, 0.5]]), "must be finite"),
    ],
)
def test_probabilities_are_checked(probs, words):
    with pytest.raises(InputError, match=words):
        crowdlab(answers_of(np.array([[0, 0]]), ABC), probs)


def test_one_class_is_refused():
    with pytest.raises(InputError, match="one class: CROWDLAB needs two"):
        crowdlab(answers_of(np.array([[0, 0]]), ("a",)), np.ones((1, 1)))
