"""The page of an audit of masks: what `mask_audit.html` shows, from the files of the run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from overread.reporting import figures, mask_figures, pictures, summary
from overread.reporting.files import Json, Run, Suspects, read_run
from overread.reporting.words import chance, count, decimal, number, plural, share

COLUMNS = ("structure", "agreement")  # of suspects.csv, beside those of every audit
COUNTS = ("drawn", "flagged", "too_large", "too_small", "missing", "not_seen")
MEASURES = ("ap", "auroc", "sensitivity", "specificity", "ap_masks", "auroc_masks")
BASELINE = "area"
LIMITS = (
    "A flag is a suspicion, not a verdict: an expert decides. Some flagged masks are right, above all on rare or "
    "hard images.",
    "The absence of flags is no proof of quality. Errors that follow a rule (one reader always draws a structure too "
    "large) look consistent and are not seen.",
    "A suggested mask is what networks make of the other images' masks. It is a second opinion, not the truth.",
    "Overread helps to care for data sets. It is not a medical device and says nothing about a patient.",
)


def content(folder: Path) -> dict[str, Any]:
    """Everything the template shows, by the names it uses."""
    run = read_run(folder, COLUMNS)
    images, facts = by_image(run), run.summary
    rate, calibration = summary.part(facts, "noise_rate"), summary.part(facts, "calibration")
    structures = of_structures(facts)
    return {
        "headline": headline(facts),
        "estimate": estimate(rate),
        "notices": summary.notices(run),
        "samples": facts["samples"],
        "masks": len(run.suspects.rows),
        "flagged": facts["flagged"],
        "flagged_masks": facts.get("flagged_masks"),
        "rate": rate,
        "gallery": [card(run.folder, entry) for entry in run.gallery],
        "first": run.suspects.rows[: 0 if run.gallery else summary.LISTED],
        "structures": structures,
        "figures": {
            "agreement": mask_figures.agreements(run, [row["name"] for row in structures]),
            "losses": figures.loss_curves(images),
            "scores": figures.score_histogram(images, "images"),
            "chance": figures.chance_by_rank(images),
            "interval": figures.noise_interval(rate, flagged_share(facts), "images"),
            "ece": number(calibration.get("ece")),
        },
        "detectors": summary.detectors(facts),
        "detection": detection(facts),
        "doubt": summary.part(facts, "doubt"),
        "limits": [*LIMITS, *map(str, summary.several(facts, "limits"))],
        "finished": str(run.info.get("finished") or ""),
        "version": str(facts.get("overread", "")),
        **summary.read_and_origin(run),
        "config": run.config,
    }


def by_image(run: Run) -> Run:
    """The run with one suspect an image: its most suspicious mask, flagged where any of its masks is."""
    suspects, ids = run.suspects, np.array([row["id"] for row in run.suspects.rows], dtype=object)
    first = np.sort(np.unique(ids, return_index=True)[1])
    flagged, chances = set(ids[suspects.flagged]), dict.fromkeys(ids, 0.0)
    for name, p in zip(ids, suspects.p_wrong, strict=True):
        chances[name] = max(chances[name], float(p))
    one = Suspects(
        rows=[suspects.rows[place] for place in first],
        score=suspects.score[first],
        p_wrong=np.array([chances[name] for name in ids[first]]),
        flagged=np.array([name in flagged for name in ids[first]], bool),
    )
    return replace(run, suspects=one)


def headline(facts: Json) -> str:
    """The finding in one sentence."""
    flagged, samples = facts["flagged"], facts["samples"]
    if flagged == 0:
        return f"No mask of {plural(samples, 'image', 'images')} looks wrong."
    has = "has" if flagged == 1 else "have"
    ratio = flagged / samples if samples else None
    return f"{count(flagged)} of {plural(samples, 'image', 'images')} {has} a mask that looks wrong ({share(ratio)})."


def estimate(rate: Json) -> str:
    """The estimated share of images with a wrong mask in one sentence, or nothing."""
    if number(rate.get("estimate")) is None:
        return ""
    text = f"An estimated {share(rate['estimate'])} of all images have a wrong mask"
    if number(rate.get("low")) is None or number(rate.get("high")) is None:
        return text + "."
    level = f", {share(rate['level'])} interval" if number(rate.get("level")) else ""
    return f"{text} ({share(rate['low'])} to {share(rate['high'])}{level})."


def flagged_share(facts: Json) -> float:
    """The share of images that are flagged."""
    return float(facts["flagged"] / facts["samples"]) if facts["samples"] else 0.0


def card(folder: Path, entry: Json) -> dict[str, Any]:
    """One image of gallery.json."""
    found = [each for each in summary.several(entry, "structures") if isinstance(each, Mapping)]
    return {
        "rank": entry.get("rank", ""),
        "id": str(entry.get("id", "")),
        "chance": number(entry.get("p_wrong")),
        "contours": pictures.inline(folder, entry.get("contours")),
        "doubt": pictures.inline(folder, entry.get("doubt")),
        "structures": [
            {
                "name": str(each.get("structure", "")),
                "agreement": decimal(each.get("agreement")),
                "chance": chance(each.get("p_wrong")),
                "flagged": bool(each.get("flagged")),
                "how": str(each.get("how", "")),
            }
            for each in found
        ],
    }


def of_structures(facts: Json) -> list[dict[str, Any]]:
    """One row a structure: what is drawn of it, what is flagged, and how that differs."""
    entries = {
        name: entry if isinstance(entry, Mapping) else {}
        for name, entry in summary.part(facts, "per_structure").items()
    }
    shares = {name: ratio(entry.get("flagged"), entry.get("samples")) for name, entry in entries.items()}
    most = max((one for one in shares.values() if one), default=1.0)
    known = (*COUNTS, "agreement", "noise_rate")
    return [
        {
            "name": name,
            "share": shares[name],
            "length": (shares[name] or 0.0) / most,
            **{key: entry.get(key) for key in known},
        }
        for name, entry in entries.items()
    ]


def ratio(some: Any, all_of_them: Any) -> float | None:
    """A share, where both are numbers."""
    part, whole = number(some), number(all_of_them)
    return part / whole if whole and part is not None else None


def detection(facts: Json) -> list[dict[str, Any]]:
    """Measured against the truth: consensus first, image-free baseline last; best values marked."""
    return summary.detection(facts, MEASURES, BASELINE)
