"""What several readers say together: by majority, and by CROWDLAB, which weighs readers and a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from overread.errors import InputError
from overread.readers.answers import Answers

Array = np.ndarray[Any, np.dtype[Any]]
TILT = 1e-6


@dataclass(frozen=True)
class Majority:
    """What more than half of an item's readers say."""

    label: Array  # [N] int64, -1 where no class has more than half of the answers
    share: Array  # [N] the part of the answers that the leading class has; 0 where nobody answered
    tied: Array  # [N] bool: two classes or more lead together
    disputed: Array  # [N] bool: answered, but without a majority; ties are among them
    words: str


def majority(answers: Answers) -> Majority:
    """The class that more than half of an item's readers gave it. Without one the label is -1, never a guess.

    >>> from overread.readers.answers import answers_of
    >>> found = majority(answers_of(np.array([[0, 0, 1], [0, 1, -1], [-1, -1, -1]]), ("cat", "dog")))
    >>> found.label.tolist(), found.words
    ([0, -1, -1], '1 of 2 items that were read has no majority (1 tied).')
    """
    counts, often = answers.counts, answers.often
    most = counts.max(1)
    agreed = 2 * most > often
    tied = ((counts == most[:, None]).sum(1) > 1) & (often > 0)
    disputed = (often > 0) & ~agreed
    label = np.where(agreed, counts.argmax(1), -1)
    share = most / np.maximum(often, 1)
    count, read = int(disputed.sum()), int((often > 0).sum())
    have = "has" if count == 1 else "have"
    words = f"{count} of {read} items that were read {have} no majority ({int(tied.sum())} tied)." * (
        count > 0
    )
    return Majority(label, share, tied, disputed, words)


def leading(answers: Answers) -> Array:
    r"""[N] the class that most readers of an item gave it, -1 where nobody did. Where classes lead together: that of
    the readers who are more often with the majority; then the one that was given more often; then the first.

    The weight of reader r is $(a_r + 1) / (b_r + 2)$: of $b_r$ items that r and somebody else read, and on which
    more than half agree, r is with the majority on $a_r$. Of the classes that lead the greatest sum of weights wins.

    >>> from overread.readers.answers import answers_of
    >>> leading(answers_of(np.array([[0, 0, 1], [0, 1, -1], [-1, -1, -1]]), ("cat", "dog"))).tolist()
    [0, 0, -1]
    """
    codes, counts = answers.codes, answers.counts
    common = majority(answers).label
    heard = ((common >= 0) & (answers.often > 1))[:, None] & (codes >= 0)
    weight = ((heard & (codes == common[:, None])).sum(0) + 1.0) / (heard.sum(0) + 2.0)  # [R]
    sums = np.stack([(codes == code) @ weight for code in range(len(answers.classes))], 1)  # [N, C]
    total = np.broadcast_to(counts.sum(0), counts.shape)
    order = np.lexsort((-total, -np.round(sums, 9), -counts), axis=1)  # stable: the first class wins
    return np.where(answers.often > 0, order[:, 0], -1)


@dataclass(frozen=True)
class Crowd:
    """What readers and a model say together."""

    label: Array  # [N] int64, -1 where nobody answered
    confidence: Array  # [N] 0 to 1: the probability of that label; 0 where nobody answered
    unsaid: Array  # [N] bool: the model outweighed the readers, none of whom gave that label
    quality: dict[str, float | None]  # by reader, 0 to 1; None where nothing can be said
    words: str


