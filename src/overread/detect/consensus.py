"""Consensus: the detectors' evidence pooled into one opinion, which ranks the labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.detect.needs import need
from overread.detect.neighbours import votes
from overread.detect.suspicion import Suspicion
from overread.engine.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]
FLOOR = 0.01  # added to each probability before the logarithm: one sure opinion cannot veto the others
SIDE, SECOND = 0.3, 0.5  # weights of the opinions beside the training pass's, which is 1


def pooled(evidence: Evidence, k: int = 50) -> Array:
    r"""[N, C] log-probabilities of a logarithmic opinion pool, $\log p_{ic} = \sum_o w_o \log(p^o_{ic} + 0.01)$.

    Opinions: the training pass (weight 1), whose probabilities saw a sample before its label could be learnt by
    heart; the out-of-sample probabilities (0.3); and the final network (0.3) or, on frozen features, the votes
    of the 50 nearest images of other groups (0.3); and the second read, by heads trained on trusted labels
    alone (0.5). Opinions that a run did not record are left out. The weights are constants.

    Source: Genest and Zidek, "Combining probability distributions", Statistical Science 1986.
    """
    opinions = [(SIDE, need(evidence, "probs", "consensus"))]
    if (training := evidence.columns.get("training_probs")) is not None:
        opinions.append((1.0, training))
    if (final := evidence.columns.get("final_probs")) is not None:
        opinions.append((SIDE, final))
    elif (known := evidence.columns.get("votes")) is not None:
        opinions.append((SIDE, known))
    elif evidence.features is not None:
        opinions.append((SIDE, votes(evidence, min(k, len(evidence) - 1))))
    if (second := evidence.columns.get("second_probs")) is not None:
        opinions.append((SECOND, second))
    total = np.zeros((len(evidence), len(evidence.classes)))
    for weight, probs in opinions:
        total += weight * np.log(probs + FLOOR)
    return total


def consensus(evidence: Evidence) -> Suspicion:
    """Score: minus the pooled log-probability of the given label. The cut is where another label leads; an audit
    replaces it by where a label is more probably wrong than right."""
    pool = pooled(evidence)
    rows = np.arange(len(evidence))
    score = -pool[rows, evidence.given]
    pool[rows, evidence.given] = -np.inf
    suggested = pool.argmax(1)
    return Suspicion(score, suggested, score > -pool[rows, suggested])
