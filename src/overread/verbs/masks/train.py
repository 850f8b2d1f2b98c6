"""The acts of a training on masks: check, learn, and measure."""

from __future__ import annotations

from typing import Any

from overread.data.manifest import Manifest
from overread.data.reading import Reading
from overread.files import write_whole
from overread.run import RunFolder
from overread.verbs.config import TrainConfig
from overread.verbs.masks.measuring import held_fits, held_table, measured, write_suggested
from overread.verbs.masks.train_gallery import write_gallery
from overread.verbs.masks.train_summary import summarise
from overread.verbs.masks.training import TrainedOnMasks, check
from overread.verbs.masks.training import learn_masks as learn

__all__ = ["check", "learn", "measure"]


def measure(
    run: RunFolder, reading: Reading, manifest: Manifest, config: TrainConfig, trained: TrainedOnMasks
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measures what was trained, and writes all that is known of it: summary.json's content and metrics.json's."""
    out = run.path
    write_whole(out / "evidence.npz", trained.evidence.save)
    with run.stage("measure"):
        found = held_fits(manifest, config, trained)
        metrics = measured(manifest, config, trained, found)
    table = held_table(manifest, config, found)
    write_whole(out / "predictions.csv", lambda part: table.to_csv(part, index=False))
    with run.stage("masks"):
        write_suggested(out, manifest, config, trained)
        write_gallery(out, manifest, config, trained, found[f"{config.keep}.val"]["given"])
    val = metrics["val"]["given"]
    return summarise(reading, manifest, trained, config, val, run.info["seconds"]), metrics
