"""What cleaning begins with: flags checked against each other and the data, the label store opened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from overread.cleaning.samplers.choose import make
from overread.data.manifest import Manifest
from overread.data.parts import rows_of
from overread.errors import InputError, did_you_mean
from overread.run import RunFolder
from overread.settings import apply_settings
from overread.store import LabelStore
from overread.store.connecting import url_of
from overread.verbs.cleaning.asking import oracle_of
from overread.verbs.cleaning.config import CleanConfig
from overread.verbs.cleaning.model import method_of_rounds, names_of, own_settings
from overread.verbs.setting_up import DEFAULT_NETWORK, Setup, method_kind, set_up, with_defaults


def settled(config: CleanConfig, task: str) -> CleanConfig:
    """The configuration with its defaults; an `InputError` for flags that do not go together."""
    if task != "classification":
        raise InputError(
            "`overread clean` is for labels of whole images; these data have masks. `overread audit DATA -o RUN` "
            "ranks the masks that are probably wrong."
        )
    if config.update == "clean" and config.method != "auto":
        raise InputError(
            f"--method {config.method} is for --update all: with --update clean a round learns from trusted labels "
            "alone, by cross-entropy. The first phase is chosen by --start."
        )
    if config.loss is not None:
        raise InputError(f"--loss {config.loss} is for masks. Leave it out.")
    check_url(config.db)
    config = replace(config, db=placed(config.db), expert_confusion=placed(config.expert_confusion))
    return with_defaults(config, {"network": DEFAULT_NETWORK, "augment": "none"})


def check_url(url: str | None) -> None:
    """Refuses what is no database, and a password: the run folder says where its store is, for whoever reads it."""
    if url is not None and url_of(url).password is not None:
        raise InputError(
            "--db holds a password, which would be written into the run folder. Leave it out, and put it into the "
            "file ~/.pgpass or the variable PGPASSWORD."
        )


def placed(path: str | None) -> str | None:
    """A path that means the same from everywhere; a URL stays as it is."""
    return path if path is None or "://" in path else str(Path(path).absolute())


def set_up_cleaning(config: CleanConfig, quiet: bool) -> Setup:
    """The methods with their `--set` fields, the sampler, the device; an `InputError` for a flag that is wrong."""
    make(config.sampler, config.balanced)
    rounds = method_of_rounds(config)
    kinds = [] if config.start == "none" else [method_kind(config.start)]
    if config.start != "none" and "classification" not in kinds[0].tasks:
        raise InputError(f"--start {config.start} is for masks, and cleaning is for labels of whole images.")
    if config.update == "all":
        kinds.append(method_kind(rounds))
    check_settings(config, kinds)
    for kind in kinds:
        apply_settings(kind, own_settings(kind, config))
    return set_up(replace(config.training(rounds), settings={}), quiet)


def check_settings(config: CleanConfig, kinds: Iterable[Any]) -> None:
    """Refuses a `--set` that reaches no method of the run."""
    known = {name for kind in kinds for name in names_of(kind)}
    if config.settings and not known:
        raise InputError("--set reaches the fields of a method, and here no method has any. Leave it out.")
    if strange := [name for name in config.settings if name not in known]:
        told = "; ".join(f"unknown field {name!r}. {did_you_mean(name, known)}" for name in strange)
        raise InputError(f"--set reaches the fields of the methods of --start and --method: {told}")


def check_data(manifest: Manifest, config: CleanConfig) -> None:
    """Refuses what could only fail later: no truth for the oracle, more labels to buy than there are."""
    pool = manifest.take(rows_of(manifest, "train"))
    if config.budget is not None and config.budget > len(pool):
        raise InputError(f"--budget {config.budget} is more than the {len(pool)} training images there are.")
    if config.expert == "oracle":
        oracle_of(config, pool)


def opened_store(config: CleanConfig, manifest: Manifest, run: RunFolder) -> LabelStore:
    """The label store of the run, with all samples registered."""
    store = LabelStore.open(config.db or run.path / "labels.sqlite")
    try:
        names = np.array([*manifest.classes, ""], dtype=object)
        groups = [str(name) for name in manifest.group]
        store.register([str(name) for name in manifest.ids], list(names[manifest.given]), groups)
        check_rounds(store, run)
    except BaseException:
        store.close()
        raise
    return store


def check_rounds(store: LabelStore, run: RunFolder) -> None:
    """Refuses a store with another run's rounds, and one that lacks this run's."""
    table = run.path / "rounds.csv"
    has_begun = table.is_file() and len(table.read_text(encoding="utf-8").splitlines()) > 2
    asked = store.queue(1)
    if asked and run.info.get("begun") is None:
        raise InputError(
            f"The label store {store.url} holds rounds of another run. Go on with that one by --resume, or leave "
            "--db out: then this run has a store of its own."
        )
    if has_begun and not asked:
        raise InputError(
            f"The label store {store.url} does not hold the rounds of {run.path}: it is another one, or was made "
            "anew. Put the run's own store back, or give -o a new folder."
        )
