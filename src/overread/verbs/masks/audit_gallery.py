"""The gallery of an audit of masks: the most suspicious images with their contours and doubt maps, for the report."""

from __future__ import annotations

from typing import Any

from overread.detect.masks.evidence import MaskEvidence
from overread.files import write_json
from overread.verbs.masks.findings import MaskFindings, how_it_differs
from overread.verbs.masks.pictures import Pictures, write_jpeg

SHOWN = 24  # images


def write_gallery(pictures: Pictures, evidence: MaskEvidence, findings: MaskFindings) -> None:
    """Writes gallery.json and gallery/*.jpg: the first 24 images, each with what is said of its structures."""
    entries = []
    for rank, row in enumerate(map(int, findings.images[:SHOWN]), 1):
        names = {kind: f"gallery/{row:06d}-{kind}.jpg" for kind in ("contours", "doubt")}
        for name, picture in zip(names.values(), pictures.drawn(row), strict=True):
            write_jpeg(pictures.run / name, picture)
        about = {
            "rank": rank,
            "id": str(evidence.ids[row]),
            "p_wrong": round(float(findings.doubt.image[row]), 4),
        }
        entries.append({**about, **names, "structures": structures_of(row, evidence, findings)})
    write_json(pictures.run / "gallery.json", entries)


def structures_of(row: int, evidence: MaskEvidence, findings: MaskFindings) -> list[dict[str, Any]]:
    """What is said of each structure of an image, most suspicious first."""
    order = sorted(range(len(evidence.structures)), key=lambda k: -findings.doubt.score[row, k])
    return [
        {
            "structure": evidence.structures[k],
            "agreement": round(float(evidence.agreement[row, k]), 4),
            "p_wrong": round(float(findings.doubt.p_wrong[row, k]), 4),
            "flagged": bool(findings.flagged[row, k]),
            "how": how_it_differs(evidence, row, k),
        }
        for k in order
    ]
