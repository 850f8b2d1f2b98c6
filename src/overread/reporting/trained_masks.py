"""The page of a training on masks: what `train_masks.html` shows, from the files of the run folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from overread.reporting import courses, figures, summary
from overread.reporting.files import Json
from overread.reporting.pictures import inline
from overread.reporting.trained import LABELS, PARTS, TrainRun, about, decisive, with_interval
from overread.reporting.words import decimal, number, plural, share

FIGURES = {"dice": "Dice", "hd95": "HD95, pixels", "hd95_mm": "HD95, mm"}
LIMITS = (
    "The figures hold for images like those of this set. Another scanner, site or mix of patients can be another "
    "matter: measure again there.",
    "A mean over images hides single ones on which a model fails; predictions.csv has a row for each.",
    "The interval spans which groups were measured, not what another run of the training would have given.",
    "Overread helps to care for data sets and experiments. It is not a medical device; this model must not decide "
    "about a patient.",
)


def content(folder: Path, run: TrainRun) -> dict[str, Any]:
    """Everything the template shows, by the names it uses."""
    facts, metrics = run.summary, run.metrics
    rate = summary.part(facts, "noise_rate")
    part, labels, main = decisive(metrics)
    names = [name for name in FIGURES if name in main]
    return {
        "headline": headline(part, labels, main),
        "estimate": estimate(rate),
        "known": number(rate.get("truth")) is not None,
        "notices": summary.notices(run),
        "names": [FIGURES[name] for name in names],
        "measured": measured(metrics, names),
        "moments": moments(metrics, names),
        "kept": str(metrics.get("kept", "")),
        "main": f"the {PARTS[part]} part, by the {labels} masks",
        "structures": structures(main, names),
        "corrected": corrected(summary.part(metrics, "corrected")),
        "training": training(facts),
        "facts": [*about(facts), *extra(facts)],
        "rate": rate,
        "gallery": [card(folder, entry) for entry in run.gallery],
        "figures": {
            "interval": figures.noise_interval(rate, number(rate.get("truth"))),
            "losses": courses.losses(run.epochs),
            "scores": courses.dices(run.epochs, number(metrics.get("best_epoch"))),
        },
        "limits": [*LIMITS, *map(str, summary.several(facts, "limits"))],
        "finished": str(run.info.get("finished") or ""),
        "version": str(facts.get("overread", "")),
        **summary.read_and_origin(run),
        "config": run.config,
    }


def headline(part: str, labels: str, main: Json) -> str:
    """The result in one sentence."""
    by = "" if labels == "true" else ", judged by masks of which some may be wrong"
    images = plural(main.get("samples"), f"{PARTS[part]} image", f"{PARTS[part]} images")
    several = plural(len(summary.part(main, "per_structure")), "structure", "structures")
    return f"Dice {decimal(main.get('dice'))} on {images}, the mean over {several}{by}."


def estimate(rate: Json) -> str:
    """The share of images with a wrong mask in one sentence, or nothing."""
    truth = number(rate.get("truth"))
    known = "" if truth is None else f"{share(truth)} of the training images really have a wrong mask"
    if number(rate.get("estimate")) is None:
        return f"{known}." if known else ""
    text = f"An estimated {share(rate['estimate'])} of the training images have a wrong mask"
    if rate.get("low") != rate.get("high"):
        text += (
            f" ({share(rate.get('low'))} to {share(rate.get('high'))}, {share(rate.get('level'))} interval)"
        )
    return f"{text}; {share(truth)} really have." if known else f"{text}."


def measured(metrics: Json, names: Sequence[str]) -> list[dict[str, Any]]:
    """One row a part and kind of masks: each figure with its interval."""
    pairs = [(part, labels) for part in PARTS for labels in LABELS]
    return [
        {
            "part": PARTS[part],
            "labels": labels,
            "samples": found.get("samples"),
            "cells": [figure(found, name) for name in names],
        }
        for part, labels in pairs
        if (found := summary.part(summary.part(metrics, part), labels))
    ]


def figure(found: Json, name: str) -> dict[str, Any]:
    """A figure as words, Dice with three digits and lengths with one, and its interval."""
    cell, digits = with_interval(found, name), 3 if name == "dice" else 1
    ends = summary.several(summary.part(found, "intervals"), name)
    value = number(cell["value"])
    return {
        "value": "–" if value is None else f"{value:.{digits}f}",
        "interval": " to ".join(f"{end:.{digits}f}" for end in ends) if len(ends) == 2 else "",
    }


def moments(metrics: Json, names: Sequence[str]) -> list[dict[str, Any]]:
    """The last and the best epoch side by side."""
    entries = [(moment, summary.part(metrics, moment)) for moment in ("last", "best")]
    return [
        {**row, "moment": moment, "epoch": entry.get("epoch")}
        for moment, entry in entries
        for row in measured(entry, names)
    ]


def structures(main: Json, names: Sequence[str]) -> list[dict[str, Any]]:
    """One row a structure."""
    return [
        {
            "name": name,
            "drawn": entry.get("drawn"),
            "predicted": entry.get("predicted"),
            "cells": [figure(entry, one) for one in names],
        }
        for name, entry in summary.part(main, "per_structure").items()
        if isinstance(entry, Mapping)
    ]


def corrected(found: Json) -> dict[str, Any]:
    """What the suggested masks of the training part are like: their agreement, and rows of given and corrected Dice
    where the truth is known."""
    words = {"wrong": "images with a wrong mask", "right": "the other images"}
    rows = [(text, summary.part(found, key)) for key, text in words.items()]
    rows += [
        (f"{name}, where it is wrong", each) for name, each in summary.part(found, "per_structure").items()
    ]
    known = [
        {"what": text, **{key: entry.get(key) for key in ("images", "given_dice", "corrected_dice")}}
        for text, entry in rows
        if entry
    ]
    return {"samples": found.get("samples"), "agreement": found.get("agreement"), "rows": known}


def training(facts: Json) -> list[dict[str, Any]]:
    """One row a structure: in how many images of each part it is drawn, and the share of the pixels it covers."""
    return [
        {"name": name, **{key: entry.get(key) for key in ("train", "val", "test", "covers")}}
        for name, entry in summary.part(facts, "per_structure").items()
        if isinstance(entry, Mapping)
    ]


def extra(facts: Json) -> list[tuple[str, str]]:
    """What else a training on masks should say of itself."""
    kinds = {"ce": "cross-entropy of each pixel", "dice": "Dice", "dice-ce": "Dice and cross-entropy"}
    pairs = [
        ("Loss", kinds.get(str(facts.get("loss")), "")),
        ("Structures", "exclude each other" if facts.get("exclusive") else "may overlap"),
        ("Spacing", millimetres(facts.get("spacing"))),
    ]
    return [(name, words) for name, words in pairs if words]


def millimetres(spacing: object) -> str:
    """What summary.json says of the size of a pixel: a number, the least and the greatest, or nothing."""
    ends = spacing if isinstance(spacing, list) and len(spacing) == 2 else [spacing]
    return f"{' to '.join(map(str, ends))} mm a pixel" if all(number(end) for end in ends) else ""


def card(folder: Path, entry: Json) -> dict[str, Any]:
    """A picture with its Dice."""
    dices = [f"{name} {decimal(value)}" for name, value in summary.part(entry, "dice").items()]
    return {
        "id": str(entry.get("id", "")),
        "picture": inline(folder, entry.get("thumb")),
        "dice": ", ".join(dices),
    }
