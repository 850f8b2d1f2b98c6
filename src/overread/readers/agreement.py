"""How well readers agree on classes: the usual measures, each with its interval, or in words."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import combinations, product
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from overread.errors import look_up
from overread.readers.answers import Answers, answers_of
from overread.readers.disagreement import SCALES, WEIGHTS, coincident, crossed, differing, spread
from overread.readers.resampling import Agreement, Counted, Split, judged, skew

Array = np.ndarray[Any, np.dtype[Any]]


def cohen(answers: Answers, weights: str = "none") -> Agreement:
    r"""Cohen's kappa of two readers, $1 - \sum_{jk} w_{jk} o_{jk} / \sum_{jk} w_{jk} r_j c_k$.

    $o_{jk}$ is the share of the items that both read to which the first gave class j and the second k, r and c
    [C] are its margins. Weights of C classes: none, $w_{jk} = [j \ne k]$; linear, $|j - k| / (C - 1)$; quadratic,
    $(j - k)^2 / (C - 1)^2$: the last two for classes that have an order. -1 to 1; 0 as by chance.

    Source: Cohen, "A coefficient of agreement for nominal scales", 1960; weighted, 1968.
    """
    name = "cohen" if weights == "none" else f"cohen-{weights}"
    split = partial(crossed, look_up("weights of kappa", weights, WEIGHTS))
    columns = np.flatnonzero((answers.codes[answers.often >= 2] >= 0).any(0))
    if len(columns) > 2:
        words = (
            f"Cohen's kappa is of two readers and here are {len(columns)}: take it pair by pair, "
            "or Fleiss, Krippendorff or AC1 of all."
        )
        return _nothing(name, answers, words)
    if len(columns) < 2:
        return _nothing(name, answers, _unheard(answers))
    first, second = answers.codes[:, columns].T
    both = np.flatnonzero((first >= 0) & (second >= 0))
    cells = _cells(answers, both, first[both], second[both], np.ones(len(both)))
    return _judged(name, answers, cells, split, skew(answers) if weights == "none" else "")


def krippendorff(answers: Answers, scale: str = "nominal") -> Agreement:
    r"""Krippendorff's alpha of any number of readers, some of whom may not have read an item.

    With $n_{ic}$ how many gave item i class c and $m_i = \sum_c n_{ic} \ge 2$, the coincidences are
    $o_{ck} = \sum_i n_{ic} (n_{ik} - [c = k]) / (m_i - 1)$, $n_c = \sum_k o_{ck}$, $n = \sum_c n_c$, and

    $$\alpha = 1 - (n - 1) \frac{\sum_{ck} o_{ck}\, \delta^2_{ck}}{\sum_{ck} n_c n_k\, \delta^2_{ck}}.$$

    $\delta^2_{ck}$: nominal $[c \ne k]$; interval $(c - k)^2$; ordinal
    $(\sum_{g=c}^{k} n_g - (n_c + n_k) / 2)^2$. -1 to 1; 0 as by chance. Items read once do not enter.

    Source: Krippendorff, "Computing Krippendorff's alpha-reliability", 2011.
    """
    name = "krippendorff" if scale == "nominal" else f"krippendorff-{scale}"
    split = partial(coincident, look_up("scale of alpha", scale, SCALES))
    cells = csr_array((len(answers.codes), len(answers.classes) ** 2))
    order = np.argsort(
        -answers.counts, axis=1, kind="stable"
    )  # [N, C] the classes that an item was given come first
    counts = np.take_along_axis(answers.counts, order, 1)
    for one, other in product(range(int((counts > 0).sum(1).max(initial=0))), repeat=2):
        pairs = counts[:, one] * (counts[:, other] - (one == other))
        rows = np.flatnonzero((pairs > 0) & (answers.often > 1))
        values = pairs[rows] / (answers.often[rows] - 1)
        cells = cells + _cells(answers, rows, order[rows, one], order[rows, other], values)
    return _judged(name, answers, cells, split, skew(answers) if scale == "nominal" else "")


def fleiss(answers: Answers) -> Agreement:
    r"""Fleiss' kappa of any number of readers, $1 - (1 - p_a) / (1 - \sum_c \pi_c^2)$.

    $p_a$ is raw agreement (`raw`), $\pi_c$ the mean over all items that were read of $n_{ic} / m_i$. With
    equally many answers for every item it is Fleiss' own; with missing ones Gwet's extension. -1 to 1; 0 as by
    chance.

    Source: Fleiss, "Measuring nominal scale agreement among many raters", 1971; Gwet, Handbook of Inter-Rater
    Reliability, 4th ed. 2014.
    """
    return _spread("fleiss", answers, lambda pi: 1.0 - (pi**2).sum(1), skew(answers))


def ac1(answers: Answers) -> Agreement:
    r"""Gwet's AC1, $1 - (1 - p_a) / (1 - p_e)$ with $p_e = \frac{1}{C - 1} \sum_c \pi_c (1 - \pi_c)$.

    As `fleiss`, but chance agreement falls where one class prevails, so that it stays high where readers nearly
    always say the same. C counts all classes that could have been given. -1 to 1.

    Source: Gwet, "Computing inter-rater reliability and its variance in the presence of high agreement", 2008.
    """
    C = len(answers.classes)
    if C < 2:
        return _nothing("ac1", answers, "There is but one class to give: agreement says nothing.")
    return _spread("ac1", answers, lambda pi: 1.0 - (pi * (1.0 - pi)).sum(1) / (C - 1))


def raw(answers: Answers) -> Agreement:
    r"""Raw agreement: how often two readers of an item say the same. 0 to 1; not corrected for chance.

    $p_a$ = the mean over items with $m_i \ge 2$ answers of $\sum_c n_{ic} (n_{ic} - 1) / (m_i (m_i - 1))$.
    """
    return _spread("raw", answers, lambda pi: np.ones(len(pi)))


def specific(answers: Answers, label: str) -> Agreement:
    r"""Agreement on one class: how often, where a reader says it, another says it too. 0 to 1.

    $\sum_i n_{ic} (n_{ic} - 1) / \sum_i n_{ic} (m_i - 1)$. Of two readers $2a / (2a + b + c)$: with two classes,
    positive agreement for the one and negative for the other.

    Source: Spitzer and Fleiss 1974; Cicchetti and Feinstein, "High agreement but low kappa II", 1990.
    """
    count = answers.counts[:, look_up("class", label, {name: c for c, name in enumerate(answers.classes)})]
    pairs = np.stack([count * (answers.often - count), count * (answers.often - 1)], 1).astype(float)
    name = f"agreement on {label!r}"
    if not ((count > 0) & (answers.often >= 2)).any():
        return _nothing(
            name, answers, _unheard(answers) or f"No item that was read twice was called {label!r}."
        )
    return _judged(name, answers, np.where(answers.often[:, None] >= 2, pairs, 0.0), differing)


def measures(answers: Answers, ordered: bool = False) -> tuple[Agreement, ...]:
    """All measures; those for classes with an order, which `Answers.classes` stand in, where `ordered`."""
    plain: list[Callable[[Answers], Agreement]] = [raw, cohen, fleiss, krippendorff, ac1]
    if ordered:
        plain += [partial(cohen, weights=name) for name in ("linear", "quadratic")]
        plain += [partial(krippendorff, scale=name) for name in ("ordinal", "interval")]
    found = [measure(answers) for measure in plain]
    return (*found, *(specific(answers, label) for label in answers.classes))


def pairs(answers: Answers, weights: str = "none") -> dict[tuple[str, str], Agreement]:
    """Cohen's kappa of each pair of readers."""

    def of(both: tuple[int, int]) -> Agreement:
        codes = answers.codes[:, both]
        return cohen(answers_of(codes, answers.classes, answers.groups), weights)

    columns = combinations(range(len(answers.readers)), 2)
    return {(answers.readers[a], answers.readers[b]): of((a, b)) for a, b in columns}


