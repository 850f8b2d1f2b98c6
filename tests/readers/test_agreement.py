"""Measures of agreement: published examples, scikit-learn, brute force, identities, and what has no answer."""

from __future__ import annotations

from functools import partial
from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from overread.errors import InputError
from overread.readers.agreement import ac1, cohen, fleiss, krippendorff, measures, pairs, raw, specific
from overread.readers.answers import answers_of, table_of

ABC = ("a", "b", "c")
# Krippendorff 2011, example C; also the example of Gwet's handbook (4 readers, 12 items, 5 classes, some missing)
FOUR = """
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 .
"""
# Fleiss 1971 as told in textbooks: 10 items, how many of 14 readers gave each of 5 classes
FOURTEEN = """
0 0 0 0 14
0 2 6 4 2
0 0 3 5 6
0 3 9 2 0
2 2 8 1 1
7 7 0 0 0
3 2 6 3 0
2 5 3 2 2
6 5 2 1 0
0 2 2 3 7
"""
ORDERED = [partial(krippendorff, scale=scale) for scale in ("ordinal", "interval")]
NOMINAL = [raw, fleiss, krippendorff, ac1]


def four():
    rows = [["." if c == "." else c for c in line.split()] for line in FOUR.strip().splitlines()]
    return answers_of(np.array([[-1 if c == "." else int(c) - 1 for c in row] for row in rows]).T, "12345")


def drawn(seed=0, items=60, readers=3, missing=0.2, classes=ABC, error=0.3):
    """Readers who err alike often, some of whose answers are missing."""
    rng = np.random.default_rng(seed)
    true = rng.choice(
        len(classes), items, p=np.arange(1, len(classes) + 1) / np.arange(1, len(classes) + 1).sum()
    )
    said = np.where(
        rng.random((items, readers)) < error, rng.integers(0, len(classes), (items, readers)), true[:, None]
    )
    return answers_of(np.where(rng.random((items, readers)) < missing, -1, said), classes)


def of_cells(table, classes=("yes", "no")):
    """Two readers from their table of counts."""
    codes = [(a, b) for (a, b), count in np.ndenumerate(np.array(table)) for _ in range(count)]
    return answers_of(np.array(codes), classes)


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        (krippendorff, 0.743),
        (ORDERED[0], 0.815),
        (ORDERED[1], 0.849),
        (fleiss, 0.76117),
        (ac1, 0.77544),
        (raw, 0.81818),
    ],
)
def test_the_published_example_of_four_readers(measure, value):
    found = measure(four())
    assert found.value == pytest.approx(value, abs=6e-4 if value in (0.743, 0.815, 0.849) else 1e-5)
    assert (found.items, found.readers) == (11, 4)


def test_fleiss_own_kind_of_example():
    table = np.array([[int(n) for n in line.split()] for line in FOURTEEN.strip().splitlines()])
    answers = answers_of(np.array([np.repeat(np.arange(5), row) for row in table]), "12345")
    assert fleiss(answers).value == pytest.approx(0.210, abs=5e-4)
    assert raw(answers).value == pytest.approx(0.378, abs=5e-4)


def test_gwets_paradox():
    """Two readers of 125 who nearly always say yes: kappa is below 0, AC1 is not (Gwet 2008)."""
    answers = of_cells([[118, 5], [2, 0]])
    assert raw(answers).value == pytest.approx(0.944)
    assert cohen(answers).value == pytest.approx(-0.0234, abs=5e-5)
    assert ac1(answers).value == pytest.approx(0.9408, abs=5e-5)
    assert "97 % of the answers are 'yes'" in cohen(answers).words
    assert ac1(answers).words == ""


def test_agreement_on_each_of_two_classes():
    """a = 40, b = 9, c = 6, d = 45: 2a / (2a + b + c) and 2d / (2d + b + c)."""
    answers = of_cells([[40, 9], [6, 45]])
    assert specific(answers, "yes").value == pytest.approx(80 / 95)
    assert specific(answers, "no").value == pytest.approx(90 / 105)


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_cohen_is_scikit_learns(weights):
    answers = drawn(readers=2, missing=0.0, classes=("a", "b", "c", "d"))
    reference = cohen_kappa_score(*answers.codes.T, weights=None if weights == "none" else weights)
    assert cohen(answers, weights).value == pytest.approx(reference)


def test_cohen_is_of_what_both_read():
    answers = drawn(readers=2)
    both = (answers.codes >= 0).all(1)
    assert cohen(answers).value == pytest.approx(cohen_kappa_score(*answers.codes[both].T))
    assert cohen(answers).items == both.sum()


