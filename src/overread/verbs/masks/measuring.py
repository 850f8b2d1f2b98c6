"""metrics.json, predictions.csv and the corrected masks of a training on masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from overread.data.cachedir import default_cache_dir
from overread.data.manifest import Manifest
from overread.data.mask_writing import MaskFolder, MostLikely, enlarged, most_likely, own_size
from overread.data.parts import rows_of
from overread.files import write_whole
from overread.mask_quality import Fit, dice
from overread.measure_masks import against_masks, corrected_quality, fits, true_masks
from overread.verbs.config import LearningConfig, TrainConfig
from overread.verbs.masks.training import TrainedOnMasks

Array = np.ndarray[Any, np.dtype[Any]]
HELD = ("val", "test")
SUGGESTED = "suggested"
DIGITS = 4
Fits = dict[str, dict[str, Fit]]  # `last.val`, `best.test`, ...: by the given and the true masks


def cache_of(config: LearningConfig) -> Path:
    """Where decoded masks lie."""
    return Path(config.cache) if config.cache else default_cache_dir()


def held_fits(manifest: Manifest, config: TrainConfig, trained: TrainedOnMasks) -> Fits:
    """How the masks that are predicted for the parts that were held out fit, for the last epoch and the best."""
    assert manifest.masks is not None
    found: Fits = {}
    for name, probs in trained.probs.items():
        part = name.partition(".")[2]
        if part in HELD:
            masks = MostLikely(probs, manifest.masks.exclusive)
            held = manifest.take(rows_of(manifest, part))
            found[name] = fits(held, masks, manifest.classes, cache_of(config))
    return found


def measured(manifest: Manifest, config: TrainConfig, trained: TrainedOnMasks, found: Fits) -> dict[str, Any]:
    """metrics.json: the quality on each part that was held out, of the epoch that was kept, the last and the best;
    and how good the corrected masks of the training part are."""
    epochs = {"last": trained.epochs, "best": trained.best_epoch}
    moments: dict[str, dict[str, Any]] = {
        moment: {
            "epoch": epoch,
            **{
                part: against_masks(manifest.take(rows_of(manifest, part)), found[key], manifest.classes)
                for part in HELD
                if (key := f"{moment}.{part}") in found
            },
        }
        for moment, epoch in epochs.items()
    }
    kept = {"kept": config.keep, "best_epoch": trained.best_epoch, **moments[config.keep]}
    return {**kept, "corrected": of_corrected(manifest, config, trained), **moments}


def of_corrected(manifest: Manifest, config: TrainConfig, trained: TrainedOnMasks) -> dict[str, Any]:
    """How good the corrected masks of the training part are."""
    assert manifest.masks is not None
    train, probs = rows_of(manifest, "train"), trained.corrected(config.keep)
    masks = MostLikely(probs, manifest.masks.exclusive)
    truth = true_masks(manifest.take(train), probs.shape[-1], cache_of(config))
    return corrected_quality(masks, trained.masks.take(train), truth, manifest.classes)


def held_table(manifest: Manifest, config: TrainConfig, found: Fits) -> pd.DataFrame:
    """predictions.csv: a row an image that was held out, how its given masks are met by the epoch that was kept."""
    parts = []
    for part in HELD:
        if fit := found.get(f"{config.keep}.{part}"):
            held = manifest.take(rows_of(manifest, part))
            given = fit["given"]
            figures = {"dice": given.dice, "hd95": given.hd95}
            figures |= {} if given.hd95_mm is None else {"hd95_mm": given.hd95_mm}
            columns = {
                f"{figure}_{name}": values[:, k].round(DIGITS)
                for k, name in enumerate(manifest.classes)
                for figure, values in figures.items()
            }
            parts.append(pd.DataFrame({"id": held.ids, "split": held.split, **columns}))
    return pd.concat(parts, ignore_index=True)


def write_suggested(out: Path, manifest: Manifest, config: TrainConfig, trained: TrainedOnMasks) -> None:
    """Writes the corrected masks of the training part as `suggested/STRUCTURE/ID.png`, at their images' own size, and
    corrected.csv, which is DATA with them in place of the given ones; `agreement_STRUCTURE` is the Dice of both."""
    assert manifest.masks is not None
    probs, exclusive, train = (
        trained.corrected(config.keep),
        manifest.masks.exclusive,
        rows_of(manifest, "train"),
    )
    folder, agreement = MaskFolder(out / SUGGESTED, manifest.classes, manifest.ids), []
    for number, row in enumerate(train):
        folder.write(row, most_likely(enlarged(probs[number], own_size(manifest, row)), exclusive))
        agreement.append(dice(most_likely(probs[number], exclusive), trained.masks[row]))
    images = [str(manifest.path(row)) for row in train]
    columns = {"id": manifest.ids[train], "image": images, "group": manifest.group[train], "split": "train"}
    for k, name in enumerate(manifest.classes):
        columns[f"mask_{name}"] = [folder.path(k, row) for row in train]
        columns[f"agreement_{name}"] = np.array([values[k] for values in agreement]).round(DIGITS)
    table = pd.DataFrame(columns)
    write_whole(out / "corrected.csv", lambda part: table.to_csv(part, index=False))
