"""The gallery: small copies of the most suspicious images and of their neighbours, for the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from overread.data.images import decode
from overread.data.manifest import Manifest
from overread.engine.evidence import Evidence
from overread.files import write_json, write_whole
from overread.functional.neighbours import nearest, unit
from overread.verbs.findings import Findings

Array = np.ndarray[Any, np.dtype[Any]]
SHOWN, LIKE, PIXELS = 48, 3, 160


def write_gallery(run: Path, manifest: Manifest, evidence: Evidence, findings: Findings) -> None:
    """Writes gallery.json and gallery/*.jpg: the first 48 suspects, each with the nearest unflagged images of
    its given and of its suggested class, never of its own group."""
    names = np.array(manifest.classes, dtype=object)
    rows = findings.order[:SHOWN]
    thumbs = Thumbs(run, manifest)
    entries = []
    for rank, row in enumerate(rows, 1):
        given, suggested = int(manifest.given[row]), int(findings.consensus.suggested[row])
        entries.append(
            {
                "rank": rank,
                "id": str(manifest.ids[row]),
                "given": str(names[given]),
                "suggested": str(names[suggested]),
                "score": round(float(findings.consensus.score[row]), 4),
                "p_wrong": round(float(findings.p_wrong[row]), 4),
                "thumb": thumbs.of(int(row)),
                "like_given": [thumbs.entry(one) for one in alike(int(row), given, evidence, findings)],
                "like_suggested": [
                    thumbs.entry(one) for one in alike(int(row), suggested, evidence, findings)
                ],
            }
        )
    write_json(run / "gallery.json", entries)


def alike(row: int, label: int, evidence: Evidence, findings: Findings) -> list[int]:
    """The nearest trusted images that bear `label`, of other groups than the row's."""
    if evidence.features is None:
        return []
    trusted = (evidence.given == label) & ~findings.flagged & (evidence.groups != evidence.groups[row])
    pool = np.append(np.flatnonzero(trusted), row)
    features = unit(evidence.features[pool])
    indices, _ = nearest(features, min(LIKE, len(pool) - 1) or 1, queries=np.array([len(pool) - 1]))
    return [int(pool[index]) for index in indices[0] if index >= 0]


class Thumbs:
    """Small JPEG files in RUN/gallery, one an image."""

    def __init__(self, run: Path, manifest: Manifest) -> None:
        self.run, self.manifest = run, manifest

    def of(self, row: int) -> str:
        """The path, within the run folder, of the small copy of a sample's image."""
        name = f"gallery/{row:06d}.jpg"
        path = self.run / name
        if not path.exists():
            image = Image.fromarray(decode(self.manifest.path(row), PIXELS))
            write_whole(path, lambda part: image.save(part, "JPEG", quality=85))
        return name

    def entry(self, row: int) -> dict[str, str]:
        return {"id": str(self.manifest.ids[row]), "thumb": self.of(row)}