def crowdlab(answers: Answers, probs: Array) -> Crowd:
    r"""CROWDLAB: the class of the highest $p_{ic} \propto w_M\, p^M_{ic} + \sum_{r \in R_i} w_r\, q(c, y_{ir})$.

    $y_{ir}$ is what reader r gave item i, $p^M$ the model, $q(c, y)$ is P where $c = y$ and $(1 - P) / (C - 1)$
    elsewhere, with P how often readers agree with the majority. $w_r = 1 - e_r / e$, e_r how often reader r differs
    from the others and e how often the commonest class is wrong; $w_M$ likewise from the model's errors, times the
    root of the mean number of answers. The quality of a reader blends the mean $p_{i y_{ir}}$ of the reader's answers
    with the reader's agreement with the consensus. By cleanlab.

    Args:
        answers: of N items. Items that nobody answered and readers without an answer are left out.
        probs: [N, C] of a model that was not trained on these answers: rows sum to 1.

    Where no item has two answers, or no two readers ever agree, there is nothing to weigh readers by: the answer
    itself, or the majority, is the label, its probability under the model the confidence, and the words say so. A
    disputed item then takes the answer that the model finds likeliest.

    Source: Goh, Tkachenko and Mueller, "CROWDLAB: Supervised learning to infer consensus labels and quality scores
    for data with multiple annotators", 2022.
    """
    _check(answers, probs)
    rows, columns = np.flatnonzero(answers.often > 0), np.flatnonzero((answers.codes >= 0).any(0))
    codes, given = answers.codes[np.ix_(rows, columns)], probs[rows]
    size = len(answers.codes)
    label, confidence = np.full(size, -1, np.int64), np.zeros(size)
    if words := _unweighable(answers):
        label[rows], confidence[rows] = _likeliest(answers.counts[rows], given)
        quality: dict[str, float | None] = dict.fromkeys(answers.readers)
    else:
        label[rows], confidence[rows], found = _weighed(codes, given)
        quality = dict.fromkeys(answers.readers) | {
            answers.readers[column]: value for column, value in zip(columns, found, strict=True)
        }
        words = _notes(answers)
    unsaid = np.zeros(size, bool)
    unsaid[rows] = answers.counts[rows, label[rows]] == 0
    if unsaid.any():
        words += (
            f" Of {int(unsaid.sum())} items the model outweighs the readers: none of them gave that label."
        )
    return Crowd(label, confidence, unsaid, quality, words.strip())


def _weighed(codes: Array, probs: Array) -> tuple[Array, Array, list[float | None]]:
    """Labels, confidences, and the quality of each reader."""
    from cleanlab.multiannotator import get_label_quality_multiannotator

    said = np.where(codes >= 0, codes, np.nan)
    found = get_label_quality_multiannotator(said, _untied(codes, probs), verbose=False)
    items, readers = found["label_quality"], found["annotator_stats"].sort_index()
    quality = [float(value) if np.isfinite(value) else None for value in readers["annotator_quality"]]
    label = items["consensus_label"].to_numpy(np.int64)
    return label, items["consensus_quality_score"].to_numpy(float), quality


def _untied(codes: Array, probs: Array) -> Array:
    """Probabilities that are nowhere equal, by a millionth in favour of classes that were given more often, then of
    those that stand first: cleanlab draws lots between equal ones, and the same answers must give the same labels."""
    C = probs.shape[1]
    favour = np.bincount(codes[codes >= 0], minlength=C) + (C - np.arange(C)) / (C + 1.0)
    return np.asarray((1.0 - TILT) * probs + TILT * favour / favour.sum())


def _likeliest(counts: Array, probs: Array) -> tuple[Array, Array]:
    """Of the classes that most readers gave an item, the one that the model finds likeliest."""
    leading = counts == counts.max(1, keepdims=True)
    label = np.where(leading, probs, -1.0).argmax(1)
    return label, probs[np.arange(len(label)), label]


def _unweighable(answers: Answers) -> str:
    """Why readers cannot be weighed; empty where they can."""
    if not (answers.often >= 2).any():
        return (
            "No item has two answers: readers cannot be weighed. The label is the answer, "
            "the confidence its probability under the model."
        )
    if not (answers.counts >= 2).any():
        return (
            "No two readers ever gave an item the same class: readers cannot be weighed. The label is the answer "
            "that the model finds likeliest, the confidence its probability under the model."
        )
    return ""


def _notes(answers: Answers) -> str:
    sentences = []
    if unread := int((answers.often == 0).sum()):
        sentences.append(f"{unread} items were read by nobody and have no label.")
    alone = answers.codes[answers.often < 2]
    shared = (answers.codes[answers.often >= 2] >= 0).any(0)
    by_themselves = [answers.readers[r] for r in np.flatnonzero(~shared & (alone >= 0).any(0))]
    if by_themselves:
        names = ", ".join(by_themselves)
        sentences.append(
            f"{names} read no item with another: weighed like the mean of the others, quality not known."
        )
    return " ".join(sentences)


def _check(answers: Answers, probs: Array) -> None:
    expected = (len(answers.codes), len(answers.classes))
    problems = []
    if probs.shape != expected:
        problems.append(f"They are {probs.shape}: give one row an item and one column a class, {expected}.")
    elif not np.isfinite(probs).all() or (probs < 0).any() or (abs(probs.sum(1) - 1.0) > 1e-3).any():
        problems.append("Some rows are not probabilities: each must be finite, not below 0, and sum to 1.")
    if len(answers.classes) < 2:
        problems.append("There is but one class: CROWDLAB needs two.")
    if problems:
        raise InputError("CROWDLAB takes a model's probabilities of the items. " + " ".join(problems))
