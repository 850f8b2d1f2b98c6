"""The page of a training run: what `train.html` shows, from the files of the run folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overread.reporting import courses, figures, summary
from overread.reporting.files import Json, config_of, read_gallery, read_object, refuse_folder
from overread.reporting.words import count, decimal, number, plural, share

FIGURES = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "log_loss", "ece")
PARTS = {"test": "test", "val": "validation"}  # the one that decides first
LABELS = ("true", "given")  # likewise
LIMITS = (
    "The figures hold for images like those of this set. Another scanner, site or mix of patients can be another "
    "matter: measure again there.",
    "A class with few images has uncertain figures, whatever the interval of the whole says.",
    "The interval spans which groups were measured, not what another run of the training would have given.",
    "Overread helps to care for data sets and experiments. It is not a medical device; this model must not decide "
    "about a patient.",
)


@dataclass(frozen=True)
class TrainRun:
    """What the page reads."""

    info: Json  # run.json
    summary: Json  # summary.json
    metrics: Json  # metrics.json
    epochs: Sequence[Json]  # log.jsonl of the training itself, an entry an epoch
    config: str
    gallery: Sequence[Json] = ()

    @property
    def of_masks(self) -> bool:
        """Whether it was trained on masks."""
        return self.summary.get("task") == "segmentation"


def read_train_run(folder: Path) -> TrainRun:
    """Reads a run folder; raises `InputError` that names every file that is missing or broken."""
    problems: list[str] = []
    info = read_object(folder / "run.json", problems)
    facts = read_with(folder / "summary.json", "classes", list, problems)
    metrics = read_with(folder / "metrics.json", "val", dict, problems)
    gallery = read_gallery(folder / "gallery.json", problems)
    if problems:
        refuse_folder(folder, problems, "train")
    return TrainRun(info, facts, metrics, read_epochs(folder / "log.jsonl"), config_of(folder), gallery)


def read_with(path: Path, key: str, kind: type, problems: list[str]) -> Json:
    """The object in a file; it must have a `kind` under `key`."""
    before = len(problems)
    found = read_object(path, problems)
    if len(problems) == before and not isinstance(found.get(key), kind):
        problems.append(f"{path.name} lacks {key!r}.")
    return found


def read_epochs(path: Path) -> list[Json]:
    """The epochs of the training, each as it was told last; an interrupted run may tell one twice."""
    found: dict[int, Json] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # the last line of a run that was killed
        if isinstance(entry, dict) and entry.get("stage") == "train" and isinstance(entry.get("epoch"), int):
            found[entry["epoch"]] = entry
    return [found[epoch] for epoch in sorted(found)]


def content(run: TrainRun) -> dict[str, Any]:
    """Everything the template shows, by the names it uses."""
    facts, metrics = run.summary, run.metrics
    rate = summary.part(facts, "noise_rate")
    part, labels, main = decisive(metrics)
    return {
        "headline": headline(part, labels, main),
        "estimate": estimate(rate),
        "known": labels == "true",
        "notices": summary.notices(run),
        "measured": measured(metrics),
        "moments": moments(metrics),
        "kept": str(metrics.get("kept", "")),
        "main": f"the {PARTS[part]} part, by the {labels} labels",
        **classes(facts["classes"], main),
        "training": training(facts),
        "facts": about(facts),
        "rate": rate,
        "figures": {
            "interval": figures.noise_interval(rate, number(rate.get("truth"))),
            "losses": courses.losses(run.epochs),
            "scores": courses.scores(run.epochs, number(metrics.get("best_epoch"))),
        },
        "limits": [*LIMITS, *map(str, summary.several(facts, "limits"))],
        "finished": str(run.info.get("finished") or ""),
        "version": str(facts.get("overread", "")),
        **summary.read_and_origin(run),
        "config": run.config,
    }


def decisive(metrics: Json) -> tuple[str, str, Json]:
    """The figures that count most: of the test part if there is one, by the true labels if they are known."""
    pairs = [(part, labels) for part in PARTS for labels in LABELS]
    for part, labels in pairs:
        if found := summary.part(summary.part(metrics, part), labels):
            return part, labels, found
    return "val", "given", {}


def headline(part: str, labels: str, main: Json) -> str:
    """The result in one sentence."""
    right, balanced = share(main.get("accuracy")), share(main.get("balanced_accuracy"))
    by = "" if labels == "true" else ", judged by labels of which some may be wrong"
    return (
        f"{right} of {plural(main.get('samples'), f'{PARTS[part]} image', f'{PARTS[part]} images')} right, "
        f"{balanced} as the mean over classes{by}."
    )


def estimate(rate: Json) -> str:
    """The noise rate in one sentence, or nothing."""
    if number(rate.get("estimate")) is None:
        return ""
    text = f"An estimated {share(rate['estimate'])} of the training labels are wrong"
    if number(rate.get("low")) is not None and rate.get("low") != rate.get("high"):
        text += f" ({share(rate['low'])} to {share(rate.get('high'))}, {share(rate.get('level'))} interval)"
    truth = number(rate.get("truth"))
    return text + ("." if truth is None else f"; {share(truth)} really are.")


def measured(metrics: Json) -> list[dict[str, Any]]:
    """One row a part and kind of labels: each figure with its interval."""
    pairs = [(part, labels) for part in PARTS for labels in LABELS]
    return [
        {
            "part": PARTS[part],
            "labels": labels,
            "samples": found.get("samples"),
            "cells": [with_interval(found, figure) for figure in FIGURES],
        }
        for part, labels in pairs
        if (found := summary.part(summary.part(metrics, part), labels))
    ]


def with_interval(found: Json, figure: str) -> dict[str, Any]:
    """A figure, and its interval as words where it has one."""
    ends = summary.several(summary.part(found, "intervals"), figure)
    shown = [decimal(end) for end in ends] if len(ends) == 2 else []
    return {"value": found.get(figure), "interval": " to ".join(shown)}


def moments(metrics: Json) -> list[dict[str, Any]]:
    """The last and the best epoch side by side: (part, labels) by figure."""
    rows = []
    for moment in ("last", "best"):
        entry = summary.part(metrics, moment)
        for row in measured(entry):
            values = [cell["value"] for cell in row["cells"][:3]]
            rows.append({**row, "moment": moment, "epoch": entry.get("epoch"), "values": values})
    return rows


def classes(names: list[Any], main: Json) -> dict[str, Any]:
    """Recall, precision and so on of each class, and which class is taken for which."""
    table, matrix = summary.part(main, "per_class"), summary.heat(names, summary.several(main, "confusion"))
    rows = [
        {"name": name, **{key: entry.get(key) for key in ("support", "recall", "precision", "f1", "auroc")}}
        for name, entry in table.items()
        if isinstance(entry, Mapping)
    ]
    small = len(names) <= summary.CELLS
    most = summary.most_confused(names, matrix, 3 if small else summary.LISTED)
    return {"classes": rows, "names": names, "matrix": matrix if small else [], "confusions": most}


def training(facts: Json) -> list[dict[str, Any]]:
    """One row a class: how many images each part has of it, and how many training labels are taken to be wrong."""
    known = ("train", "val", "test", "noise_rate")
    return [
        {"name": name, **{key: entry.get(key) for key in known}}
        for name, entry in summary.part(facts, "per_class").items()
        if isinstance(entry, Mapping)
    ]


def about(facts: Json) -> list[tuple[str, str]]:
    """How the model was made, as pairs of a name and words."""
    parts = [
        f"{PARTS.get(name, 'training')} {count(entry.get('samples'))}"
        for name, entry in summary.part(facts, "parts").items()
        if isinstance(entry, Mapping)
    ]
    pairs = [
        ("Method", facts.get("method")),
        ("Network", facts.get("starts")),
        ("Images seen at", f"{facts['size']} x {facts['size']} pixels" if "size" in facts else ""),
        ("Parts", ", ".join(parts)),
    ]
    return [(name, str(words)) for name, words in pairs if words]
