"""The two acts of an audit of masks: learn, and find."""

from __future__ import annotations

from typing import Any

import pandas as pd

from overread.data.reading import Reading
from overread.detect.masks import MASK_DETECTORS
from overread.detect.masks.training import OWN
from overread.errors import InputError, look_up
from overread.files import write_whole
from overread.run import RunFolder
from overread.verbs.config import AuditConfig
from overread.verbs.masks import findings as finding
from overread.verbs.masks.audit_gallery import write_gallery
from overread.verbs.masks.audit_summary import summarise
from overread.verbs.masks.learning import ReadMasks, learn
from overread.verbs.masks.pictures import Pictures

__all__ = ["check_detector", "find", "learn"]


def find(
    run: RunFolder, reading: Reading, config: AuditConfig, learned: ReadMasks
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Asks the detectors, and writes all that they find: summary.json's content and suspects.csv's."""
    out, evidence, manifest = run.path, learned.evidence, reading.manifest
    write_whole(out / "evidence.npz", evidence.save)
    with run.stage("detect"):
        findings = finding.find(evidence, config.noise_rate, config.seed, config.rank_by)
    pictures = Pictures(out, manifest, learned.probs, learned.quiet)
    with run.stage("draw"):
        pictures.write_all()
        write_gallery(pictures, evidence, findings)
    suspects = finding.suspects_table(manifest, evidence, findings, pictures.folder)
    write_whole(out / "suspects.csv", lambda part: suspects.to_csv(part, index=False))
    return summarise(run, reading, learned, findings, config, pictures), suspects


def check_detector(name: str, method: Any) -> None:
    """Refuses a detector that is unknown, or that reads a column which the method does not leave."""
    from overread.engine.segmentation import Segmentation

    look_up("detector", name, MASK_DETECTORS)
    if name in OWN and name not in (left := method.columns(Segmentation(("structure",)))):
        own = [column for column in OWN if column in left]
        offer = f"It leaves {', '.join(own)}." if own else "It leaves no column of its own."
        raise InputError(
            f"--rank-by {name} reads what a method leaves, and this --method leaves none. {offer}"
        )