@pytest.mark.parametrize("scale", ["nominal", "interval", "ordinal"])
def test_krippendorff_by_brute_force(scale):
    """The definition, pair of answers by pair of answers."""
    answers = drawn(seed=3, items=25, readers=4)
    rows = [row[row >= 0] for row in answers.codes if (row >= 0).sum() >= 2]
    everything = np.concatenate(rows)
    often = np.bincount(everything, minlength=3)

    def far(c, k):
        low, high = sorted((c, k))
        rank = often[low : high + 1].sum() - (often[c] + often[k]) / 2
        return {"nominal": float(c != k), "interval": float((c - k) ** 2), "ordinal": rank**2}[scale]

    observed = sum(sum(far(c, k) for c, k in permutations(row, 2)) / (len(row) - 1) for row in rows)
    expected = sum(far(c, k) for c, k in permutations(everything, 2)) / (len(everything) - 1)
    assert krippendorff(answers, scale).value == pytest.approx(1 - observed / expected)


@pytest.mark.parametrize("measure", [*NOMINAL, *ORDERED, partial(specific, label="b")])
def test_who_is_called_what_changes_nothing(measure):
    answers = drawn()
    shuffled = answers_of(answers.codes[:, [2, 0, 1]], ABC)
    assert measure(shuffled).value == pytest.approx(measure(answers).value)
    assert measure(shuffled).low == pytest.approx(measure(answers).low)


@pytest.mark.parametrize("measure", NOMINAL)
def test_the_order_of_classes_changes_nothing(measure):
    answers = drawn()
    renamed = answers_of(np.array([2, 0, 1, -1])[answers.codes], ABC)
    assert measure(renamed).value == pytest.approx(measure(answers).value)


@pytest.mark.parametrize("measure", ORDERED)
def test_an_order_that_is_turned_round_changes_nothing(measure):
    answers = drawn()
    turned = answers_of(np.array([2, 1, 0, -1])[answers.codes], ABC)
    assert measure(turned).value == pytest.approx(measure(answers).value)


def test_two_classes_have_one_scale():
    answers = drawn(classes=("a", "b"))
    assert krippendorff(answers, "interval").value == pytest.approx(krippendorff(answers).value)
    two = drawn(classes=("a", "b"), readers=2)
    assert cohen(two, "linear").value == pytest.approx(cohen(two).value)


def test_an_item_read_once_changes_no_alpha():
    answers = drawn()
    more = answers_of(np.vstack([answers.codes, [[0, -1, -1]] * 5]), ABC)
    assert krippendorff(more).value == pytest.approx(krippendorff(answers).value)
    assert krippendorff(more).items == krippendorff(answers).items


def test_independent_readers_agree_as_by_chance():
    codes = np.random.default_rng(0).integers(0, 3, (1500, 2))
    for measure in (cohen, fleiss, krippendorff, ac1):
        found = measure(answers_of(codes, ABC))
        assert found.low < 0 < found.high
        assert abs(found.value) < 0.05


def test_the_interval_is_as_wide_as_the_draw_of_items():
    """Against Cohen's kappa of 300 fresh draws of 100 items."""
    values = [cohen_kappa_score(*drawn(seed, 100, 2, 0.0).codes.T) for seed in range(300)]
    widths = [(found.high - found.low) for seed in range(8) for found in [cohen(drawn(seed, 100, 2, 0.0))]]
    low, high = np.percentile(values, [2.5, 97.5])
    assert np.mean(widths) == pytest.approx(high - low, rel=0.2)


def test_groups_are_drawn_whole():
    """Ten copies of each item, told as one group: the interval is that of the items alone."""
    answers = drawn(items=40, readers=2, missing=0.0)
    copies = np.repeat(answers.codes, 10, axis=0)
    together = cohen(answers_of(copies, ABC, np.repeat(np.arange(40), 10)))
    alone, apart = cohen(answers), cohen(answers_of(copies, ABC))
    assert (together.low, together.high) == pytest.approx((alone.low, alone.high))
    assert apart.high - apart.low < 0.5 * (together.high - together.low)


def test_no_disagreement_is_not_certainty():
    found = cohen(answers_of(np.array([[0, 0], [1, 1]] * 10), ABC))
    unseen = 1 - 0.025 ** (1 / 20)
    assert (found.value, found.low, found.high) == (1.0, pytest.approx(1 - unseen / 0.5), 1.0)
    assert found.words.startswith("Nobody ever disagreed; the lower end is what 20 groups")


@pytest.mark.parametrize("measure", [cohen, fleiss, krippendorff])
def test_all_answers_alike_are_told(measure):
    found = measure(answers_of(np.zeros((5, 2), int), ABC))
    assert (found.value, found.low, found.high) == (None, None, None)
    assert found.words.startswith("Every answer is 'a': chance would agree as well")


