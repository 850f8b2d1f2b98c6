"""Those who gave the labels, where several did: how well they agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from overread.reporting.words import count, number, share

NAMES = {
    "krippendorff": "Krippendorff's alpha",
    "fleiss": "Fleiss' kappa",
    "ac1": "Gwet's AC1",
    "raw": "Raw agreement",
}


def readers_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """What `readers.html` shows: rows of (measure, value, interval, words), and of (reader, images, with most)."""
    measures, people = found.get("agreement") or {}, found.get("by_reader") or {}
    return {
        "annotators_agree": [_measure(name, measures[key]) for key, name in NAMES.items() if key in measures],
        "annotators": [
            (name, count(one["images"]), _share(one["with_majority"])) for name, one in people.items()
        ],
        "more_annotators": max(0, found.get("readers", 0) - len(people)),
    }


def _measure(name: str, one: Mapping[str, Any]) -> tuple[str, str, str, str]:
    value, low, high = (number(one.get(key)) for key in ("value", "low", "high"))
    ends = "" if low is None or high is None else f"{low:.2f} to {high:.2f}"
    return name, "undefined" if value is None else f"{value:.2f}", ends, str(one.get("words") or "")


def _share(value: float | None) -> str:
    return "not known" if value is None else share(value)
