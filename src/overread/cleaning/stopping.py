"""When to stop asking, and whether asking does harm: the stop rule and the guard against over-cleaning."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log1p
from typing import Any

import numpy as np

from overread.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]
SHARE, CONFIDENCE = 0.05, 0.95
LOW = 0.1  # labels of a p_wrong below this count as held right
LEAST_AGAINST, CHANCE = (
    3,
    0.01,
)  # changes against a low p_wrong: how many, and how improbable, before it is told
RETURNED = 0.1  # the part of changes that a second reader takes back, from which on it is told
FLOOR = 1e-3  # no p_wrong is taken for smaller: none is that sure


def consecutive_needed(share: float = SHARE, confidence: float = CONFIDENCE) -> int:
    r"""How many labels in a row must be confirmed: the smallest n with $(1 - s)^n \le 1 - c$.

    Were a share s or more of the labels wrong, n right ones in a row would be drawn with a probability of at most
    1 - c. `share` and `confidence` lie between 0 and 1.

    >>> consecutive_needed(), consecutive_needed(0.01), consecutive_needed(0.1, 0.9)
    (59, 299, 22)
    """
    if not (0.0 < share < 1.0 and 0.0 < confidence < 1.0):
        raise InputError(
            f"The share of wrong labels to bear and the confidence lie between 0 and 1; these are {share:g} and "
            f"{confidence:g}: 0.05 and 0.95 are usual."
        )
    return max(1, ceil(log1p(-confidence) / log1p(-share) - 1e-9))


@dataclass(frozen=True)
class Stop:
    """What the stop rule says after the answers so far."""

    stop: bool
    run: int  # confirmations since the last wrong label
    needed: int
    chance: float  # of such a run anywhere in as many answers, were each label wrong with the share to bear
    words: str


def stop_rule(confirmed: Array, share: float = SHARE, confidence: float = CONFIDENCE) -> Stop:
    r"""Whether the last answers are enough confirmations in a row to stop.

    Args:
        confirmed: bool, of the labels in the order in which they were asked, the most suspicious first: whether the
            reader kept the label. Unsure and skipped ones are left out.
        share, confidence: stop when, were at least this share of the labels wrong, so long a run would be as
            improbable as 1 - confidence.

    Under an order by suspicion what was not asked is no more often wrong than what was last asked, if the order is
    right; then the rule holds for what is left. Of an order that says nothing it holds for the labels alike.

    The confidence is that of one look. Who looks after every answer stops at the first run that comes: `chance` is
    the probability that N answers, each wrong with probability s, have a run of n anywhere,
    $1 - f_N$ with $f_t = f_{t-1} - s (1 - s)^n f_{t-n-1}$, $f_t = 1$ for $t < n$ and $f_n = 1 - (1 - s)^n$. It is
    told where the rule stops and it exceeds twice 1 - confidence; the larger it is, the less the run proves.

    >>> stop_rule(np.array([False] + 59 * [True])).words
    'stop: 59 consecutive confirmations (at most 5 % wrong, 95 % confidence)'
    """
    confirmed = np.asarray(confirmed, bool)
    needed = consecutive_needed(share, confidence)
    wrong = np.flatnonzero(~confirmed)
    run = len(confirmed) - (int(wrong[-1]) + 1 if len(wrong) else 0)
    chance = chance_of_run(len(confirmed), needed, share)
    meaning = f"at most {100 * share:g} % wrong, {100 * confidence:g} % confidence"
    if run < needed:
        words = f"go on: {run} of {needed} consecutive confirmations"
    elif chance <= 2 * (1.0 - confidence):
        words = f"stop: {run} consecutive confirmations ({meaning})"
    else:
        words = (
            f"stop: {run} consecutive confirmations ({meaning}); in {len(confirmed)} answers a run of {needed} would "
            f"come with probability {chance:.2f} even at {100 * share:g} % wrong"
        )
    return Stop(run >= needed, run, needed, chance, words)


def chance_of_run(answers: int, run: int, share: float) -> float:
    """The probability of `run` right ones in a row anywhere in so many, each wrong with probability `share`.

    >>> chance_of_run(3, 2, 0.5)
    0.375
    """
    if answers < run:
        return 0.0
    none = np.ones(answers + 1)  # that there is none in the first t
    last = float(np.exp(run * log1p(-share)))
    none[run] = 1.0 - last
    for t in range(run + 1, answers + 1):
        none[t] = none[t - 1] - share * last * none[t - run - 1]
    return float(1.0 - none[answers])


@dataclass(frozen=True)
class Changes:
    """What the readers did to labels, and what speaks against it. No truth is known here."""

    answered: int
    changed: int
    expected: float  # changes, by p_wrong
    against: int  # changes of labels that are held right: p_wrong below `LOW`
    expected_against: float
    reread: int  # changed labels that a second reader saw
    returned: int  # and called by the given label again
    returned_low: float | None  # 95 % interval of their share; None where none was read again
    returned_high: float | None
    words: str
    warning: str  # empty where nothing speaks against the changes


def changes(
    given: Array, answer: Array, p_wrong: Array, second: Array | None = None, first: Array | None = None
) -> Changes:
    r"""The guard against over-cleaning: are right labels being changed?

    Two signs, neither of which needs the truth. Labels of a p_wrong below 0.1 are wrong in $\mu = \sum p$ cases; k
    changes among them warn where k is 3 or more and $P(K \ge k) < 0.01$, K of a Poisson distribution with mean
    $\mu$. And of the changed labels that a second reader saw, the share that went back to the given label warns where
    its 95 % interval (Clopper and Pearson) lies above 0.1.

    Args:
        given, answer: [n] codes of the label before and of the reader's; an answer of -1 is none.
        p_wrong: [n] before it was asked, 0 to 1.
        second: [n] codes of a second reader's answers, who did not see the first; -1 where there is none.
        first: [n] codes of the first reader's, where `answer` is what several came to; -1 where there is none.
    """
    given, answer, p_wrong = np.asarray(given), np.asarray(answer), np.asarray(p_wrong, float)
    second = np.full(len(given), -1) if second is None else np.asarray(second)
    first = answer if first is None else np.asarray(first)
    if not len(given) == len(answer) == len(p_wrong) == len(second) == len(first):
        raise InputError(
            f"There are {len(given)} given labels, {len(answer)} answers, {len(p_wrong)} p_wrong, {len(first)} first "
            f"and {len(second)} second answers: give one of each a label."
        )
    said = answer >= 0
    changed = said & (answer != given)
    p = np.clip(p_wrong, FLOOR, 1.0)
    held = said & (p_wrong < LOW)
    against, mean = int((changed & held).sum()), float(p[held].sum())
    reread = (first >= 0) & (first != given) & (second >= 0)
    returned = int((second == given)[reread].sum())
    low, high = share_interval(returned, int(reread.sum()))
    answered, altered, expected = int(said.sum()), int(changed.sum()), float(p[said].sum())
    words = f"{altered} of {answered} labels changed; {expected:.0f} expected."
    if low is not None and high is not None:
        words += (
            f" Of {int(reread.sum())} changed labels that were read again {returned} went back to the given one "
            f"({100 * low:.0f} to {100 * high:.0f} %)."
        )
    warning = " ".join([*_against(against, mean), *_returned(low)])
    again = (int(reread.sum()), returned, low, high)
    return Changes(answered, altered, expected, against, mean, *again, words, warning)


def _against(count: int, mean: float) -> list[str]:
    from scipy.special import gammainc

    if count < LEAST_AGAINST or gammainc(count, mean) >= CHANCE:  # P(K >= k), K Poisson
        return []
    return [
        f"{count} labels were changed that are held right (p_wrong below {LOW:g}), where {mean:.1f} were expected: "
        "either right labels are being changed or p_wrong is too sure. Have them read again."
    ]


def _returned(low: float | None) -> list[str]:
    if low is None or low <= RETURNED:
        return []
    return [
        f"Second readers take back more than {100 * RETURNED:.0f} % of the changes: right labels are being changed. "
        "Ask two readers for each."
    ]


def share_interval(count: int, of: int, level: float = CONFIDENCE) -> tuple[float | None, float | None]:
    """The interval of a share, count / of, by Clopper and Pearson; None of nothing.

    >>> [round(end, 3) for end in share_interval(0, 59)]
    [0.0, 0.061]
    """
    from scipy.special import betaincinv

    if of == 0:
        return None, None
    tail = (1.0 - level) / 2.0
    low = float(betaincinv(count, of - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, of - count, 1.0 - tail)) if count < of else 1.0
    return low, high
