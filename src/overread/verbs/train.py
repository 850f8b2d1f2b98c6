"""`overread train`: a model that is good in spite of wrong labels."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overread.data.load import load
from overread.data.options import DataOptions
from overread.data.parts import parted
from overread.data.task import task_of
from overread.files import write_json
from overread.processes import started
from overread.run import RunFolder, check_out, open_run
from overread.verbs import label_train
from overread.verbs.config import TrainConfig
from overread.verbs.masks import train as mask_train
from overread.verbs.report import report
from overread.verbs.setting_up import begin, data_of, first_size, identity_of, set_up, settled


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
    task = task_of(source, options)
    config = settled(config, task)
    setup = set_up(config, quiet, task)
    acts = mask_train if task == "segmentation" else label_train
    reading, images = setup.each(
        lambda: load(source, options, first_size(config), setup.cache, quiet=setup.quiet)
    )
    setup.agree(reading)
    manifest = parted(reading.manifest, config.val_share, config.seed, whole=options.split is not None)
    acts.check(manifest, config, setup)
    about = identity_of(reading, config), command or [], config.seed, data_of(reading, options)
    run = setup.first(lambda: open_run(out, "train", *about))
    if run.is_done:
        return setup.first(lambda: read_back(out))
    with run.running():
        setup.first(lambda: begin(out, config, manifest, reading.readings))
        with run.stage("learn"):
            trained = acts.learn(manifest, images, config, setup, run)
        result = setup.first(
            lambda: conclude(run, lambda: acts.measure(run, reading, manifest, config, trained))
        )
    setup.first(lambda: shutil.rmtree(run.checkpoint, ignore_errors=True))
    return result


def conclude(run: RunFolder, measure: Callable[[], tuple[dict[str, Any], dict[str, Any]]]) -> TrainResult:
    """What `measure` says and writes, and the report."""
    summary, metrics = measure()
    write_json(run.path / "metrics.json", metrics)
    write_json(run.path / "summary.json", summary)
    run.finish("done")
    report(run.path)
    return TrainResult(run.path, summary, metrics)


def read_back(out: Path) -> TrainResult:
    """The result of a run that is done; its last acts are repeated where they were cut short."""
    report(out)
    shutil.rmtree(out / "checkpoint", ignore_errors=True)
    summary, metrics = (
        json.loads((out / name).read_text(encoding="utf-8")) for name in ("summary.json", "metrics.json")
    )
    return TrainResult(out, summary, metrics)
