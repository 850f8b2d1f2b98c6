"""summary.json of a training on masks: what it learned from, with what, and what it did not look at."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread import __version__
from overread.data.manifest import Manifest
from overread.data.parts import PARTS, rows_of
from overread.data.problems import quoted
from overread.data.reading import Reading
from overread.detect.rate import LEVEL
from overread.measure_masks import true_masks, wrong_masks
from overread.verbs.config import TrainConfig
from overread.verbs.masks.measuring import cache_of
from overread.verbs.masks.share import HOW
from overread.verbs.masks.training import TrainedOnMasks
from overread.verbs.summary import GIVEN
from overread.verbs.train_summary import about_parts, warnings_of_parts

FEW = 30  # drawings
LIMITS = [  # of this kind of run; the report adds those of every run
    "The validation part has wrong masks too: its figures by the given masks are too low for a good model, and an "
    "epoch chosen by them may be one that repeats the errors.",
    "Masks are compared at the size that the networks see: finer detail is not measured.",
]


def summarise(
    reading: Reading,
    manifest: Manifest,
    trained: TrainedOnMasks,
    config: TrainConfig,
    val: dict[str, Any],
    seconds: dict[str, float],
) -> dict[str, Any]:
    """All of summary.json; `manifest` has the parts as they were used, `val` is what metrics.json says of the
    validation part by its given masks."""
    from overread.engine.networks import weights_in_words

    assert manifest.masks is not None
    structures = per_structure(manifest, trained)
    return {
        "overread": __version__,
        "verb": "train",
        "task": "segmentation",
        "effort": config.effort,
        "method": config.method,
        "network": config.network,
        "starts": weights_in_words(config.network, config.weights),
        "size": config.size,
        "loss": config.loss,
        "epochs": trained.epochs,
        **about_parts(manifest),
        "classes": list(manifest.classes),
        "exclusive": manifest.masks.exclusive,
        "spacing": spacing(manifest),
        "per_structure": structures,
        "noise_rate": noise_rate(manifest, trained, config),
        "read": reading.as_dict(),
        "warnings": [*warnings_of_parts(reading, manifest), *few(structures), *not_learned(val)],
        "limits": LIMITS,
        "seconds": dict(seconds),
    }


def per_structure(manifest: Manifest, trained: TrainedOnMasks) -> dict[str, dict[str, Any]]:
    """By structure: in how many images of each part it is drawn, and the share of the training pixels it covers."""
    drawn = {
        part: np.sum([trained.masks[row].any((1, 2)) for row in rows], axis=0)
        for part in PARTS
        if len(rows := rows_of(manifest, part))
    }
    covered = np.mean([trained.masks[row].mean((1, 2)) for row in rows_of(manifest, "train")], axis=0)
    return {
        name: {
            **{part: int(counts[k]) for part, counts in drawn.items()},
            "covers": round(float(covered[k]), 4),
        }
        for k, name in enumerate(manifest.classes)
    }


def spacing(manifest: Manifest) -> float | list[float] | None:
    """mm a pixel: one number where it is one, the least and the greatest, or None where it is not known."""
    if manifest.spacing is None or not len(known := manifest.spacing[np.isfinite(manifest.spacing)]):
        return None
    least, greatest = (round(float(end), 4) for end in (known.min(), known.max()))
    return least if least == greatest else [least, greatest]


def few(structures: dict[str, dict[str, Any]]) -> list[str]:
    """A warning of structures that are drawn in few images."""
    small = [f"{name} ({entry['train']})" for name, entry in structures.items() if entry["train"] < FEW]
    text = f"Structures that are drawn in fewer than {FEW} training images are hard to learn: {', '.join(small)}."
    return [text] if small else []


def not_learned(val: dict[str, Any]) -> list[str]:
    """A warning of structures that the model draws in less than half as many validation images as have it."""
    rare = {
        name: entry for name, entry in val["per_structure"].items() if entry["predicted"] < entry["drawn"] / 2
    }
    return [
        f"The model draws {quoted([name])} in {entry['predicted']} validation images, and {entry['drawn']} have it. "
        "It has not been learned: train longer (--epochs), or with more pixels (--size)."
        for name, entry in rare.items()
    ]


def noise_rate(manifest: Manifest, trained: TrainedOnMasks, config: TrainConfig) -> dict[str, Any]:
    """The share of training images with a wrong mask: the estimate if the method needed one, the truth if known."""
    share, train = trained.share, rows_of(manifest, "train")
    found: dict[str, Any] = {}
    if share is not None:
        found = {name: round(getattr(share, name), 4) for name in ("estimate", "low", "high")}
        found |= {"level": LEVEL, "how": HOW if config.noise_rate is None else GIVEN}
    truth = true_masks(manifest.take(train), trained.masks.shape[-1], cache_of(config))
    wrong = wrong_masks(trained.masks.take(train), truth)
    return found if wrong is None else {**found, "truth": round(float(wrong.any(1).mean()), 4)}
