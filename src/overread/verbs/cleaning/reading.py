"""Reading the given labels: which look wrong, before each round, to heads and networks that did not see them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from overread.detect.consensus import consensus
from overread.detect.neighbours import votes
from overread.detect.rate import NoiseRate
from overread.detect.suspicion import Suspicion
from overread.engine.evidence import Evidence
from overread.verbs.cleaning.desk import Array, Desk, Labels
from overread.verbs.cleaning.model import Model
from overread.verbs.findings import CUT, p_wrong_of, rate_of


@dataclass(frozen=True)
class Read:
    """The first read: an audit of the P given labels of the pool, and what its second read needs."""

    evidence: Evidence
    rate: NoiseRate  # of the given labels; what no round changes
    kept: Array  # [P] bool: what the first read does not doubt
    features: Array  # [P, D] that heads of the second read stand on
    gathering: Any


def first_read(desk: Desk, gathering: Any, model: Model | None) -> Read:
    """Audits the given labels: by the network of the first phase where it is the audit's (`--effort full --start
    ce`), else by heads on frozen features."""
    from overread.engine.features import standardised
    from overread.engine.gather import HEAD, evidence_of, gather_fast
    from overread.engine.stage import learned
    from overread.methods.ce import CE

    config = desk.config
    parts = [standardised(desk.frozen)]
    if model is not None and is_audit(desk):
        evidence = evidence_of(
            gathering.manifest, learned(model.found), desk.prior.probs.numpy(), desk.frozen
        )
        evidence = replace(evidence, columns={**evidence.columns, "final_probs": model.probs})
        parts.append(standardised(model.features))
    else:
        evidence = gather_fast(gathering, CE(), desk.frozen, HEAD)
        voted = votes(evidence, min(50, len(evidence) - 1))  # once: every round looks at the given labels
        evidence = replace(evidence, columns={**evidence.columns, "votes": voted})
    rate = rate_of(evidence, config.noise_rate, config.seed)
    kept = p_wrong_of(evidence, rate, config.seed) <= CUT
    return Read(evidence, rate, kept, np.concatenate(parts, axis=1), gathering)


def is_audit(desk: Desk) -> bool:
    """Whether the first phase trains a network just as `overread audit` does."""
    return desk.config.effort == "full" and desk.config.start == "ce"


@dataclass(frozen=True)
class Doubts:
    """What is known of the P given labels of the pool before a round."""

    evidence: Evidence
    suspicion: Suspicion
    p_wrong: Array  # [P] that the given label is wrong; of labels that were verified it says nothing


def doubts(desk: Desk, read: Read, labels: Labels, number: int) -> Doubts:
    """The consensus on the given labels after round `number`.

    The second read is made anew: heads, cross-fitted by group, learn from what the first read does not doubt and
    from what was verified since, with the labels as they stand.
    """
    from overread.engine.gather import HEAD

    gathering = replace(read.gathering, manifest=labels.on(desk.pool))
    trusted = ((read.kept & ~labels.asked) | labels.verified) & ~labels.closed
    name = f"second-{number}"
    probs = gathering.out_of_fold(name, read.features, HEAD, gathering.head_folds, trusted)
    evidence = replace(read.evidence, columns={**read.evidence.columns, "second_probs": probs})
    return Doubts(evidence, consensus(evidence), p_wrong_of(evidence, read.rate, desk.config.seed))
