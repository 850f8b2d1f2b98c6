"""What the page says, from summary.json and run.json: chosen and put in words, never counted again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from overread.reporting.files import Facts, Json
from overread.reporting.readers import readers_of
from overread.reporting.words import count, number, plural, seconds, share

CELLS = 30  # with more classes a table of classes against classes becomes a list
LISTED = 20  # of left-out images, duplicates, ...
MEASURES = ("ap", "auroc", "ap_within_class", "auroc_within_class", "sensitivity", "specificity")
CUTS = ("sensitivity", "specificity")  # of the cut: no single one is best
LIMITS = (
    "A flag is a suspicion, not a verdict: an expert decides. Some flagged labels are right, above all on "
    "rare or hard images.",
    "The absence of flags is no proof of quality. Errors that follow a rule (one site, one reader or "
    "one scanner always labels the same way) look consistent and are not seen.",
    "Only the labels were assessed, not the images' quality, the choice of patients, or whether the classes "
    "are the right ones.",
    "Overread helps to care for data sets. It is not a medical device and says nothing about a patient.",
)


def part(source: Json, key: str) -> Json:
    """The object under `key`, empty where it is absent."""
    value = source.get(key)
    return value if isinstance(value, dict) else {}


def several(source: Json, key: str) -> list[Any]:
    """The list under `key`, empty where it is absent."""
    value = source.get(key)
    return list(value) if isinstance(value, list | tuple) else []


def headline(summary: Json) -> str:
    """The finding in one sentence."""
    flagged, samples = summary["flagged"], summary["samples"]
    if flagged == 0:
        return f"None of {plural(samples, 'label', 'labels')} looks wrong."
    looks = "looks" if flagged == 1 else "look"
    ratio = flagged / samples if samples else None
    return f"{count(flagged)} of {count(samples)} labels {looks} wrong ({share(ratio)})."


def estimate(summary: Json) -> str:
    """The estimated share of wrong labels in one sentence, or nothing."""
    rate = part(summary, "noise_rate")
    if number(rate.get("estimate")) is None:
        return ""
    if number(rate.get("low")) is None or number(rate.get("high")) is None:
        return f"An estimated {share(rate['estimate'])} of all labels are wrong."
    level = f", {share(rate['level'])} interval" if number(rate.get("level")) else ""
    return (
        f"An estimated {share(rate['estimate'])} of all labels are wrong "
        f"({share(rate['low'])} to {share(rate['high'])}{level})."
    )


def notices(run: Facts) -> list[str]:
    """What a reader must know first: an unfinished run, and the run's own warnings."""
    state = run.info.get("state", "done")
    found = (
        [] if state == "done" else [f"This run is not finished: its state is “{state}”. Numbers may change."]
    )
    return found + [str(text) for text in several(run.summary, "warnings")]


def classes(summary: Json) -> list[dict[str, Any]]:
    """One row a class: its size, how much of it is flagged, and its estimated noise."""
    rows = []
    for name, entry in part(summary, "per_class").items():
        entry = {
            "samples": None,
            "flagged": None,
            "noise_rate": None,
            **(entry if isinstance(entry, Mapping) else {}),
        }
        samples, flagged = number(entry.get("samples")), number(entry.get("flagged"))
        ratio = flagged / samples if samples and flagged is not None else None
        rows.append({**entry, "name": name, "share": ratio})
    most = max((row["share"] for row in rows if row["share"]), default=1.0)
    return [{**row, "length": (row["share"] or 0.0) / most} for row in rows]


def matrix(summary: Json) -> list[dict[str, Any]]:
    """Given (rows) against suggested (columns)."""
    return heat(summary["classes"], several(summary, "given_vs_suggested"))


def heat(names: list[Any], table: list[Any]) -> list[dict[str, Any]]:
    """A table of counts of classes against classes; `heat` is a cell's share of its row, the largest being 1."""
    flat = [number(cell) for row in table if isinstance(row, list) for cell in row]
    if len(table) != len(names) or len(flat) != len(names) ** 2 or None in flat:
        return []
    shares = [[n / (sum(row) or 1) for n in row] for row in table]
    most = max(
        (value for at, row in enumerate(shares) for to, value in enumerate(row) if at != to), default=0
    )
    rows = []
    for place, (name, row) in enumerate(zip(names, table, strict=True)):
        heat = [round(value / (most or 1), 3) for value in shares[place]]
        cells = [{"n": n, "heat": heat[at], "same": at == place} for at, n in enumerate(row)]
        rows.append({"name": name, "cells": cells})
    return rows


def confusions(summary: Json, most: int) -> list[tuple[int, str, str]]:
    """The largest cells off the diagonal: (how many, given, suggested)."""
    return most_confused(summary["classes"], matrix(summary), most)


def most_confused(names: list[Any], rows: list[dict[str, Any]], most: int) -> list[tuple[int, str, str]]:
    """The largest cells off the diagonal of what `heat` gave."""
    cells = [
        (cell["n"], row["name"], names[at])
        for row in rows
        for at, cell in enumerate(row["cells"])
        if cell["n"] and not cell["same"]
    ]
    return sorted(cells, key=lambda cell: -cell[0])[:most]


