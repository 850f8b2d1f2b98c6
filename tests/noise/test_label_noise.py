"""Identities that every noise on labels must keep, and small examples counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from overread.errors import InputError
from overread.noise import LABEL_NOISES
from overread.noise.labels import Labels, changes
from overread.noise.symmetric import Balanced, Pair, Symmetric
from overread.noise.transition import Class, read_matrix

LONG_TAIL = Labels.plain(np.repeat(np.arange(4), [60, 25, 10, 5]))
EVEN = Labels.plain(np.repeat(np.arange(4), 25))
CYCLE = tuple(tuple(0.7 if i == j else 0.3 if j == (i + 1) % 4 else 0.0 for j in range(4)) for i in range(4))
WITH_RATE = [Symmetric, Pair, Balanced, lambda rate: Class(CYCLE, rate)]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("noise", WITH_RATE)
def test_rate_zero_changes_nothing(noise):
    np.testing.assert_array_equal(noise(0.0).draw(LONG_TAIL, rng()), LONG_TAIL.codes)


@pytest.mark.parametrize("noise", WITH_RATE)
def test_the_seed_decides_the_draw(noise):
    first, again, other = (noise(0.2).draw(EVEN, rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("noise", WITH_RATE)
def test_the_truth_is_left_alone_and_labels_stay_in_range(noise):
    before = EVEN.codes.copy()
    given = noise(0.3).draw(EVEN, rng())
    np.testing.assert_array_equal(EVEN.codes, before)
    assert given.dtype == np.int64
    assert given.min() >= 0
    assert given.max() < 4


@pytest.mark.parametrize("noise", [Symmetric, Pair])
@pytest.mark.parametrize("rate", [0.01, 0.06, 0.2, 0.405, 1.0])
def test_exactly_the_asked_number_flips(noise, rate):
    given = noise(rate).draw(LONG_TAIL, rng())
    assert (given != LONG_TAIL.codes).sum() == round(rate * 100)


def test_symmetric_spreads_over_all_other_classes():
    labels = Labels.plain(np.zeros(30_000, dtype=np.int64), classes=4)
    counts = np.bincount(Symmetric(1.0).draw(labels, rng()), minlength=4)
    assert counts[0] == 0
    np.testing.assert_allclose(counts[1:] / 30_000, 1 / 3, atol=0.01)


def test_pair_goes_to_the_next_class_in_a_circle():
    given = Pair(1.0).draw(EVEN, rng())
    np.testing.assert_array_equal(given, (EVEN.codes + 1) % 4)


@pytest.mark.parametrize("rate", [0.04, 0.05, 0.1, 0.2])
def test_balanced_is_balanced_out_of_and_into_each_class(rate):
    per_class = changes(LONG_TAIL, Balanced(rate).draw(LONG_TAIL, rng()))["per_class"]
    flips = round(rate * 100 / 4)
    assert [row["changed"] for row in per_class.values()] == [flips] * 4
    assert [row["given_wrong"] for row in per_class.values()] == [flips] * 4
    assert [row["given"] for row in per_class.values()] == [60, 25, 10, 5]


def test_balanced_gives_the_counts_of_table_1_of_the_paper():
    labels = Labels.plain(np.repeat([0, 1], 5394))
    per_class = changes(labels, Balanced(0.06).draw(labels, rng()))["per_class"]
    assert [row["changed"] for row in per_class.values()] == [324, 324]


def test_balanced_says_how_far_it_can_go():
    with pytest.raises(InputError, match=r"class '3' has 5. The rate can be 0.2 at most"):
        Balanced(0.4).draw(LONG_TAIL, rng())


def test_identity_matrix_changes_nothing():
    identity = Class(tuple(map(tuple, np.eye(4))))
    np.testing.assert_array_equal(identity.draw(LONG_TAIL, rng()), LONG_TAIL.codes)


def test_class_noise_follows_its_matrix():
    labels = Labels.plain(np.repeat(np.arange(4), 10_000))
    table = np.array(changes(labels, Class(CYCLE).draw(labels, rng()))["true_vs_given"]) / 10_000
    np.testing.assert_allclose(table, CYCLE, atol=0.015)


def test_class_noise_with_a_rate_keeps_the_shape_of_the_matrix():
    transition = Class(CYCLE, rate=0.1).transition(EVEN)
    np.testing.assert_allclose(transition.diagonal(), 0.9)
    np.testing.assert_allclose(transition.sum(1), 1.0)
    assert ((transition > 0) == (np.array(CYCLE) > 0)).all()


def test_class_noise_refuses_a_rate_out_of_reach():
    lopsided = ((0.5, 0.5), (0.0, 1.0))
    labels = Labels.plain(np.array([0, 1, 1, 1]))
    np.testing.assert_allclose(Class(lopsided, rate=0.25).transition(labels), ((0, 1), (0, 1)))
    with pytest.raises(InputError, match=r"0.25 at most, got 0.5"):
        Class(lopsided, rate=0.5).transition(labels)
    with pytest.raises(InputError, match="confuses no classes"):
        Class(((1.0, 0.0), (0.0, 1.0)), rate=0.1).transition(labels)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (((0.9, 0.2), (0.0, 1.0)), "row '0' sums to 1.1"),
        (((1.2, -0.2), (0.0, 1.0)), "lowest entry -0.2"),
        (((float("nan"), 1.0), (0.0, 1.0)), "row '0' sums to nan"),
        (((1.0,),), r"must be 2 x 2 \(0, 1\), got shape \(1, 1\)"),
    ],
)
def test_bad_matrices_are_refused(matrix, message):
    with pytest.raises(InputError, match=message):
        Class(matrix).draw(Labels.plain(np.array([0, 1])), rng())


def test_a_matrix_file_is_read_by_name(tmp_path: Path):
    file = tmp_path / "t.csv"
    file.write_text("true,nv,mel\nmel,0.2,0.8\nnv,0.9,0.1\n")
    np.testing.assert_array_equal(read_matrix(file, ("mel", "nv")), [[0.8, 0.2], [0.1, 0.9]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t,mel,nevus\nmel,1,0\nnv,0,1\n", "unknown column 'nevus'. Known: mel, nv.*no column for 'nv'"),
        ("t,mel,nv\nmel,1,0\nmel,0,1\n", "row 'mel' comes twice; no row for 'nv'"),
        ("t,mel,nv\nmel,1,x\nnv,0,1\n", "not a number"),
        ("", "not a CSV table"),
    ],
)
def test_bad_matrix_files_say_what_is_wrong(tmp_path: Path, text, message):
    file = tmp_path / "t.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        read_matrix(file, ("mel", "nv"))


def test_a_matrix_file_that_is_not_there():
    with pytest.raises(InputError, match="no matrix file"):
        read_matrix(Path("nowhere.csv"), ("a", "b"))


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
@pytest.mark.parametrize("noise", WITH_RATE)
def test_a_rate_is_a_share(noise, rate):
    with pytest.raises(InputError, match="share between 0 and 1"):
        noise(rate)


def test_a_single_class_cannot_be_corrupted():
    with pytest.raises(InputError, match="at least two classes"):
        Symmetric(0.2).draw(Labels.plain(np.zeros(5, dtype=np.int64)), rng())


def test_changes_counts_everything():
    labels = Labels(np.array([0, 0, 1, 1]), ("a", "b"), np.arange(4))
    record = changes(labels, np.array([0, 1, 1, 1]))
    assert record == {
        "samples": 4,
        "changed": 1,
        "rate": 0.25,
        "classes": ["a", "b"],
        "per_class": {
            "a": {"samples": 2, "changed": 1, "given": 1, "given_wrong": 0},
            "b": {"samples": 2, "changed": 0, "given": 3, "given_wrong": 1},
        },
        "true_vs_given": [[1, 1], [0, 2]],
    }
    json.dumps(record)


def test_the_registry_names_real_things():
    assert set(LABEL_NOISES) == {"symmetric", "pair", "class", "balanced", "loss-ranked"}
    for entry in LABEL_NOISES.values():
        assert callable(entry.load().draw)
