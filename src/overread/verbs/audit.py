"""`overread audit`: which labels are probably wrong."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from overread.data.cache import default_cache_dir
from overread.data.load import load
from overread.data.options import DataOptions
from overread.data.reading import Reading
from overread.engine.evidence import Evidence
from overread.errors import InputError
from overread.files import write_json, write_whole
from overread.registry import load as load_entry
from overread.run import RunFolder, check_out, open_run
from overread.settings import apply_settings
from overread.verbs.config import AuditConfig, save_config
from overread.verbs.findings import Findings, find, suspects_table
from overread.verbs.gallery import write_gallery
from overread.verbs.report import report
from overread.verbs.summary import summarise

if TYPE_CHECKING:
    from overread.data.opened import Images
    from overread.engine.gather import Gathering

FROZEN_SIZE, TUNED_SIZE = 128, 64  # pixels: frozen features want detail, fine-tuning wants speed
MIN_SAMPLES = 20
SLOW = 2.0  # seconds; epochs that take longer are told one by one, else only the last of a stage


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
    check_out(out, resume)
    method = make_method(config)
    cache = Path(config.cache) if config.cache else default_cache_dir()
    reading, images = load(source, options, _small(config), cache, quiet=quiet)
    check_enough(reading)
    run = open_run(out, _identity(reading, config), command or [], config.seed, _data(reading))
    if run.is_done:
        return read_back(out)
    with run.running():
        save_config(config, out / "config.toml")
        write_whole(out / "manifest.csv", reading.manifest.save)
        with run.stage("learn"):
            evidence = learn(reading, images, method, config, run, cache, quiet)
        write_whole(out / "evidence.npz", evidence.save)
        with run.stage("detect"):
            findings = find(evidence, config.noise_rate, config.seed)
            suspects = suspects_table(reading.manifest, findings)
        write_whole(out / "suspects.csv", lambda part: suspects.to_csv(part, index=False))
        write_gallery(run.path, reading.manifest, evidence, findings)
        summary = summarise(reading, evidence, findings, asdict(config), run.info["seconds"])
        write_json(out / "summary.json", summary)
        run.finish("done")
        report(out)
    shutil.rmtree(run.checkpoint, ignore_errors=True)
    return AuditResult(out, summary, suspects)


def make_method(config: AuditConfig) -> Any:
    """The method with its `--set` fields."""
    from overread.methods import METHODS

    kind = load_entry("method", config.method, METHODS)
    if "classification" not in kind.tasks:
        raise InputError(f"The method {config.method!r} is for {' and '.join(kind.tasks)}, not for classification.")
    return apply_settings(kind, config.settings)


def check_enough(reading: Reading) -> None:
    """An audit compares samples: a handful of them, or of groups, says nothing."""
    manifest = reading.manifest
    groups = len(np.unique(manifest.group_codes))
    if len(manifest) < MIN_SAMPLES or groups < 2:
        raise InputError(
            f"{reading.source} has {len(manifest)} images in {groups} groups; an audit needs at least "
            f"{MIN_SAMPLES} images in 2 groups or more."
        )


def learn(
    reading: Reading,
    images: Images,
    method: Any,
    config: AuditConfig,
    run: RunFolder,
    cache: Path,
    quiet: bool,
) -> Evidence:
    """Trains as `effort` says and returns what was learned of each sample."""
    from overread.engine.features import saved_features
    from overread.engine.gather import FINE_TUNING, HEAD, HEAD_FOLDS, gather_fast, gather_full

    gathering = _gathering(reading, method, config, run, quiet)
    folds = config.folds
    frozen = np.zeros((0, 0))
    if config.effort == "fast" or not folds:
        at = images if images.shape[1] == _frozen_size(config) else _open(reading, _frozen_size(config), cache, quiet)
        with run.stage("features"):
            folder = cache / "features"
            frozen = saved_features(
                at, images.hashes, folder, config.network, config.weights, device=config.device, quiet=quiet
            )
    if config.effort == "fast":
        return gather_fast(gathering, frozen, _recipe(HEAD, config), HEAD_FOLDS if folds is None else folds)
    network = (config.network, config.weights)
    return gather_full(gathering, images, frozen, network, _recipe(FINE_TUNING, config), folds or 0)


def _gathering(reading: Reading, method: Any, config: AuditConfig, run: RunFolder, quiet: bool) -> Gathering:
    from overread.engine.device import make_fabric
    from overread.engine.gather import Gathering

    fabric = make_fabric(config.device, config.precision, config.network)

    def log(line: dict[str, Any]) -> None:
        run.log(line)
        if not quiet and (line["seconds"] > SLOW or line["epoch"] == line["epochs"]):
            text = "{stage}: epoch {epoch} of {epochs}, loss {loss:.3f}, {seconds:.0f} s".format(**line)
            print(text, file=sys.stderr, flush=True)

    return Gathering(reading.manifest, method, fabric, run.checkpoint, config.seed, log)


def _open(reading: Reading, size: int, cache: Path, quiet: bool) -> Images:
    from overread.data.cache import open_images

    return open_images(reading.manifest, size, cache, quiet=quiet)


def _recipe(default: Any, config: AuditConfig) -> Any:
    given = {"epochs": config.epochs, "batch_size": config.batch_size, "lr": config.lr}
    return replace(default, **{name: value for name, value in given.items() if value is not None})


def _small(config: AuditConfig) -> int:
    """The size at which the images are opened first."""
    return config.size or (TUNED_SIZE if config.effort == "full" else FROZEN_SIZE)


def _frozen_size(config: AuditConfig) -> int:
    return config.size if config.effort == "fast" and config.size else FROZEN_SIZE


def _identity(reading: Reading, config: AuditConfig) -> dict[str, Any]:
    """What must be equal for a run to go on: data and every flag that changes a result."""
    values = {key: value for key, value in asdict(config).items() if key != "cache"}
    return {"data": reading.manifest.fingerprint, **values}


def _data(reading: Reading) -> dict[str, Any]:
    manifest = reading.manifest
    return {"source": reading.source, "fingerprint": manifest.fingerprint, "samples": len(manifest)}


def read_back(out: Path) -> AuditResult:
    """The result of a run that is done."""
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return AuditResult(out, summary, pd.read_csv(out / "suspects.csv", dtype={"id": str}, keep_default_na=False))
