"""From evidence on masks to findings: every detector's opinion, the share of wrong masks, and the ranked table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from overread.data.manifest import Manifest
from overread.data.mask_writing import MaskFolder
from overread.detect.masks import MASK_DETECTORS
from overread.detect.masks.doubt import Doubt, doubt
from overread.detect.masks.evidence import MaskEvidence
from overread.detect.masks.hills import CUT
from overread.detect.masks.suspicion import MaskSuspicion
from overread.detect.masks.training import OWN
from overread.verbs.findings import safe_cell

Array = np.ndarray[Any, np.dtype[Any]]
WHOLE = ("loss-sequence", "mean-loss", *OWN)  # detectors that judge images, not structures


@dataclass(frozen=True)
class MaskFindings:
    """What the detectors made of the evidence."""

    opinions: dict[str, MaskSuspicion]  # by detector
    doubt: Doubt  # the consensus
    rank_by: str  # the detector whose score orders the list

    @property
    def flagged(self) -> Array:
        """[N, K] bool: masks that are more probably wrong than right."""
        return np.asarray(self.doubt.p_wrong > CUT)

    @property
    def score(self) -> Array:
        """[N, K] what orders the list."""
        return self.opinions[self.rank_by].of(self.doubt.p_wrong.shape[1])

    @property
    def order(self) -> Array:
        """[N K, 2] (row, structure), most suspicious first; ties by the consensus, then as they were read."""
        keys = -self.doubt.score.ravel(), -self.score.ravel()
        return np.stack(np.unravel_index(np.lexsort(keys), self.doubt.p_wrong.shape), 1)

    @property
    def images(self) -> Array:
        """[N] rows, the most suspicious image first."""
        rows = self.order[:, 0]
        return np.asarray(rows[np.sort(np.unique(rows, return_index=True)[1])])


def find(evidence: MaskEvidence, rate: float | None, seed: int, rank_by: str = "consensus") -> MaskFindings:
    """Runs every detector whose evidence was recorded. `rate` is the share of wrong masks where the user knows it."""
    found = doubt(evidence, rate, seed)
    opinions = {"consensus": found.suspicion}
    for name, entry in MASK_DETECTORS.items():
        if name not in opinions and (name not in OWN or name in evidence.columns):
            opinions[name] = entry.load()(evidence)
    return MaskFindings(opinions, found, rank_by)


def suspects_table(
    manifest: Manifest, evidence: MaskEvidence, findings: MaskFindings, folder: MaskFolder
) -> pd.DataFrame:
    """suspects.csv: one row a mask, most suspicious first; `folder` is where the suggested masks lie."""
    rows, structures = findings.order.T
    names, at = np.array(manifest.classes, dtype=object), (rows, structures)
    pairs = [(int(row), int(structure)) for row, structure in findings.order]
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(rows) + 1),
            "id": [safe_cell(manifest.ids[row]) for row in rows],
            "image": [str(manifest.path(int(row))) for row in rows],
            "structure": [safe_cell(name) for name in names[structures]],
            "given": [given_files(manifest, row, structure) for row, structure in pairs],
            "suggested": [folder.path(structure, row) for row, structure in pairs],
            "agreement": np.round(evidence.agreement[at], 4),
            "score": np.round(findings.score[at], 6),
            "p_wrong": np.round(findings.doubt.p_wrong[at], 6),
            "flagged": findings.flagged[at].astype(int),
            "why": [why(evidence, findings, row, structure) for row, structure in pairs],
        }
    )


def given_files(manifest: Manifest, row: int, structure: int) -> str:
    """The file of a given mask, several of one that was merged, as in manifest.csv; empty where none was drawn."""
    assert manifest.masks is not None
    return " + ".join(str(manifest.root / name) for name in manifest.masks.of(row, structure))


def why(evidence: MaskEvidence, findings: MaskFindings, row: int, structure: int) -> str:
    """One short sentence: how the given mask differs from the suggested one, and which detectors doubt it."""
    others = {name: one for name, one in findings.opinions.items() if name != "consensus"}
    doubting = [
        name
        for name, one in others.items()
        if (one.wrong if one.wrong.ndim == 1 else one.wrong[:, structure])[row]
    ]
    who = f"{len(doubting)} of {len(others)} detectors doubt it ({', '.join(doubting)})."
    return (
        f"{how_it_differs(evidence, row, structure)} {who if doubting else 'No single detector doubts it.'}"
    )


def how_it_differs(evidence: MaskEvidence, row: int, structure: int) -> str:
    """The given mask beside the suggested one, in words."""
    at = row, structure
    given, suggested = evidence.given_area[at] > 0, evidence.suggested_area[at] > 0
    if not given or not suggested:
        drawn = {(True, False): "Drawn where nothing is seen.", (False, True): "Seen, and not drawn."}
        return drawn.get((bool(given), bool(suggested)), "Neither drawn nor seen.")
    signed, distance = float(evidence.signed[at]), float(evidence.distance[at])
    side = "outside" if signed > 0 else "inside"
    if abs(signed) < 0.5 * distance or distance < 0.5:
        return f"The contours lie {distance:.1f} pixels apart."
    return f"Its contour lies {abs(signed):.1f} pixels {side} the suggested one."
