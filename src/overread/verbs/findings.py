"""From evidence to findings: every detector's opinion, the noise rate, and the ranked table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from overread.cells import safe_cell as safe_cell
from overread.data.manifest import Manifest
from overread.detect import DETECTORS
from overread.detect.consensus import FLOOR, pooled
from overread.detect.needs import need
from overread.detect.own import OWN
from overread.detect.rate import NoiseRate, noise_rate, probability_wrong
from overread.detect.suspicion import Suspicion
from overread.engine.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]
CUT = 0.5  # a label is flagged where it is more probably wrong than right


@dataclass(frozen=True)
class Findings:
    """What the detectors made of the evidence."""

    opinions: dict[str, Suspicion]  # by detector; "consensus" ranks
    rate: NoiseRate
    p_wrong: Array  # [N] of the consensus
    flagged: Array  # [N] bool
    rank_by: str = "consensus"  # the detector whose score orders the list
    verified: Array | None = None  # [N] bool: what experts have answered for comes last

    @property
    def consensus(self) -> Suspicion:
        return self.opinions["consensus"]

    @property
    def order(self) -> Array:
        """[N] rows, most suspicious first, verified ones last; ties in manifest order."""
        score = self.opinions[self.rank_by].score
        last = np.zeros(len(score), bool) if self.verified is None else self.verified
        return np.lexsort((-score, last))


def find(evidence: Evidence, rate: float | None, seed: int, rank_by: str = "consensus") -> Findings:
    """Runs every detector whose evidence was recorded. `rate` is the noise rate where the user knows it."""
    opinions = {
        name: entry.load()(evidence) for name, entry in DETECTORS.items() if _possible(name, evidence)
    }
    found, p_wrong = doubt(evidence, rate, seed)
    flagged = p_wrong > CUT
    opinions["consensus"] = replace(opinions["consensus"], wrong=flagged)
    return Findings(opinions, found, p_wrong, flagged, rank_by, evidence.columns.get("verified"))


def doubt(evidence: Evidence, rate: float | None, seed: int) -> tuple[NoiseRate, Array]:
    """The noise rate (`rate` where the user knows it) and [N] the probability that each label is wrong, 0 of those
    that experts have verified."""
    found = rate_of(evidence, rate, seed)
    return found, p_wrong_of(evidence, found, seed)


def rate_of(evidence: Evidence, rate: float | None, seed: int) -> NoiseRate:
    """The noise rate, `rate` where the user knows it."""
    probs = need(evidence, "probs", "consensus")
    found = noise_rate(np.log(probs + FLOOR), evidence.given, evidence.groups, seed)
    return found if rate is None else NoiseRate(rate, rate, rate, found.by_label)


def p_wrong_of(evidence: Evidence, found: NoiseRate, seed: int) -> Array:
    """[N] the probability that each label is wrong, where `found` of them are; 0 of those that are verified."""
    p_wrong = probability_wrong(pooled(evidence), evidence.given, found, seed)
    return np.where(evidence.columns.get("verified", False), 0.0, p_wrong)


def _possible(name: str, evidence: Evidence) -> bool:
    if name in OWN:
        return name in evidence.columns
    return evidence.losses is not None or name not in ("loss-sequence", "mean-loss")


def suspects_table(manifest: Manifest, findings: Findings) -> pd.DataFrame:
    """suspects.csv: one row a sample, most suspicious first."""
    names = np.array(manifest.classes, dtype=object)
    rows = findings.order
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(rows) + 1),
            "id": [safe_cell(manifest.ids[row]) for row in rows],
            "image": [str(manifest.path(int(row))) for row in rows],
            "given": [safe_cell(name) for name in names[manifest.given[rows]]],
            "suggested": [safe_cell(name) for name in names[findings.consensus.suggested[rows]]],
            "score": np.round(findings.opinions[findings.rank_by].score[rows], 6),
            "p_wrong": np.round(findings.p_wrong[rows], 6),
            "flagged": findings.flagged[rows].astype(int),
            "why": [why(findings, int(row), names) for row in rows],
        }
    )


def why(findings: Findings, row: int, names: Array) -> str:
    """One short sentence: which detectors doubt the label, and what they would say."""
    others = {name: one for name, one in findings.opinions.items() if name != "consensus"}
    doubting = [name for name, one in others.items() if one.wrong[row]]
    suggested = names[findings.consensus.suggested[row]]
    if not doubting:
        return "No single detector doubts it."
    return f"{len(doubting)} of {len(others)} detectors doubt it ({', '.join(doubting)}); it looks like {suggested}."
