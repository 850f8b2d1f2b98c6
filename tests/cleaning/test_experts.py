"""The simulated expert."""

from __future__ import annotations

import io
import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.cleaning.experts import MaskOracle, Oracle, leads
from overread.cleaning.mistakes import Mistakes, chance
from overread.data.manifest import Manifest
from overread.data.mask_files import MaskFiles, Part
from overread.data.masks import read_masks
from overread.errors import InputError

CLASSES = ("a", "b", "c", "d")
SIZE = 400


def manifest_of(truth, given=None, classes=CLASSES):
    truth = None if truth is None else np.array(truth)
    count = len(given if truth is None else truth)
    names = np.array([f"s{row}" for row in range(count)], object)
    given = np.zeros(count, np.int64) if given is None else np.array(given)
    return Manifest(names, names, given, classes, names, np.full(count, "", object), Path(), truth)


@pytest.fixture
def truth():
    return np.random.default_rng(0).integers(0, 4, SIZE)


@pytest.fixture
def given(truth):
    return np.where(np.arange(SIZE) % 5 < 2, (truth + 1) % 4, truth)


def said(opinions):
    return [(one.sample, one.reader, one.label) for one in opinions]


def test_a_perfect_expert_says_the_truth_and_says_whether_it_stands(truth, given):
    oracle = Oracle(manifest_of(truth))
    rows = np.array([7, 0, 3])
    answers = oracle.ask(rows, given, round=2)
    assert [one.sample for one in answers] == ["s7", "s0", "s3"]
    assert [one.label for one in answers] == [CLASSES[truth[row]] for row in rows]
    assert [one.outcome for one in answers] == ["keep" if given[r] == truth[r] else "label" for r in rows]
    assert {(one.reader, one.round, one.authority) for one in answers} == {("oracle", 2, False)}


def test_outcomes_follow_the_label_as_it_stands_and_not_the_given_one():
    oracle = Oracle(manifest_of([1, 1], given=[0, 0]))
    first, second = oracle.ask(np.array([0, 1]), np.array([1, 2]))
    assert (first.outcome, second.outcome) == ("keep", "label")


@pytest.mark.parametrize("readers", [1, 3])
def test_answers_do_not_depend_on_what_else_was_asked_or_when(truth, given, readers):
    """In one round; backwards, one by one, in other rounds, some of them twice."""
    whole, parts = (Oracle(manifest_of(truth), Mistakes(0.4), readers, seed=4) for _ in range(2))
    expected = said(whole.ask(np.arange(SIZE), given, round=1))
    got = []
    for row in reversed(range(SIZE)):
        answers = parts.ask(np.array([row]), given, round=row % 7)
        assert said(parts.ask(np.array([row]), given)) == said(answers)
        got += said(answers)
    assert sorted(got) == sorted(expected)


def test_answers_do_not_depend_on_the_truth_of_other_samples(truth, given):
    noise = np.random.default_rng(9).integers(0, 4, SIZE)
    bought = np.arange(0, SIZE, 3)
    noise[bought] = truth[bought]
    both = [Oracle(manifest_of(t), Mistakes(0.3), 3).ask(bought, given) for t in (truth, noise)]
    assert both[0] == both[1]


def test_answers_follow_the_sample_and_not_its_row(truth, given):
    manifest, order = manifest_of(truth), np.random.default_rng(2).permutation(SIZE)
    first = Oracle(manifest, Mistakes(0.5), seed=1).ask(np.arange(SIZE), given)
    second = Oracle(manifest.take(order), Mistakes(0.5), seed=1).ask(np.arange(SIZE), given[order])
    assert sorted(said(first)) == sorted(said(second))


def test_the_share_of_wrong_answers_is_the_error(truth):
    manifest = manifest_of(np.tile(truth, 10))
    standing = np.zeros(len(manifest), int)
    wrong = {}
    for error in (0.1, 0.3):
        labels = [one.label for one in Oracle(manifest, Mistakes(error)).ask(np.arange(4000), standing)]
        wrong[error] = np.array(labels) != np.array(CLASSES)[manifest.truth]
        assert wrong[error].mean() == pytest.approx(error, abs=0.025)
    assert (wrong[0.3] | ~wrong[0.1]).all()  # who errs less errs only where one who errs more does


