"""How the simulated expert errs."""

from __future__ import annotations

import numpy as np
import pytest

from overread.cleaning.mistakes import Mistakes, chance, drawn
from overread.errors import InputError

CLASSES = ("a", "b", "c")
LOOK_ALIKE = ((0.5, 0.5, 0.0), (0.25, 0.75, 0.0), (0.0, 0.0, 1.0))


def test_no_mistakes_is_the_identity():
    assert Mistakes().matrix(CLASSES).tolist() == np.eye(3).tolist()
    assert Mistakes().matrix(("a",)).tolist() == [[1.0]]


def test_an_error_is_shared_out_over_the_other_classes():
    matrix = Mistakes(0.3).matrix(CLASSES)
    assert matrix.diagonal() == pytest.approx([0.7] * 3)
    assert matrix[~np.eye(3, dtype=bool)] == pytest.approx([0.15] * 6)
    assert Mistakes(1.0).matrix(("a", "b")).tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_a_confusion_is_read_by_the_names_of_its_classes(tmp_path):
    file = tmp_path / "confusion.csv"
    file.write_text("true,c,a,b\nb,0,0.25,0.75\na,0,0.5,0.5\nc,1,0,0\n")
    for given in (file, LOOK_ALIKE):
        assert Mistakes(confusion=given).matrix(CLASSES).tolist() == [list(row) for row in LOOK_ALIKE]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "expert's confusion of classes: There is no matrix file"),
        ("true,a,b\na,1,0\nb,0,1\n", "no row for 'c'; no column for 'c'"),
        ("true,a,b,d\na,1,0,0\nb,0,1,0\nd,0,0,1\n", "unknown row 'd'"),
        ("true,a,b,c\na,1,0,0\nb,0.5,0.4,0\nc,0,0,1\n", "row 'b' sums to 0.9"),
        ("true,a,b,c\na,1,0,0\nb,0,often,0\nc,0,0,1\n", "not a number"),
    ],
)
def test_a_confusion_that_is_wrong_is_told(tmp_path, text, words):
    file = tmp_path / "confusion.csv"
    if text:
        file.write_text(text)
    with pytest.raises(InputError, match=words):
        Mistakes(confusion=file).matrix(CLASSES)


@pytest.mark.parametrize("error", [-0.1, 1.1, float("nan")])
def test_an_error_is_a_share(error):
    with pytest.raises(InputError, match="The expert's error is a share between 0 and 1"):
        Mistakes(error)


def test_one_of_the_two_is_enough():
    with pytest.raises(InputError, match=r"given twice: an error of 0\.1 and a confusion"):
        Mistakes(0.1, LOOK_ALIKE)


def test_one_class_cannot_be_mistaken():
    with pytest.raises(InputError, match="two classes or more, got 1"):
        Mistakes(0.1).matrix(("a",))


def test_chances_are_spread_evenly_and_stay_below_one():
    values = np.array([chance(3, f"s{n}", 1) for n in range(4000)])
    assert 0 <= values.min() < 0.01
    assert 0.99 < values.max() < 1
    assert np.histogram(values, 10, (0, 1))[0].min() > 330


def test_chances_depend_on_each_of_their_arguments():
    assert (
        len({chance(*what) for what in [(0, "a", 1), (1, "a", 1), (0, "b", 1), (0, "a", 2), (0, "a1", "")]})
        == 5
    )


def test_drawn_answers_have_the_shares_of_the_row():
    answers = [drawn(1, [0.1, 0.6, 0.3], (n + 0.5) / 1000) for n in range(1000)]
    assert np.bincount(answers).tolist() == [100, 600, 300]


def test_a_gap_that_rounding_left_is_no_class_of_chance_0():
    assert drawn(0, [0.7, 0.3 - 1e-9, 0.0], 1 - 1e-12) == 1
