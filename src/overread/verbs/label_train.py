"""The two acts of a training on labels of whole images: learn, and measure."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.data.manifest import Manifest
from overread.data.parts import rows_of
from overread.data.reading import Reading
from overread.files import write_whole
from overread.measure import against_labels
from overread.quality import corrected
from overread.run import RunFolder
from overread.verbs.config import TrainConfig
from overread.verbs.predictions import held_table
from overread.verbs.setting_up import Setup
from overread.verbs.train_summary import summarise
from overread.verbs.training import Trained
from overread.verbs.training import learn_model as learn

__all__ = ["check", "learn", "measure"]
HELD = ("val", "test")


def check(manifest: Manifest, config: TrainConfig, setup: Setup) -> None:
    """Nothing more than `parted` looked at."""


def measure(
    run: RunFolder, reading: Reading, manifest: Manifest, config: TrainConfig, trained: Trained
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measures what was trained, and writes all that is known of it: summary.json's content and metrics.json's."""
    out = run.path
    write_whole(out / "evidence.npz", trained.evidence.save)
    with run.stage("measure"):
        metrics = measured(manifest, trained, config)
    held = {part: probs for part in HELD if (probs := trained.probs.get(f"{config.keep}.{part}")) is not None}
    table = held_table(manifest, held)
    write_whole(out / "predictions.csv", lambda part: table.to_csv(part, index=False))
    return summarise(reading, manifest, trained, config, run.info["seconds"]), metrics


def measured(manifest: Manifest, trained: Trained, config: TrainConfig) -> dict[str, Any]:
    """metrics.json: the quality on each part that was held out, of the epoch that was kept, the last and the best."""
    epochs = {"last": trained.epochs, "best": trained.best_epoch}
    moments: dict[str, dict[str, Any]] = {
        moment: {
            "epoch": epoch,
            **{
                part: against_labels(manifest.take(rows), trained.probs[f"{moment}.{part}"], manifest.classes)
                for part in HELD
                if len(rows := rows_of(manifest, part))
            },
        }
        for moment, epoch in epochs.items()
    }
    transition = trained.prior.transition.double().numpy()
    for figures in moments.values():
        figures["val"]["corrected"] = corrected(np.array(figures["val"]["given"]["confusion"]), transition)
    return {"kept": config.keep, "best_epoch": trained.best_epoch, **moments[config.keep], **moments}
