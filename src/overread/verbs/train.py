"""`overread train`: a model that is good in spite of wrong labels."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from overread.data.load import load
from overread.data.manifest import Manifest
from overread.data.options import DataOptions
from overread.data.parts import parted, rows_of
from overread.data.reading import Reading
from overread.files import write_json, write_whole
from overread.measure import against_labels
from overread.processes import started
from overread.quality import corrected
from overread.run import RunFolder, check_out, open_run
from overread.verbs.config import TrainConfig
from overread.verbs.predictions import predictions_table
from overread.verbs.report import report
from overread.verbs.setting_up import begin, data_of, first_size, identity_of, set_up
from overread.verbs.train_summary import summarise
from overread.verbs.training import Trained, learn_model

HELD = ("val", "test")


@dataclass(frozen=True)
class TrainResult:
    """What training gave: `metrics` is metrics.json; `overread.load(out)` is the model."""

    out: Path
    summary: dict[str, Any]
    metrics: dict[str, Any]


def train(
    source: str | Path,
    out: str | Path,
    options: DataOptions | None = None,
    config: TrainConfig | None = None,
    *,
    resume: bool = False,
    quiet: bool = False,
    command: Sequence[str] | None = None,
) -> TrainResult:
    """Trains a model on `source`, some of whose labels are wrong, and writes the run folder `out`.

    With `resume` an interrupted run goes on where it was and ends as if it had never stopped; a finished one is
    read back. Raises `InputError` where the data, a flag or the folder is wrong; nothing is left half-written.
    """
    out, options, config = Path(out), options or DataOptions(), config or TrainConfig()
    if started().is_first:  # the others may come when it has begun to write
        check_out(out, resume)
    setup = set_up(config, quiet)
    reading, images = setup.each(
        lambda: load(source, options, first_size(config), setup.cache, quiet=setup.quiet)
    )
    setup.agree(reading)
    manifest = parted(reading.manifest, config.val_share, config.seed, whole=options.split is not None)
    about = identity_of(reading, config), command or [], config.seed, data_of(reading)
    run = setup.first(lambda: open_run(out, "train", *about))
    if run.is_done:
        return setup.first(lambda: read_back(out))
    with run.running():
        setup.first(lambda: begin(out, config, manifest))
        with run.stage("learn"):
            trained = learn_model(manifest, images, config, setup, run)
        result = setup.first(lambda: conclude(run, reading, manifest, config, trained))
    setup.first(lambda: shutil.rmtree(run.checkpoint, ignore_errors=True))
    return result


def conclude(
    run: RunFolder, reading: Reading, manifest: Manifest, config: TrainConfig, trained: Trained
) -> TrainResult:
    """Measures what was trained, and writes all that is known of it."""
    out = run.path
    write_whole(out / "evidence.npz", trained.evidence.save)
    with run.stage("measure"):
        metrics = measured(manifest, trained, config)
    write_json(out / "metrics.json", metrics)
    table = held_table(manifest, trained, config)
    write_whole(out / "predictions.csv", lambda part: table.to_csv(part, index=False))
    summary = summarise(reading, manifest, trained, config, run.info["seconds"])
    write_json(out / "summary.json", summary)
    run.finish("done")
    report(out)
    return TrainResult(out, summary, metrics)


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


def held_table(manifest: Manifest, trained: Trained, config: TrainConfig) -> pd.DataFrame:
    """predictions.csv of the parts that were held out, by the epoch that was kept."""
    parts = [part for part in HELD if f"{config.keep}.{part}" in trained.probs]
    probs = np.concatenate([trained.probs[f"{config.keep}.{part}"] for part in parts])
    held = manifest.take(np.concatenate([rows_of(manifest, part) for part in parts]))
    names = np.array(manifest.classes, dtype=object)
    about = {"id": held.ids, "split": held.split, "given": names[held.given]}
    return predictions_table(about, probs, manifest.classes)


def read_back(out: Path) -> TrainResult:
    """The result of a run that is done; its last acts are repeated where they were cut short."""
    report(out)
    shutil.rmtree(out / "checkpoint", ignore_errors=True)
    summary, metrics = (
        json.loads((out / name).read_text(encoding="utf-8")) for name in ("summary.json", "metrics.json")
    )
    return TrainResult(out, summary, metrics)
