"""summary.json of an audit of masks: the findings in numbers, with what was not looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from overread import __version__
from overread.data.manifest import Manifest
from overread.data.reading import Reading
from overread.detect.masks import MASK_DETECTORS
from overread.detect.rate import LEVEL
from overread.measure_doubt import area, doubt_overlap, mask_detection
from overread.measure_masks import true_masks, wrong_masks
from overread.quality import expected_calibration_error
from overread.run import RunFolder
from overread.verbs.config import AuditConfig
from overread.verbs.masks.findings import MaskFindings
from overread.verbs.masks.learning import ReadMasks
from overread.verbs.masks.measuring import cache_of
from overread.verbs.masks.pictures import Pictures
from overread.verbs.summary import GIVEN

Array = np.ndarray[Any, np.dtype[Any]]
FEW = 30  # drawings
HOW = (
    "The scores of the consensus are taken for a hill of right masks and, where one shows, a hill of wrong ones, "
    "structure by structure; the masks of one image vouch for each other as far as they go wrong together. It is the "
    "mean of the highest p_wrong of each image. The interval spans resampled groups. Wrong masks that look like "
    "right ones are not counted."
)
LIMITS = [  # of this kind of run; the report adds those of every run
    "Masks are compared at the size that the networks see: errors of about a pixel there, and finer detail, are not "
    "seen.",
    "A mask is held against what networks make of the other masks. What all masks have in common is not doubted, "
    "however wrong it is.",
    "p_wrong assumes that the fit of right masks scatters around one middle. Where wrong masks differ little from "
    "right ones, the two cannot be told apart, and few are flagged.",
]


def summarise(
    run: RunFolder,
    reading: Reading,
    learned: ReadMasks,
    findings: MaskFindings,
    config: AuditConfig,
    pictures: Pictures,
) -> dict[str, Any]:
    """All of summary.json. The truth enters only the last part, `detection` and what follows."""
    manifest, evidence = reading.manifest, learned.evidence
    assert manifest.masks is not None
    images = findings.flagged.any(1)
    return {
        "overread": __version__,
        "verb": "audit",
        "task": "segmentation",
        "effort": config.effort,
        "method": config.method,
        "network": config.network,
        "size": config.size,
        "loss": config.loss,
        "samples": len(manifest),
        "groups": int(manifest.group_codes.max()) + 1,
        "classes": list(manifest.classes),
        "exclusive": manifest.masks.exclusive,
        "epochs": 0 if evidence.losses is None else evidence.losses.shape[1],
        "reads": learned.reads,
        "flagged": int(images.sum()),
        "flagged_masks": int(findings.flagged.sum()),
        "noise_rate": share_in_words(findings, config),
        "per_structure": per_structure(learned, findings),
        "read": reading.as_dict(),
        "warnings": warnings(reading, learned, findings),
        "limits": LIMITS,
        "detectors": detectors(findings),
        **measured(manifest, learned, findings, config, pictures),
        "seconds": dict(run.info["seconds"]),
    }


def share_in_words(findings: MaskFindings, config: AuditConfig) -> dict[str, Any]:
    """The share of images with a wrong mask, and its interval."""
    found = {name: round(getattr(findings.doubt, name), 4) for name in ("low", "high")}
    how = HOW if config.noise_rate is None else GIVEN
    return {"estimate": round(findings.doubt.share, 4), **found, "level": LEVEL, "how": how}


def per_structure(learned: ReadMasks, findings: MaskFindings) -> dict[str, dict[str, Any]]:
    """By structure: how many masks are drawn and flagged, how the flagged ones differ, and the median agreement."""
    evidence, table = learned.evidence, {}
    for k, name in enumerate(evidence.structures):
        flagged, signed = findings.flagged[:, k], evidence.signed[:, k]
        drawn, seen = evidence.given_area[:, k] > 0, evidence.suggested_area[:, k] > 0
        table[name] = {
            "samples": len(evidence),
            "drawn": int(drawn.sum()),
            "flagged": int(flagged.sum()),
            "noise_rate": round(float(findings.doubt.p_wrong[:, k].mean()), 4),
            "agreement": round(float(np.median(evidence.agreement[:, k])), 4),
            "too_large": int((flagged & drawn & seen & (signed > 0)).sum()),
            "too_small": int((flagged & drawn & seen & (signed <= 0)).sum()),
            "missing": int((flagged & ~drawn).sum()),
            "not_seen": int((flagged & ~seen).sum()),
        }
    return table


def detectors(findings: MaskFindings) -> dict[str, dict[str, Any]]:
    """By detector: what it is, how many images its own cut flags, and the share of the final flags among them."""
    final = findings.flagged.any(1)
    return {
        name: {
            "flagged": int(one.wrong_images.sum()),
            "agrees": round(float(one.wrong_images[final].mean()), 4) if final.any() else None,
            "what": MASK_DETECTORS[name].what.removeprefix("masks: "),
        }
        for name, one in findings.opinions.items()
    }


def warnings(reading: Reading, learned: ReadMasks, findings: MaskFindings) -> list[str]:
    """What a careful reader should know before trusting the list."""
    manifest, evidence, told = reading.manifest, learned.evidence, []
    if reading.conflicts:
        told.append(f"{len(reading.conflicts)} identical images have different masks: one of each is wrong.")
    if reading.groups_across_splits:
        told.append(
            f"{len(reading.groups_across_splits)} groups stand in more than one split: results there leak."
        )
    drawn = (evidence.given_area > 0).sum(0)
    small = [
        f"{name} ({count})" for name, count in zip(evidence.structures, drawn, strict=True) if count < FEW
    ]
    if small:
        told.append(
            f"Structures that are drawn in fewer than {FEW} images are hard to judge: {', '.join(small)}."
        )
    if len(np.unique(manifest.group_codes)) == len(manifest):
        told.append(
            "No groups were given: if patients have several images, name them (--group-col or --groups)."
        )
    if learned.reads == 1:
        told.append("Too few masks are trusted to learn from them alone: there was no second read.")
    if findings.doubt.share > 0.6:
        told.append("Most images have a mask that looks wrong: check that masks and images belong together.")
    return told


def measured(
    manifest: Manifest, learned: ReadMasks, findings: MaskFindings, config: AuditConfig, pictures: Pictures
) -> dict[str, Any]:
    """Where the truth is known: how good each detector's ranking is, beside the baseline that sees no image; whether
    the probabilities hold; and whether the doubt maps show where the flagged masks are wrong."""
    truth = true_masks(manifest, learned.evidence.size, cache_of(config))
    wrong = wrong_masks(learned.masks, truth)
    if wrong is None:
        return {}
    opinions = {**findings.opinions, "area": area(learned.evidence.given_area)}
    images = wrong.any(1)
    found = np.flatnonzero(images & findings.flagged.any(1))
    return {
        "detection": {name: mask_detection(one, wrong) for name, one in opinions.items()},
        "calibration": {
            "ece": round(expected_calibration_error(findings.doubt.p_wrong.ravel(), wrong.ravel()), 4),
            "wrong": int(images.sum()),
            "wrong_masks": int(wrong.sum()),
            "rate": round(float(images.mean()), 4),
        },
        "doubt": doubt_overlap(manifest, found, lambda row: np.asarray(Image.open(pictures.doubt_path(row)))),
    }
