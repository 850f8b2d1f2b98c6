"""What cleaning begins with: flags checked against each other and the data, the label store opened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from overread.cleaning.samplers.choose import make
from overread.data.manifest import Manifest
from overread.data.parts import rows_of
from overread.errors import InputError
from overread.run import RunFolder
from overread.settings import apply_settings
from overread.store import LabelStore
from overread.verbs.cleaning.config import CleanConfig
from overread.verbs.cleaning.model import method_of_rounds
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
    return with_defaults(config, {"network": DEFAULT_NETWORK, "augment": "none", "balance": "none"})


def set_up_cleaning(config: CleanConfig, quiet: bool) -> Setup:
    """The methods with their `--set` fields, the sampler, the device; an `InputError` for a flag that is wrong."""
    make(config.sampler, config.balanced)
    rounds = method_of_rounds(config)
    named = [] if config.start == "none" else [config.start]
    if config.update == "all" and rounds not in named:
        named.append(rounds)
    if config.settings and not named:
        raise InputError("--set reaches the fields of the --start's method, and --start none has none.")
    for name in named:
        apply_settings(method_kind(name), config.settings)
    return set_up(replace(config.training(rounds), settings={}), quiet)


def opened_store(config: CleanConfig, manifest: Manifest, run: RunFolder) -> LabelStore:
    """The label store of the run, with all samples registered."""
    store = LabelStore.open(config.db or run.path / "labels.sqlite")
    names = np.array([*manifest.classes, ""], dtype=object)
    groups = [str(name) for name in manifest.group]
    store.register([str(name) for name in manifest.ids], list(names[manifest.given]), groups)
    if store.queue(1) and not (run.path / "rounds.csv").is_file():
        raise InputError(
            f"The label store {store.url} holds rounds of another run. Go on with that one by --resume, or leave "
            "--db out: then this run has a store of its own."
        )
    return store


def check_data(manifest: Manifest, config: CleanConfig) -> None:
    """Refuses what could only fail later: no truth for the oracle, more labels to buy than there are."""
    rows = rows_of(manifest, "train")
    if config.budget is not None and config.budget > len(rows):
        raise InputError(f"--budget {config.budget} is more than the {len(rows)} training images there are.")
    if (confusion := config.expert_confusion) is not None and not Path(confusion).is_file():
        raise InputError(f"There is no file {confusion} to take --expert-confusion from.")


def check_expert(desk: Any) -> None:
    """Refuses data that the simulated expert cannot answer for."""
    from overread.verbs.cleaning.asking import oracle_of

    if desk.config.expert == "oracle":
        oracle_of(desk)
