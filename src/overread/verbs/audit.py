"""`overread audit`: which labels are probably wrong."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from overread.data.cache import default_cache_dir
from overread.data.load import load
from overread.data.opened import Images
from overread.data.options import DataOptions
from overread.data.reading import Reading
from overread.engine.evidence import Evidence
from overread.errors import InputError
from overread.files import write_json, write_whole
from overread.registry import load as load_entry
from overread.run import RunFolder, check_out, open_run
from overread.settings import apply_settings
from overread.verbs.config import AuditConfig, save_config
from overread.verbs.findings import find, suspects_table
from overread.verbs.gallery import write_gallery
from overread.verbs.report import report
from overread.verbs.summary import summarise

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
    setup = set_up(config, quiet)
    reading, images = load(source, options, _small(config), setup.cache, quiet=quiet)
    check_enough(reading)
    run = open_run(out, _identity(reading, config), command or [], config.seed, _data(reading))
    if run.is_done:
        return read_back(out)
    with run.running():
        save_config(config, out / "config.toml")
        write_whole(out / "manifest.csv", reading.manifest.save)
        with run.stage("learn"):
            evidence = learn(reading, images, config, setup, run)
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


@dataclass(frozen=True)
class Setup:
    """What every flag but the data's came to, checked before anything is read or written."""

    method: Any
    fabric: Any
    cache: Path
    quiet: bool


def set_up(config: AuditConfig, quiet: bool) -> Setup:
    """The method with its `--set` fields, the device, the cache. Raises `InputError` for a flag that is wrong."""
    from overread.engine.device import make_fabric
    from overread.engine.networks import check_network
    from overread.methods import METHODS

    kind = load_entry("method", config.method, METHODS)
    if "classification" not in kind.tasks:
        raise InputError(
            f"The method {config.method!r} is for {' and '.join(kind.tasks)}, not for classification."
        )
    method = apply_settings(kind, config.settings)
    check_network(config.network, config.weights)
    fabric = make_fabric(config.device, config.precision, config.network)
    return Setup(method, fabric, Path(config.cache) if config.cache else default_cache_dir(), quiet)


def check_enough(reading: Reading) -> None:
    """An audit compares samples: a handful of them, or of groups, says nothing."""
    manifest = reading.manifest
    groups = len(np.unique(manifest.group_codes))
    if len(manifest) < MIN_SAMPLES or groups < 2:
        raise InputError(
            f"{reading.source} has {len(manifest)} images in {groups} groups; an audit needs at least "
            f"{MIN_SAMPLES} images in 2 groups or more."
        )


def learn(reading: Reading, images: Images, config: AuditConfig, setup: Setup, run: RunFolder) -> Evidence:
    """Trains as `effort` says and returns what was learned of each sample."""
    from overread.engine.gather import FINE_TUNING, HEAD, HEAD_FOLDS, Gathering, gather_fast, gather_full

    log = _logger(run, setup.quiet)
    gathering = Gathering(reading.manifest, setup.method, setup.fabric, run.checkpoint, config.seed, log)
    if config.effort == "fast":
        frozen = frozen_features(reading, images, config, setup, run)
        return gather_fast(gathering, frozen, _recipe(HEAD, config), config.folds or HEAD_FOLDS)
    folds = config.folds or 0
    frozen = np.zeros((0, 0)) if folds else frozen_features(reading, images, config, setup, run)
    network = (config.network, config.weights)
    return gather_full(gathering, images, frozen, network, _recipe(FINE_TUNING, config), folds)


def frozen_features(
    reading: Reading, images: Images, config: AuditConfig, setup: Setup, run: RunFolder
) -> np.ndarray[Any, np.dtype[Any]]:
    """[N, D] what the pretrained network sees, from the cache where these images went through it before."""
    from overread.data.cache import open_images
    from overread.engine.features import saved_features

    size = config.size if config.effort == "fast" and config.size else FROZEN_SIZE
    with run.stage("features"):
        if images.shape[1] != size:
            images = open_images(reading.manifest, size, setup.cache, quiet=setup.quiet)
        return saved_features(
            images,
            images.hashes,
            setup.cache / "features",
            config.network,
            config.weights,
            setup.fabric,
            setup.quiet,
        )


def _logger(run: RunFolder, quiet: bool) -> Callable[[dict[str, Any]], None]:
    def log(line: dict[str, Any]) -> None:
        run.log(line)
        if not quiet and (line["seconds"] > SLOW or line["epoch"] == line["epochs"]):
            text = "{stage}: epoch {epoch} of {epochs}, loss {loss:.3f}, {seconds:.0f} s".format(**line)
            print(text, file=sys.stderr, flush=True)

    return log


def _recipe(default: Any, config: AuditConfig) -> Any:
    given = {"epochs": config.epochs, "batch_size": config.batch_size, "lr": config.lr}
    return replace(default, **{name: value for name, value in given.items() if value is not None})


def _small(config: AuditConfig) -> int:
    """The size at which the images are opened first."""
    return config.size or (TUNED_SIZE if config.effort == "full" else FROZEN_SIZE)


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
    return AuditResult(
        out, summary, pd.read_csv(out / "suspects.csv", dtype={"id": str}, keep_default_na=False)
    )
