"""summary.json of a training run: what it learned from, with what, and what it did not look at."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread import __version__
from overread.data.manifest import Manifest
from overread.data.parts import PARTS, rows_of
from overread.data.reading import Reading
from overread.detect.rate import LEVEL
from overread.measure import wrong_share
from overread.verbs.config import TrainConfig
from overread.verbs.setting_up import first_size
from overread.verbs.summary import GIVEN, HOW, SMALL_CLASS
from overread.verbs.training import Trained

LIMITS = [  # of this kind of run; the report adds those of every run
    "The validation part has wrong labels too: its figures by the given labels are too low for a good model, and "
    "an epoch chosen by them may be one that repeats the errors.",
    "The noise rate assumes that what happens to the labels of typical images happens to all.",
]


def summarise(
    reading: Reading, manifest: Manifest, trained: Trained, config: TrainConfig, seconds: dict[str, float]
) -> dict[str, Any]:
    """All of summary.json; `manifest` has the parts as they were used."""
    from overread.engine.networks import weights_in_words

    return {
        "overread": __version__,
        "verb": "train",
        "task": "classification",
        "effort": config.effort,
        "method": config.method,
        "network": config.network,
        "starts": weights_in_words(config.network, config.weights),
        "size": first_size(config),
        "epochs": trained.epochs,
        **about_parts(manifest),
        "classes": list(manifest.classes),
        "per_class": per_class(manifest, trained),
        "noise_rate": noise_rate(manifest, trained, config),
        "read": reading.as_dict(),
        "warnings": [*warnings_of_parts(reading, manifest), *small_classes(manifest)],
        "limits": LIMITS,
        "seconds": dict(seconds),
    }


def about_parts(manifest: Manifest) -> dict[str, Any]:
    """How many images and groups there are, in all and in each part."""
    rows = {part: rows_of(manifest, part) for part in PARTS}
    used = sum(map(len, rows.values()))
    return {
        "samples": used,
        "groups": len(set(manifest.group)),
        "parts": {
            part: {"samples": len(at), "groups": len(set(manifest.group[at]))}
            for part, at in rows.items()
            if len(at)
        },
        "in_no_part": len(manifest) - used,
    }


def noise_rate(manifest: Manifest, trained: Trained, config: TrainConfig) -> dict[str, Any]:
    """The estimate for the training part, and the true rate where it is known."""
    prior, truth = trained.prior, wrong_share(manifest.take(rows_of(manifest, "train")))
    return {
        "estimate": round(prior.noise_rate, 4),
        "low": round(prior.low, 4),
        "high": round(prior.high, 4),
        "level": LEVEL,
        "how": HOW if config.noise_rate is None else GIVEN,
        **({} if truth is None else {"truth": round(truth, 4)}),
    }


def per_class(manifest: Manifest, trained: Trained) -> dict[str, dict[str, Any]]:
    """By class: how many images of each part are given as it, and how many of those in training look wrong."""
    counts = {
        part: np.bincount(manifest.given[rows_of(manifest, part)], minlength=len(manifest.classes))
        for part in PARTS
    }
    rates = trained.prior.by_class.tolist()
    return {
        name: {
            **{part: int(count[code]) for part, count in counts.items()},
            "noise_rate": round(rates[code], 4),
        }
        for code, name in enumerate(manifest.classes)
    }


def copies_of_training(reading: Reading, manifest: Manifest) -> int:
    """How many images that are measured lie in the training part too, byte for byte."""
    part = dict(zip(manifest.ids, manifest.split, strict=True))
    parts = [[part[name] for name in same] for same in reading.duplicates]
    return sum(len([one for one in same if one in PARTS[1:]]) for same in parts if "train" in same)


def small_classes(manifest: Manifest) -> list[str]:
    """A warning of classes that few training images are given as."""
    given = manifest.given[rows_of(manifest, "train")]
    counts = np.bincount(given, minlength=len(manifest.classes))
    small = [
        f"{n} ({count})" for n, count in zip(manifest.classes, counts, strict=True) if count < SMALL_CLASS
    ]
    text = f"Classes of fewer than {SMALL_CLASS} training images are hard to learn: {', '.join(small)}."
    return [text] if small else []


def warnings_of_parts(reading: Reading, manifest: Manifest) -> list[str]:
    """What a careful reader should know before trusting the figures."""
    told = []
    if reading.groups_across_splits:
        told.append(
            f"{len(reading.groups_across_splits)} groups stand in more than one split: the figures there flatter."
        )
    if copied := copies_of_training(reading, manifest):
        told.append(
            f"{copied:,} images of other parts are exact copies of training images: the figures flatter."
        )
    if outside := int((manifest.split == "").sum()):
        told.append(f"{outside:,} images are in no split; they were not used.")
    if (manifest.group == manifest.ids).all():
        told.append(
            "No groups were given: if patients have several images, name them (--group-col or --groups), or the "
            "figures flatter."
        )
    if not (manifest.split == "test").any():
        told.append(
            "There is no test part: the validation part, which is watched in training, is all there is."
        )
    return told