def test_all_answers_alike_have_raw_agreement_and_ac1():
    answers = answers_of(np.zeros((5, 2), int), ABC)
    assert raw(answers).value == ac1(answers).value == 1.0
    assert raw(answers).low == pytest.approx(0.025 ** (1 / 5))


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (np.array([[0], [1]]), "One reader alone has read: agreement needs two."),
        (np.array([[0, -1], [1, -1]]), "One reader alone has read: agreement needs two."),
        (np.array([[0, -1], [-1, 1]]), "No item was read by two readers: let some be read twice."),
        (np.full((3, 2), -1), "Nobody has read: agreement needs two."),
        (np.zeros((0, 2), int), "Nobody has read: agreement needs two."),
    ],
)
def test_what_cannot_be_measured_is_told(codes, words):
    for found in measures(answers_of(codes, ABC), ordered=True):
        assert (found.value, found.words, found.items) == (None, words, 0)


def test_words_of_single_measures():
    assert cohen(drawn()).words.startswith("Cohen's kappa is of two readers and here are 3")
    assert ac1(answers_of(np.zeros((3, 2), int), ("a",))).words.startswith("There is but one class to give")
    assert (
        specific(of_cells([[3, 1], [0, 0]], ABC), "c").words == "No item that was read twice was called 'c'."
    )
    one = answers_of(np.array([[0, 1], [1, 1], [0, 0]]), ABC, np.zeros(3))
    assert krippendorff(one).words == "All of it is of one group: there is no interval."
    always = answers_of(np.array([[0, 1]] * 4), ABC)
    assert cohen(always).words == "Every resample gives the same value: there is too little for an interval."


def test_whatever_comes_there_is_a_number_or_a_word():
    rng = np.random.default_rng(0)
    for _ in range(25):
        codes = rng.integers(-1, rng.integers(1, 4), (rng.integers(1, 9), rng.integers(1, 5)))
        for found in measures(answers_of(codes, ABC), ordered=True):
            numbers = [number for number in (found.value, found.low, found.high) if number is not None]
            assert np.isfinite(numbers).all()
            assert len(numbers) == 3 or found.words


def test_each_pair_of_readers():
    answers = answers_of(np.array([[0, 0, 1], [1, 1, 0], [0, 0, 1]]), ABC, readers=("Ann", "Bob", "Eve"))
    found = pairs(answers)
    assert {pair: kappa.value for pair, kappa in found.items()} == {
        ("Ann", "Bob"): 1.0,
        ("Ann", "Eve"): pytest.approx(-0.8),
        ("Bob", "Eve"): pytest.approx(-0.8),
    }


def test_table_of_what_was_said():
    said = [("x", "Ann", "a"), ("y", "Bob", "c"), ("x", "Bob", "b"), ("x", "Ann", "c"), ("y", "Bob", None)]
    found = table_of(said, ABC, {"x": "patient"})
    assert (found.items, found.readers) == (("x", "y"), ("Ann", "Bob"))
    assert found.codes.tolist() == [[2, 1], [-1, -1]]
    assert found.groups.tolist() == [0, 1]
    assert table_of(said, ABC, {"x": "patient", "y": "patient"}).groups.tolist() == [0, 0]


def test_a_group_named_as_an_item_is_not_that_item():
    said = [("x", "Ann", "a"), ("y", "Ann", "a")]
    assert table_of(said, ABC, {"x": "y"}).groups.tolist() == [0, 1]


def test_problems_of_a_table_come_together():
    with pytest.raises(InputError) as error:
        answers_of(np.array([[0, 3]]), ABC, groups=np.zeros(2), readers=("Ann",))
    for part in (
        "from 0 to 3",
        "-1 (no answer) to 2",
        "1 items and 2 groups",
        "2 columns and 1 readers' names",
    ):
        assert part in str(error.value)
    with pytest.raises(InputError, match="give integers"):
        answers_of(np.zeros((1, 2)), ABC)
    with pytest.raises(InputError, match="1 dimensions: give two"):
        answers_of(np.zeros(2, int), ABC)
    with pytest.raises(InputError, match="No class is named"):
        answers_of(np.zeros((1, 2), int), ())


def test_unknown_names_are_told():
    with pytest.raises(InputError, match=r"1 answers name classes .* as 'melanom'.*Did you mean 'melanoma'"):
        table_of([("x", "Ann", "melanom")], ("melanoma", "nevus"))
    with pytest.raises(InputError, match="Did you mean 'quadratic'"):
        cohen(drawn(), "quadratc")
    with pytest.raises(InputError, match="scale of alpha 'ratio'"):
        krippendorff(drawn(), "ratio")
    with pytest.raises(InputError, match="class 'z'"):
        specific(drawn(), "z")
