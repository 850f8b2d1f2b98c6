"""The two acts of an audit of labels of whole images: learn, and find."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from overread.data.reading import Reading
from overread.detect import DETECTORS
from overread.detect.own import OWN
from overread.engine.evidence import Evidence
from overread.errors import InputError, look_up
from overread.files import write_whole
from overread.run import RunFolder
from overread.verbs import findings as finding
from overread.verbs.config import AuditConfig
from overread.verbs.gallery import write_gallery
from overread.verbs.learning import learn
from overread.verbs.summary import summarise

__all__ = ["check_detector", "find", "learn"]


def find(
    run: RunFolder, reading: Reading, config: AuditConfig, evidence: Evidence
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Asks the detectors, and writes all that they find: summary.json's content and suspects.csv's."""
    out = run.path
    write_whole(out / "evidence.npz", evidence.save)
    with run.stage("detect"):
        findings = finding.find(evidence, config.noise_rate, config.seed, config.rank_by)
        suspects = finding.suspects_table(reading.manifest, findings)
    write_whole(out / "suspects.csv", lambda part: suspects.to_csv(part, index=False))
    write_gallery(out, reading.manifest, evidence, findings)
    return summarise(reading, evidence, findings, asdict(config), run.info["seconds"]), suspects


def check_detector(name: str, method: Any) -> None:
    """Refuses a detector that is unknown, or that reads a column which the method does not leave."""
    from overread.engine.task import Classification

    look_up("detector", name, DETECTORS)
    if name in OWN and name not in (left := method.columns(Classification(("a", "b"), features=2))):
        own = [column for column in OWN if column in left]
        offer = f"It leaves {', '.join(own)}." if own else "It leaves no column of its own."
        raise InputError(
            f"--rank-by {name} reads what a method leaves, and this --method leaves none. {offer}"
        )
