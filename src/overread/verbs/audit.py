"""`overread audit`: which labels are probably wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from overread.data.load import load
from overread.data.options import DataOptions
from overread.data.reading import Reading
from overread.data.task import task_of
from overread.errors import InputError
from overread.files import write_json
from overread.processes import started
from overread.run import RunFolder, check_out, open_run
from overread.verbs import label_audit
from overread.verbs.config import AuditConfig
from overread.verbs.masks import audit as mask_audit
from overread.verbs.report import report
from overread.verbs.setting_up import begin, data_of, first_size, identity_of, set_up, settled

MIN_SAMPLES = 20


@dataclass(frozen=True)
class AuditResult:
    """What an audit found. `suspects` has one row a sample, most suspicious first, as suspects.csv."""

    out: Path
    summary: dict[str, Any]
    suspects: pd.DataFrame


def audit(
    source: str | Path,
    out: str | Path,
    options: DataOptions | None = None,
    config: AuditConfig | None = None,
    *,
    resume: bool = False,
    quiet: bool = False,
    command: Sequence[str] | None = None,
) -> AuditResult:
    """Finds the labels of `source` that are probably wrong, and writes the run folder `out`.

    With `resume` an interrupted run goes on where it was and ends as if it had never stopped; a finished one is
    read back. Raises `InputError` where the data, a flag or the folder is wrong; nothing is left half-written.
    """
    out, options, config = Path(out), options or DataOptions(), config or AuditConfig()
    if started().is_first:  # the others may come when it has begun to write
        check_out(out, resume)
    task = task_of(source, options)
    config = settled(config, task)
    setup = set_up(config, quiet, task)
    acts = mask_audit if task == "segmentation" else label_audit
    acts.check_detector(config.rank_by, setup.method)
    reading, images = setup.each(
        lambda: load(source, options, first_size(config), setup.cache, quiet=setup.quiet)
    )
    setup.agree(reading)
    check_enough(reading, config.folds or 0)
    about = identity_of(reading, config), command or [], config.seed, data_of(reading, options)
    run = setup.first(lambda: open_run(out, "audit", *about))
    if run.is_done:
        return setup.first(lambda: read_back(out))
    with run.running():
        setup.first(lambda: begin(out, config, reading.manifest, reading.readings))
        with run.stage("learn"):
            evidence = acts.learn(reading, images, config, setup, run)
        result = setup.first(lambda: conclude(run, lambda: acts.find(run, reading, config, evidence)))
    setup.first(lambda: shutil.rmtree(run.checkpoint, ignore_errors=True))
    return result


def conclude(run: RunFolder, find: Callable[[], tuple[dict[str, Any], pd.DataFrame]]) -> AuditResult:
    """What `find` says and writes, and the report."""
    summary, suspects = find()
    write_json(run.path / "summary.json", summary)
    run.finish("done")
    report(run.path)
    return AuditResult(run.path, summary, suspects)


def check_enough(reading: Reading, folds: int) -> None:
    """An audit compares samples: a handful of them, or of groups, says nothing."""
    manifest = reading.manifest
    groups = len(np.unique(manifest.group_codes))
    if len(manifest) < MIN_SAMPLES or groups < 2:
        raise InputError(
            f"{reading.source} has {len(manifest)} images in {groups} groups; an audit needs at least "
            f"{MIN_SAMPLES} images in 2 groups or more."
        )
    if folds > groups:
        raise InputError(f"--folds {folds} needs at least {folds} groups (patients); there are {groups}.")


def read_back(out: Path) -> AuditResult:
    """The result of a run that is done; its last acts are repeated where they were cut short."""
    report(out)
    shutil.rmtree(out / "checkpoint", ignore_errors=True)
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return AuditResult(
        out, summary, pd.read_csv(out / "suspects.csv", dtype={"id": str}, keep_default_na=False)
    )
