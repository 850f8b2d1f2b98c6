"""summary.json: the audit in numbers, with what it did not look at."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread import __version__
from overread.data.manifest import Manifest
from overread.data.reading import Reading
from overread.detect import DETECTORS
from overread.detect.rate import LEVEL, NoiseRate
from overread.engine.evidence import Evidence
from overread.measure import detection, rarity, wrong_labels
from overread.quality import expected_calibration_error
from overread.verbs.findings import Findings

Array = np.ndarray[Any, np.dtype[Any]]
HOW = (
    "Among the images that look least like a class, out of sample, the share that bears its label; summed over the "
    "classes. The interval spans resampled groups and the choice of how many images that are. What happens to the "
    "labels of typical images is assumed to happen to all."
)
GIVEN = "Given by --noise-rate; not estimated."
SMALL_CLASS = 30
LIMITS = [  # of this kind of run; the report adds those of every run
    "Copies of one image that stand in several groups can vouch for each other.",
    "The noise rate and p_wrong assume that what happens to the labels of typical images happens to all. Errors "
    "on images at the border between two classes alone are not counted.",
]


def summarise(
    reading: Reading,
    evidence: Evidence,
    findings: Findings,
    config: dict[str, Any],
    seconds: dict[str, float],
) -> dict[str, Any]:
    """All of summary.json. The truth enters only the last part, `detection` and `calibration`."""
    manifest = reading.manifest
    read = reading.as_dict()
    how = HOW if config["noise_rate"] is None else GIVEN
    return {
        "overread": __version__,
        "task": "classification",
        "effort": config["effort"],
        "method": config["method"],
        "samples": len(manifest),
        "groups": int(manifest.group_codes.max()) + 1,
        "classes": list(manifest.classes),
        "epochs": 0 if evidence.losses is None else evidence.losses.shape[1],
        "flagged": int(findings.flagged.sum()),
        "noise_rate": {**rate_in_words(findings.rate, manifest.classes), "level": LEVEL, "how": how},
        "per_class": per_class(manifest, findings),
        "given_vs_suggested": given_vs_suggested(manifest, findings),
        "read": read,
        "warnings": warnings(reading, findings),
        "limits": LIMITS,
        "detectors": detectors(findings),
        **measured(manifest, findings),
        "seconds": dict(seconds),
    }


def rate_in_words(rate: NoiseRate, classes: tuple[str, ...]) -> dict[str, Any]:
    """The noise rate and its interval, and how often each label is borne by images that are not of its class."""
    return {
        **_rounded({"estimate": rate.estimate, "low": rate.low, "high": rate.high}),
        "by_label": _rounded(dict(zip(classes, rate.by_label, strict=True))),
    }


def detectors(findings: Findings) -> dict[str, dict[str, Any]]:
    """By detector: what it is, how many labels its own cut flags, and the share of the final flags among them."""
    final = findings.flagged
    return {
        name: {
            "flagged": int(one.wrong.sum()),
            "agrees": round(float(one.wrong[final].mean()), 4) if final.any() else None,
            "what": DETECTORS[name].what,
        }
        for name, one in findings.opinions.items()
    }


def per_class(manifest: Manifest, findings: Findings) -> dict[str, dict[str, Any]]:
    """By given class: samples, flagged, and the mean probability of being wrong."""
    table = {}
    for code, name in enumerate(manifest.classes):
        rows = manifest.given == code
        mean = float(findings.p_wrong[rows].mean()) if rows.any() else 0.0
        table[name] = {
            "samples": int(rows.sum()),
            "flagged": int(findings.flagged[rows].sum()),
            "noise_rate": round(mean, 4),
        }
    return table


def given_vs_suggested(manifest: Manifest, findings: Findings) -> list[list[int]]:
    """[C][C] counts: flagged labels stand under the suggested class, all others under the given one."""
    table = np.zeros((len(manifest.classes), len(manifest.classes)), np.int64)
    lean = np.where(findings.flagged, findings.consensus.suggested, manifest.given)
    np.add.at(table, (manifest.given, lean), 1)
    return [[int(count) for count in row] for row in table]


def warnings(reading: Reading, findings: Findings) -> list[str]:
    """What a careful reader should know before trusting the list."""
    manifest = reading.manifest
    counts = np.bincount(manifest.given, minlength=len(manifest.classes))
    small = [
        f"{manifest.classes[code]} ({counts[code]})"
        for code in np.flatnonzero((counts > 0) & (counts < SMALL_CLASS))
    ]
    told = []
    if reading.conflicts:
        told.append(f"{len(reading.conflicts)} identical images have different labels: one of each is wrong.")
    if reading.groups_across_splits:
        told.append(
            f"{len(reading.groups_across_splits)} groups stand in more than one split: results there leak."
        )
    if small:
        told.append(f"Classes of fewer than {SMALL_CLASS} images are hard to judge: {', '.join(small)}.")
    if len(np.unique(manifest.group_codes)) == len(manifest):
        told.append(
            "No groups were given: if patients have several images, name them (--group-col or --groups)."
        )
    if findings.rate.estimate > 0.45:
        told.append("Nearly half of the labels look wrong: check that labels and images belong together.")
    return told


def measured(manifest: Manifest, findings: Findings) -> dict[str, Any]:
    """Where the truth is known: how good each detector's ranking is, beside the baseline that sees no image."""
    wrong = wrong_labels(manifest)
    if wrong is None:
        return {}
    opinions = {**findings.opinions, "rarity": rarity(manifest.given)}
    given = manifest.given
    return {
        "detection": {name: _rounded(detection(one, given, wrong)) for name, one in opinions.items()},
        "calibration": {
            "ece": round(expected_calibration_error(findings.p_wrong, wrong), 4),
            "wrong": int(wrong.sum()),
            "rate": round(float(wrong.mean()), 4),
        },
    }


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {key: None if value is None else round(value, 4) for key, value in values.items()}
