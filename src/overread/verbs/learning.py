"""An audit's learning: which stages an effort has, and the second read on the labels that the first one trusts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from overread.data.manifest import Manifest
from overread.data.opened import Images
from overread.data.reading import Reading
from overread.engine.evidence import Evidence
from overread.run import RunFolder
from overread.verbs.config import AuditConfig, LearningConfig
from overread.verbs.findings import CUT, doubt
from overread.verbs.prior import prior_of
from overread.verbs.setting_up import FROZEN_SIZE, Setup, eyes, recipe_of

if TYPE_CHECKING:
    from overread.engine.gather import Gathering

Array = np.ndarray[Any, np.dtype[Any]]
SLOW = 2.0  # seconds; epochs that take longer are told one by one, else only the last of a stage


def learn(reading: Reading, images: Images, config: AuditConfig, setup: Setup, run: RunFolder) -> Evidence:
    """Trains as `effort` says, reads a second time, and returns what was learned of each sample."""
    from overread.engine.gather import FINE_TUNING, HEAD, Gathering, gather_fast, gather_full
    from overread.engine.networks import build
    from overread.methods.ce import CE

    log = logger(run, setup.quiet)
    gathering = Gathering(reading.manifest, CE(), setup.fabric, run.checkpoint, config.seed, log)
    frozen = frozen_features(reading.manifest, images, config, setup, run)
    if config.effort == "fast":
        recipe, folds = recipe_of(HEAD, config), config.folds or gathering.head_folds
        gathering = informed(gathering, frozen, replace(recipe, balance="none"), folds, config.noise_rate)
        first = gather_fast(gathering, setup.method, frozen, recipe)
        return second_read(gathering, first, [frozen], config.noise_rate)
    recipe, classes, size = recipe_of(FINE_TUNING, config), len(reading.manifest.classes), images.shape[1]
    gathering = informed(gathering, frozen, HEAD, gathering.head_folds, config.noise_rate)
    make = partial(build, config.network, classes, size, config.weights)
    first = gather_full(gathering, setup.method, images, make, recipe, config.folds or 0)
    assert first.features is not None
    return second_read(gathering, first, [frozen, first.features], config.noise_rate)


def informed(gathering: Gathering, frozen: Array, recipe: Any, folds: int, rate: float | None) -> Gathering:
    """The gathering with its prior: heads on frozen features [N, D], cross-fitted by group, look at all labels."""
    from overread.engine.features import standardised

    probs = gathering.out_of_fold("head", standardised(frozen), recipe, folds)
    manifest = gathering.manifest
    known = prior_of(probs, manifest.given, manifest.group_codes, rate, gathering.seed)
    return replace(gathering, prior=with_verified(known, manifest))


def with_verified(prior: Any, manifest: Manifest) -> Any:
    """The prior, which knows what experts have verified."""
    import torch

    return (
        prior if manifest.verified is None else replace(prior, verified=torch.from_numpy(manifest.verified))
    )


def second_read(gathering: Gathering, first: Evidence, features: list[Array], rate: float | None) -> Evidence:
    """Cross-fits a head on the labels that the first read trusts, and adds its opinion as `second_probs` [N, C].

    A head on all features that were gathered is trained on the labels whose p_wrong is at most one half, five
    folds by group: every sample is judged by a head that saw neither its group nor a label it doubts.
    """
    from overread.engine.features import standardised
    from overread.engine.gather import HEAD

    x = np.concatenate([standardised(part) for part in features], axis=1)
    trusted = doubt(first, rate, gathering.seed)[1] <= CUT  # and what is verified
    probs = gathering.out_of_fold("second", x, HEAD, gathering.head_folds, trusted)
    return replace(first, columns={**first.columns, "second_probs": probs})


def frozen_features(
    manifest: Manifest, images: Images, config: LearningConfig, setup: Setup, run: RunFolder
) -> Array:
    """[N, D] what the pretrained network sees, from the cache where these images went through it before."""
    from overread.data.cache import open_images
    from overread.engine.features import saved_features

    size = config.size if config.effort == "fast" and config.size else FROZEN_SIZE
    names, folder = eyes(config), setup.cache / "features"
    with run.stage("features"):
        if images.shape[1] != size:
            images = setup.each(lambda: open_images(manifest, size, setup.cache, quiet=setup.quiet))
        return saved_features(images, images.hashes, folder, names, setup.fabric, setup.quiet)


def logger(run: RunFolder, quiet: bool) -> Callable[[dict[str, Any]], None]:
    def log(line: dict[str, Any]) -> None:
        run.log(line)
        if not quiet and (line["seconds"] > SLOW or line["epoch"] == line["epochs"]):
            text = "{stage}: epoch {epoch} of {epochs}, loss {loss:.3f}, {seconds:.0f} s".format(**line)
            shown = {"val_accuracy": "accuracy", "val_dice": "Dice"}
            text += "".join(
                f", validation {word} {line[key]:.3f}" for key, word in shown.items() if key in line
            )
            print(text, file=sys.stderr, flush=True)

    return log
