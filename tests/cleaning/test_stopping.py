"""The stop rule and the guard against over-cleaning."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from overread.cleaning.stopping import chance_of_run, changes, consecutive_needed, share_interval, stop_rule
from overread.errors import InputError


@pytest.mark.parametrize(
    ("share", "confidence", "needed"), [(0.05, 0.95, 59), (0.01, 0.95, 299), (0.5, 0.75, 2), (0.9, 0.5, 1)]
)
def test_needed_is_the_least_that_suffices(share, confidence, needed):
    assert consecutive_needed(share, confidence) == needed
    assert (1 - share) ** needed <= 1 - confidence + 1e-12
    assert needed == 1 or (1 - share) ** (needed - 1) > 1 - confidence


@pytest.mark.parametrize(("share", "confidence"), [(0.0, 0.95), (0.05, 1.0), (1.2, 0.5)])
def test_shares_are_checked(share, confidence):
    with pytest.raises(InputError, match=f"lie between 0 and 1; these are {share:g} and {confidence:g}"):
        consecutive_needed(share, confidence)


def test_the_rule_counts_from_the_last_wrong_one():
    answers = np.array([True] * 40 + [False] + [True] * 58)
    assert stop_rule(answers).words == "go on: 58 of 59 consecutive confirmations"
    more = stop_rule(np.append(answers, True))
    assert (more.stop, more.run, more.needed) == (True, 59, 59)
    assert more.words.startswith("stop: 59 consecutive confirmations (at most 5 % wrong, 95 % confidence)")
    assert not stop_rule(np.append(answers, [True, False])).stop


def test_no_answers_do_not_stop():
    found = stop_rule(np.zeros(0, bool))
    assert (found.stop, found.run, found.chance) == (False, 0, 0.0)


def test_a_long_search_for_a_run_is_told():
    answers = np.array([False] * 600 + [True] * 59)
    found = stop_rule(answers)
    assert found.stop
    assert found.chance == pytest.approx(chance_of_run(659, 59, 0.05))
    assert (
        f"in 659 answers a run of 59 would come with probability {found.chance:.2f} even at 5 %"
        in found.words
    )


def test_chance_of_a_run_by_counting_all():
    """Every sequence of 8 answers."""
    share, total = 0.3, 0.0
    for code in range(2**8):
        right = [bool(code >> bit & 1) for bit in range(8)]
        if "111" in "".join(str(int(one)) for one in right):
            total += 0.7 ** sum(right) * share ** (8 - sum(right))
    assert chance_of_run(8, 3, share) == pytest.approx(total)
    assert chance_of_run(59, 59, 0.05) == pytest.approx(0.95**59)


def test_of_labels_of_which_five_in_a_hundred_are_wrong_few_searches_stop_at_once():
    rng = np.random.default_rng(0)
    stopped = [stop_rule(rng.random(59) >= 0.05).stop for _ in range(2000)]
    assert np.mean(stopped) == pytest.approx(0.95**59, abs=0.015)


def test_changes_are_counted():
    given = np.array([0, 0, 1, 1, 2, 2])
    answer = np.array([0, 1, 1, 0, 0, -1])
    second = np.array([1, 0, -1, 0, -1, 2])
    found = changes(given, answer, np.array([0.5, 0.05, 0.2, 0.9, 0.02, 0.9]), second)
    assert (found.answered, found.changed, found.against) == (5, 3, 2)
    assert found.expected == pytest.approx(1.67)
    assert found.expected_against == pytest.approx(0.07)
    assert (found.reread, found.returned) == (2, 1)
    assert found.words.startswith(
        "3 of 5 labels changed; 2 expected. Of 2 changed labels that were read again 1 went"
    )
    assert found.warning == ""


def test_nothing_answered():
    found = changes(np.array([1]), np.array([-1]), np.array([0.5]))
    assert (found.answered, found.changed, found.returned_low, found.warning) == (0, 0, None, "")


def test_changes_of_labels_held_right_warn():
    given, p_wrong = np.zeros(300, int), np.full(300, 0.01)
    answer = np.where(np.arange(300) < 12, 1, 0)
    found = changes(given, answer, p_wrong)
    assert (
        "12 labels were changed that are held right (p_wrong below 0.1), where 3.0 were expected"
        in found.warning
    )


def test_readers_who_change_what_is_wrong_are_seldom_warned_of():
    """p_wrong is right about how often labels are wrong, and readers always are right."""
    rng = np.random.default_rng(0)
    warned = 0
    for _ in range(300):
        p_wrong = rng.beta(0.3, 2.0, 400)
        wrong = rng.random(400) < p_wrong
        warned += bool(changes(np.zeros(400, int), wrong.astype(int), p_wrong).warning)
    assert warned <= 6


def test_a_first_reader_who_was_outvoted_counts_as_taken_back():
    given, first, second = np.zeros(4, int), np.array([1, 1, 0, 1]), np.array([0, 1, -1, -1])
    answer = np.array([0, 1, 0, -1])  # what they came to; the last one is disputed
    found = changes(given, answer, np.full(4, 0.5), second, first)
    assert (found.answered, found.changed, found.reread, found.returned) == (3, 1, 2, 1)


def test_changes_that_second_readers_take_back_warn():
    given, answer = np.zeros(60, int), np.ones(60, int)
    second = np.where(np.arange(60) < 20, 0, 1)
    found = changes(given, answer, np.full(60, 0.9), second)
    assert found.warning.startswith("Second readers take back more than 10 % of the changes")
    assert changes(given, answer, np.full(60, 0.9), np.where(np.arange(60) < 4, 0, 1)).warning == ""


@pytest.mark.parametrize(("count", "of"), [(0, 10), (3, 10), (10, 10), (1, 59)])
def test_the_interval_of_a_share_is_scipys(count, of):
    reference = binomtest(count, of).proportion_ci(0.95, "exact")
    assert share_interval(count, of) == pytest.approx((reference.low, reference.high))


def test_lengths_are_checked():
    with pytest.raises(InputError, match="2 given labels, 1 answers, 2 p_wrong, 1 first and 2 second"):
        changes(np.zeros(2, int), np.zeros(1, int), np.zeros(2))
