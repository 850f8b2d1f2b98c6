"""`overread audit`: which labels are probably wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from overread.data.load import load
from overread.data.options import DataOptions
from overread.data.reading import Reading
from overread.detect import DETECTORS
from overread.detect.own import OWN
from overread.engine.evidence import Evidence
from overread.errors import InputError, look_up
from overread.files import write_json, write_whole
from overread.processes import started
from overread.run import RunFolder, check_out, open_run
from overread.verbs.config import AuditConfig
from overread.verbs.findings import find, suspects_table
from overread.verbs.gallery import write_gallery
from overread.verbs.learning import learn
from overread.verbs.report import report
from overread.verbs.setting_up import begin, data_of, first_size, identity_of, set_up
from overread.verbs.summary import summarise

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
    setup = set_up(config, quiet)
    check_detector(config.rank_by, setup.method)
    reading, images = setup.each(
        lambda: load(source, options, first_size(config), setup.cache, quiet=setup.quiet)
    )
    setup.agree(reading)
    check_enough(reading, config.folds or 0)
    about = identity_of(reading, config), command or [], config.seed, data_of(reading)
    run = setup.first(lambda: open_run(out, "audit", *about))
    if run.is_done:
        return setup.first(lambda: read_back(out))
    with run.running():
        setup.first(lambda: begin(out, config, reading.manifest))
        with run.stage("learn"):
            evidence = learn(reading, images, config, setup, run)
        result = setup.first(lambda: conclude(run, reading, config, evidence))
    setup.first(lambda: shutil.rmtree(run.checkpoint, ignore_errors=True))
    return result


def conclude(run: RunFolder, reading: Reading, config: AuditConfig, evidence: Evidence) -> AuditResult:
    """Asks the detectors, and writes all that they find."""
    out = run.path
    write_whole(out / "evidence.npz", evidence.save)
    with run.stage("detect"):
        findings = find(evidence, config.noise_rate, config.seed, config.rank_by)
        suspects = suspects_table(reading.manifest, findings)
    write_whole(out / "suspects.csv", lambda part: suspects.to_csv(part, index=False))
    write_gallery(out, reading.manifest, evidence, findings)
    summary = summarise(reading, evidence, findings, asdict(config), run.info["seconds"])
    write_json(out / "summary.json", summary)
    run.finish("done")
    report(out)
    return AuditResult(out, summary, suspects)


def check_detector(name: str, method: Any) -> None:
    """Refuses a detector that is unknown, or that reads a column which the method does not leave."""
    from overread.engine.task import Classification

    look_up("detector", name, DETECTORS)
    if name in OWN and name not in (left := method.columns(Classification(("a", "b"), features=2))):
        own = [column for column in OWN if column in left]
        offer = f"It leaves {', '.join(own)}." if own else "It leaves no column of its own."
        raise InputError(
            f"--rank-by {name} reads what a method leaves, and this --method leaves none. {offer}"
        )


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