def _spread(name: str, answers: Answers, chance: Callable[[Array], Array], notes: str = "") -> Agreement:
    """A measure of raw agreement, and of how answers spread over classes."""
    counts, often = answers.counts, answers.often
    alike = (counts * (counts - 1)).sum(1) / np.maximum(often * (often - 1), 1)
    rows = np.column_stack(
        [1.0 - alike, np.ones(len(often)), np.zeros(len(often)), counts / np.maximum(often, 1)[:, None]]
    )
    rows[often < 2, :2] = 0.0
    rows[:, 2] = often >= 1
    return _judged(name, answers, rows, partial(spread, chance), notes)


def _judged(name: str, answers: Answers, rows: Any, split: Split, notes: str = "") -> Agreement:
    """The measure from what each item adds to its sums, [N, F]; items that add nothing do not enter."""
    if words := _unheard(answers):
        return _nothing(name, answers, words)
    cells = csr_array(rows)
    entering = np.asarray(abs(cells).sum(1)) > 0.0
    names, places = np.unique(answers.groups[entering], return_inverse=True)
    member = csr_array(
        (np.ones(len(places)), (places, np.flatnonzero(entering))), (len(names), len(entering))
    )
    heard = len(np.unique(answers.groups[entering & (answers.often >= 2)]))
    sums = member @ cells  # [G, F]
    return judged(Counted(name, sums, split, heard), answers, notes, _one_class(answers))


def _one_class(answers: Answers) -> str:
    said = np.flatnonzero(answers.counts[answers.often >= 2].any(0))
    label = answers.classes[said[0]]
    return f"Every answer is {label!r}: chance would agree as well, so the measure is undefined. Raw agreement is 1."


def _unheard(answers: Answers) -> str:
    """Why there is nothing to measure; empty where there is."""
    readers = int((answers.codes >= 0).any(0).sum())
    if readers < 2:
        return f"{('Nobody has', 'One reader alone has')[readers]} read: agreement needs two."
    return "" if (answers.often >= 2).any() else "No item was read by two readers: let some be read twice."


def _nothing(name: str, answers: Answers, words: str) -> Agreement:
    twice = answers.often >= 2
    readers = int((answers.codes[twice] >= 0).any(0).sum())
    return Agreement(name, None, None, None, int(twice.sum()), readers, words)


def _cells(answers: Answers, rows: Array, first: Array, second: Array, values: Array) -> Any:
    """Sparse [N, C * C]: of item `rows`, `values` in the cell of a first and a second class."""
    C = len(answers.classes)
    return csr_array((values, (rows, first * C + second)), shape=(len(answers.codes), C**2))