def test_wrong_answers_come_from_the_row_of_the_confusion():
    rows = ((1.0, 0, 0, 0), (0, 0.5, 0.5, 0), (0, 0, 1.0, 0), (0, 0, 0, 1.0))
    truth = np.repeat([0, 1, 2, 3], 500)
    answers = Oracle(manifest_of(truth), Mistakes(confusion=rows)).ask(np.arange(2000), truth)
    table = Counter((CLASSES[truth[n]], one.label) for n, one in enumerate(answers))
    assert set(table) == {("a", "a"), ("b", "b"), ("b", "c"), ("c", "c"), ("d", "d")}
    assert table["b", "c"] == pytest.approx(250, abs=45)


def test_seeds_and_readers_err_apart(truth):
    manifest, standing = manifest_of(truth), np.full(SIZE, -1)
    first, second = (Oracle(manifest, Mistakes(0.5), seed=s).ask(np.arange(SIZE), standing) for s in (0, 1))
    assert 50 < sum(one.label != other.label for one, other in zip(first, second, strict=True)) < 350
    assert chance(0, "s1", 1) != chance(0, "s1", 2)


def test_every_answer_is_charged_in_its_round(truth, given):
    oracle = Oracle(manifest_of(truth), Mistakes(0.2), readers=5)
    counts = [
        len(oracle.ask(np.arange(start, start + 50), given, round=1 + start // 100)) for start in (0, 50, 100)
    ]
    assert oracle.charged == {1: counts[0] + counts[1], 2: counts[2]}
    assert oracle.spent == sum(counts) > 150
    oracle.ask(np.arange(50), given, round=3)  # the same again is charged again
    assert oracle.charged[3] == counts[0]


def test_a_second_reader_is_asked_where_the_first_disagrees_with_the_label():
    """Bernhardt: a right label is confirmed by one answer (2 : 0), a wrong one outvoted by two (2 : 1)."""
    oracle = Oracle(manifest_of([0, 1]), readers=3)
    kept, tied, changed = oracle.ask(np.array([0, 1]), np.array([0, 0]))
    assert (kept.sample, kept.outcome, kept.authority, kept.reason) == ("s0", "keep", True, "2 of 2 votes")
    assert (tied.reader, tied.label, tied.authority, tied.reason) == ("oracle", "b", False, "")
    assert (changed.reader, changed.label, changed.authority) == ("oracle-2", "b", True)
    assert changed.reason == "2 of 3 votes"
    assert oracle.spent == 3


def test_a_sample_without_a_label_takes_the_first_answer():
    [only] = Oracle(manifest_of([2]), readers=3).ask(np.array([0]), np.array([-1]))
    assert (only.label, only.outcome, only.authority) == ("c", "label", True)


def test_readers_go_on_until_a_label_is_named_twice(truth, given):
    """Against the rule as it is simulated in the paper: draw, count, stop where the two highest counts differ."""
    opinions = Oracle(manifest_of(truth), Mistakes(0.6), readers=9, seed=3).ask(np.arange(SIZE), given)
    by_sample = {}
    for one in opinions:
        by_sample.setdefault(one.sample, []).append(one)
    longest = 0
    for row in range(SIZE):
        answers = by_sample[f"s{row}"]
        counts = np.eye(4, dtype=int)[given[row]]
        for place, one in enumerate(answers):
            counts[CLASSES.index(one.label)] += 1
            top = np.sort(counts)
            last = place == len(answers) - 1
            assert (top[-1] != top[-2]) == last == one.authority
        assert CLASSES[int(counts.argmax())] == answers[-1].label
        assert [one.reader for one in answers[:2]] == ["oracle", "oracle-2"][: len(answers)]
        longest = max(longest, len(answers))
    assert longest == 4  # of four classes and the label that stands, the fifth vote must name one twice


def test_where_the_readers_are_too_few_nothing_is_decided():
    wrong = ((0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0))
    truth = np.zeros(200, int)
    opinions = Oracle(manifest_of(truth, classes=("a", "b", "c")), Mistakes(confusion=wrong), readers=2).ask(
        np.arange(200), truth
    )
    by_sample = {}
    for one in opinions:
        by_sample.setdefault(one.sample, []).append(one)
    assert {len(answers) for answers in by_sample.values()} == {2}
    for first, second in by_sample.values():
        assert not first.authority
        assert second.authority == (first.label == second.label)
    assert 60 < sum(second.authority for _, second in by_sample.values()) < 140


def test_leads():
    assert leads(Counter({1: 1}))
    assert not leads(Counter())


def test_the_key_of_an_answer_is_its_own(truth, given):
    oracle = Oracle(manifest_of(truth), Mistakes(0.5), readers=4)
    opinions = [one for round in (1, 2) for one in oracle.ask(np.arange(SIZE), given, round)]
    assert len({one.key for one in opinions}) == len(opinions)
    again = Oracle(manifest_of(truth), Mistakes(0.5), readers=4).ask(np.arange(SIZE), given, 2)
    assert {one.key for one in again} == {one.key for one in opinions if one.round == 2}


def test_no_attribute_leads_to_the_truth(truth, given):
    oracle = Oracle(manifest_of(truth))
    assert sorted(name for name in vars(oracle) if not name.startswith("_")) == [
        "charged",
        "classes",
        "readers",
    ]
    for value in vars(oracle).values():
        assert not isinstance(value, Manifest | np.ndarray)
        assert list(value if isinstance(value, list | tuple) else ())[: len(truth)] != truth.tolist()
    with pytest.raises((AttributeError, pickle.PicklingError, TypeError)):
        pickle.dumps(oracle)


def test_a_truth_that_changes_later_changes_no_answer(truth, given):
    manifest = manifest_of(truth.copy())
    oracle = Oracle(manifest)
    before = oracle.ask(np.arange(SIZE), given)
    manifest.truth[:] = 0
    assert oracle.ask(np.arange(SIZE), given) == before


def test_without_the_truth_there_is_no_oracle():
    with pytest.raises(InputError, match=r"needs the true labels.*true_label.*--expert queue"):
        Oracle(manifest_of(None, given=[0, 1]))
    with pytest.raises(InputError, match="true label of every sample; 1 have none"):
        Oracle(manifest_of([0, -1]))
    with pytest.raises(InputError, match=r"needs the true masks.*--expert queue"):
        MaskOracle(manifest_of([0, 1]))


def test_no_readers_are_refused():
    with pytest.raises(InputError, match="At least one reader must answer, got 0"):
        Oracle(manifest_of([0, 1]), readers=0)


@pytest.fixture
def drawn_masks(tmp_path):
    """40 images of two structures; the first one's mask is wrong in every second image."""
    draw = np.random.default_rng(0)
    names = {"given": [], "true": []}
    for row in range(40):
        true = draw.random((2, 6, 5)) < 0.4
        true[:, 0, 0] = True
        wrong = true.copy()
        wrong[0] ^= bool(row % 2)
        for kind, masks in (("given", wrong), ("true", true)):
            files = [f"{kind}-{row}-{k}.png" for k in range(2)]
            for file, mask in zip(files, masks, strict=True):
                Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(tmp_path / file)
            names[kind].append(files)
    parts = ((Part(0),), (Part(1),))
    ids = np.array([f"s{row}" for row in range(40)], object)
    return Manifest(
        ids,
        ids,
        np.zeros(40, np.int64),
        ("heart", "lung"),
        ids,
        np.full(40, "", object),
        tmp_path,
        masks=MaskFiles(np.array(names["given"], object), parts),
        true_masks=MaskFiles(np.array(names["true"], object), parts),
    )


def picture(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def test_masks_are_the_true_ones_where_the_given_are_not(drawn_masks):
    oracle = MaskOracle(drawn_masks)
    opinions = oracle.ask(np.array([3, 0]), round=1)
    assert [(one.sample, one.structure, one.outcome) for one in opinions] == [
        ("s3", "heart", "label"),
        ("s3", "lung", "keep"),
        ("s0", "heart", "keep"),
        ("s0", "lung", "keep"),
    ]
    true = read_masks(drawn_masks.true_masks, drawn_masks.root, 3)
    assert (picture(opinions[0].mask) == true[0] * 255).all()
    assert [one.mask for one in opinions[1:]] == [None] * 3
    assert oracle.charged == {1: 4}


def test_an_expert_who_errs_keeps_given_masks(drawn_masks):
    def changed(error, seed=0):
        opinions = MaskOracle(drawn_masks, error, seed).ask(np.arange(40))
        return {one.sample for one in opinions if one.outcome == "label"}

    every = {f"s{row}" for row in range(1, 40, 2)}
    assert changed(0.0) == every
    assert changed(1.0) == set()
    assert set() < changed(0.5) < every
    assert changed(0.5) == changed(0.5) != changed(0.5, seed=1)


def test_masks_do_not_depend_on_what_else_was_asked(drawn_masks):
    whole = MaskOracle(drawn_masks, 0.5).ask(np.arange(40))
    single = MaskOracle(drawn_masks, 0.5).ask(np.array([33]))
    assert [one for one in whole if one.sample == "s33"] == single