def detectors(summary: Json) -> list[dict[str, Any]]:
    """One row a detector: what it looks for and flags; `agrees` (optional): its part of the final flags."""
    table = part(summary, "detectors")
    known = {"what": "", "flagged": None, "agrees": None}
    return [{**known, **row, "name": name} for name, row in table.items() if isinstance(row, Mapping)]


def detection(
    summary: Json, measures: Sequence[str] = MEASURES, baseline: str = "rarity"
) -> list[dict[str, Any]]:
    """Measured against the truth: consensus first, image-free baseline last; best values marked."""
    table = {name: row for name, row in part(summary, "detection").items() if isinstance(row, Mapping)}
    order = sorted(table, key=lambda name: (name == baseline, name != "consensus"))
    best = {
        key: max(
            (value for row in table.values() if (value := number(row.get(key))) is not None), default=None
        )
        for key in measures
        if key not in CUTS
    }

    def cell(row: Mapping[str, Any], key: str) -> dict[str, Any]:
        value = number(row.get(key))
        return {"value": value, "best": value is not None and value == best.get(key)}

    return [{"name": name, "cells": [cell(table[name], key) for key in measures]} for name in order]


def reading(run: Facts) -> list[tuple[str, str]]:
    """What was read, as pairs of a name and words."""
    summary, data = run.summary, part(run.info, "data")
    read = part(summary, "read")
    guessed = ", ".join(f"{role} from “{column}”" for role, column in part(read, "guessed").items())
    pairs = [
        ("Source", read.get("source") or data.get("source")),
        ("Kind", read.get("kind")),
        ("Columns guessed", guessed),
        ("Images" if of_masks(summary) else "Labels", count(summary["samples"])),
        *names_of_classes(summary),
        ("Groups (patients, lesions, ...)", count(summary["groups"]) if "groups" in summary else ""),
    ]
    return [(name, str(words)) for name, words in pairs if words]


def of_masks(summary: Json) -> bool:
    """Whether the labels are masks."""
    return bool(summary.get("task") == "segmentation")


def names_of_classes(summary: Json) -> list[tuple[str, str]]:
    """How many classes there are, or which structures."""
    names = [str(name) for name in summary["classes"]]
    if not of_masks(summary):
        return [("Classes", count(len(names)))]
    how = "exclude each other" if summary.get("exclusive") else "may overlap"
    size = f"{summary['size']} x {summary['size']} pixels" if summary.get("size") else ""
    return [("Structures", f"{', '.join(names)} ({how})"), ("Seen at", size)]


def listed(source: Json, key: str) -> list[str]:
    """The entries under `key` as words; one that is itself a list becomes its parts."""
    return [
        ", ".join(map(str, each)) if isinstance(each, list) else str(each) for each in several(source, key)
    ]


def left_out(read: Json) -> list[tuple[str, str]]:
    """(image, why) of what could not be read."""
    entries = [each for each in several(read, "left_out") if isinstance(each, Mapping)]
    return [(str(each.get("image", "")), str(each.get("why", ""))) for each in entries]


def origin(run: Facts) -> list[tuple[str, str]]:
    """Where the numbers come from: enough to run it again."""
    info, data = run.info, part(run.info, "data")
    command = info.get("command")
    machine = part(info, "machine")
    pairs = [
        ("Command", shlex.join(map(str, command)) if isinstance(command, list) else command),
        (
            "Effort and method",
            " · ".join(str(run.summary[key]) for key in ("effort", "method") if key in run.summary),
        ),
        ("Epochs", run.summary.get("epochs")),
        ("Seed", info.get("seed")),
        ("Data fingerprint", data.get("fingerprint")),
        ("Started", info.get("started")),
        ("Finished", info.get("finished")),
        ("Machine", ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in machine.items())),
        ("Versions", ", ".join(f"{key} {value}" for key, value in part(info, "versions").items())),
    ]
    return [(name, str(words)) for name, words in pairs if words not in (None, "")]


def stages(run: Facts) -> list[dict[str, Any]]:
    """Seconds per stage with the share of the longest."""
    table = part(run.info, "seconds") or part(run.summary, "seconds")
    known = {name: value for name, each in table.items() if (value := number(each)) is not None}
    longest = max(known.values(), default=0.0) or 1.0
    return [{"name": name, "time": seconds(value), "share": value / longest} for name, value in known.items()]


def read_and_origin(run: Facts) -> dict[str, Any]:
    """What `read.html` and `origin.html` show, but for the configuration."""
    read = part(run.summary, "read")
    return {
        "reading": reading(run),
        "listed": LISTED,
        "left_out": left_out(read),
        "same": [
            ("The same image more than once", listed(read, "duplicates")),
            (
                f"Identical images with different {'masks' if of_masks(run.summary) else 'labels'}",
                listed(read, "conflicts"),
            ),
        ],
        "across": listed(read, "groups_across_splits"),
        "notes": listed(read, "notes"),
        **readers_of(part(read, "readers")),
        "stages": stages(run),
        "origin": origin(run),
    }
