"""Means, paired differences and tables by hand."""

from __future__ import annotations

import numpy as np
import pytest

from overread.benches.arithmetic import mean_sd, over_classes, over_images, over_seeds
from overread.benches.tables import Row, Table, as_markdown

CONDITION = "20"


def test_mean_and_spread_of_three_numbers():
    assert mean_sd([0.7, 0.8, 0.9]) == (pytest.approx(0.8), pytest.approx(0.1))


def test_the_interval_over_seeds_is_students():
    """Differences 0.1, 0.2, 0.3: mean 0.2, s 0.1, t(0.975, 2) = 4.3027."""
    found = over_seeds([1.1, 1.2, 1.3], [1.0, 1.0, 1.0])
    half = 4.302653 * 0.1 / np.sqrt(3)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.2 - half, 0.2 + half))


def test_one_seed_has_no_interval():
    found = over_seeds([0.9], [0.8])
    assert (found.value, found.low) == (pytest.approx(0.1), None)


def test_the_bootstrap_draws_whole_patients():
    """Two patients, of one and of three images, with differences 1 and 0: a draw's mean is 0, 1/4 or 1."""
    found = over_images(np.array([[1.0, 0, 0, 0]]), np.zeros((1, 4)), np.array(["a", "b", "b", "b"]))
    assert (found.value, found.low, found.high) == (0.25, 0.0, 1.0)


def test_the_bootstrap_agrees_with_the_normal_approximation():
    rng = np.random.default_rng(0)
    ours = rng.normal(0.1, 1.0, (1, 4000))
    found = over_images(ours, np.zeros((1, 4000)), np.arange(4000))
    half = 1.96 * ours.std() / np.sqrt(4000)
    assert found.low == pytest.approx(ours.mean() - half, abs=0.003)
    assert found.high == pytest.approx(ours.mean() + half, abs=0.003)


def table(**more):
    rows = [
        Row(CONDITION, name, seed, {"accuracy": value, "auroc": None})
        for name, values in (("ce", (0.6, 0.7)), ("ousm", (0.8, 0.8)))
        for seed, value in enumerate(values)
    ]
    paper = {(CONDITION, "ce"): {"accuracy": 0.752}, (CONDITION, "ousm"): {"accuracy": 0.776}}
    paper |= {(CONDITION, "forward"): {"accuracy": 0.797}, ("40", "ce"): {"accuracy": 0.653}}
    return Table("T", rows, ("accuracy", "auroc"), "ce", paper, {"ousm": "OUSM"}, **more)


def test_a_table_pairs_seeds_and_sets_the_paper_beside():
    ce, ousm, forward = table().lines()
    assert ce["figures"] == {
        "accuracy": {"mean": pytest.approx(0.65), "sd": pytest.approx(0.0707, abs=1e-4), "seeds": 2}
    }
    assert ce["difference"] is None
    assert ousm["method"] == "OUSM"
    assert ousm["difference"]["value"] == pytest.approx(0.15)
    assert ousm["paper_difference"] == pytest.approx(0.024)
    assert (forward["seeds"], forward["paper"]) == (0, {"accuracy": 0.797})  # the paper's, which we have not


def test_only_seeds_that_both_have_are_compared():
    rows = [*table().rows, Row(CONDITION, "ousm", 7, {"accuracy": 0.0})]
    line = Table("T", rows, ("accuracy",), "ce").lines()[1]
    assert line["difference"]["value"] == pytest.approx(0.15)
    assert line["seeds"] == 3


def test_values_of_images_are_compared_where_both_have_the_same():
    rows = [
        Row("c", name, 1, {"a": 0.0}, units, ["p", "q"]) for name, units in (("x", [1, 1]), ("y", [0, 1]))
    ]
    line = Table("T", rows, ("a",), "y").lines()[0]
    assert (line["difference"]["value"], line["difference"]["low"]) == (0.5, 0.0)
    assert "bootstrap" in line["difference"]["how"]
    other = [rows[0], Row("c", "y", 1, {"a": 0.0}, [0, 1], ["p", "r"])]
    assert "no interval" in Table("T", other, ("a",), "y").lines()[0]["difference"]["how"]


def test_markdown_has_a_cell_for_every_head():
    lines = [line for line in as_markdown(table(notes=("A note.",))) if line.startswith("|")]
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    assert "0.650 ± 0.071" in lines[2]
    assert "+0.150" in lines[3]
    assert "+0.024" in lines[3]


def classes_of(rng, y, share):
    """Predictions of which a share is right."""
    return np.where(rng.random(len(y)) < share, y, rng.integers(0, 3, len(y)))


def test_a_difference_of_macro_f1_is_that_of_scikit_learn_and_its_interval_covers_it():
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(0)
    y = rng.choice(3, 600, p=[0.7, 0.2, 0.1])
    ours, theirs = classes_of(rng, y, 0.8), classes_of(rng, y, 0.5)
    found = over_classes(y, ours[None], theirs[None], np.arange(600), "macro_f1")
    expected = f1_score(y, ours, average="macro") - f1_score(y, theirs, average="macro")
    assert found.value == pytest.approx(expected)
    assert 0 < found.low < expected < found.high


def test_the_interval_of_accuracy_is_the_same_by_classes_and_by_images():
    rng = np.random.default_rng(1)
    y, groups = rng.integers(0, 3, 300), rng.integers(0, 90, 300)
    ours, theirs = classes_of(rng, y, 0.8), classes_of(rng, y, 0.6)
    by_classes = over_classes(y, ours[None], theirs[None], groups, "accuracy")
    by_images = over_images((ours == y)[None] * 1.0, (theirs == y)[None] * 1.0, groups)
    assert by_classes.value == pytest.approx(by_images.value)
    assert (by_classes.low, by_classes.high) == pytest.approx((by_images.low, by_images.high), abs=0.01)


def test_rows_of_named_images_are_compared_by_them():
    groups = list("abcd")
    right, wrong = [["x", "x"], ["y", "y"]] * 2, [["x", "y"], ["y", "x"]] * 2
    rows = [
        Row("c", name, 0, {"macro_f1": value}, groups=groups, named=named)
        for name, value, named in (("ours", 1.0, right), ("ce", 0.0, wrong))
    ]
    found = Table("T", rows, ("macro_f1",), "ce").lines()[0]["difference"]
    assert (found["value"], found["low"], found["high"]) == (1.0, 1.0, 1.0)
