"""The first phase: what is learned from all labels as they are given, and which of them are trusted for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from overread.data.manifest import Manifest
from overread.data.opened import Images
from overread.run import RunFolder
from overread.settings import apply_settings
from overread.store import LabelStore
from overread.verbs.cleaning.config import CleanConfig
from overread.verbs.cleaning.desk import Array, Desk, Labels
from overread.verbs.cleaning.model import Lesson, Model, learned
from overread.verbs.cleaning.reading import Read, doubts, first_read
from overread.verbs.findings import CUT
from overread.verbs.learning import frozen_features, informed, logger
from overread.verbs.setting_up import Setup, method_kind
from overread.verbs.training import on_frozen, on_images


@dataclass(frozen=True)
class First:
    """What the first phase leaves for all rounds."""

    read: Read  # of the given labels
    trusted: Array  # [P] bool: given labels that are trusted unseen
    model: Model | None  # None: nothing was learned


def prepared(
    manifest: Manifest, images: Images, config: CleanConfig, setup: Setup, run: RunFolder, store: LabelStore
) -> tuple[Desk, Any]:
    """The desk, and the gathering of the pre-pass: heads on frozen features look at all given labels of the pool."""
    from overread.data.parts import rows_of
    from overread.engine.gather import HEAD, Gathering
    from overread.methods.ce import CE

    training = config.training("ce")
    frozen, rows = frozen_features(manifest, images, config, setup, run), rows_of(manifest, "train")
    log = logger(run, setup.quiet)
    gathering = Gathering(manifest.take(rows), CE(), setup.fabric, run.checkpoint, config.seed, log)
    gathering = informed(gathering, frozen[rows], HEAD, gathering.head_folds, config.noise_rate)
    assert gathering.prior is not None
    fast = config.effort == "fast"
    material = (
        on_frozen(manifest, frozen, images.shape[1], training)
        if fast
        else on_images(manifest, images, training)
    )
    return Desk(manifest, material, gathering.prior, frozen[rows], config, setup, run, store), gathering


def first_phase(desk: Desk, gathering: Any) -> First:
    """Trains by `--start` on all given labels, and splits what is trusted from what is doubted."""

    config, pool = desk.config, desk.pool
    if config.start == "none":
        return First(first_read(desk, gathering, None), np.zeros(len(pool), bool), None)
    method = apply_settings(method_kind(config.start), config.settings)
    nobody = np.zeros(len(pool), bool)
    as_given = Labels(pool.given, nobody, nobody, nobody)
    model = learned(desk, Lesson("start", method, as_given, np.arange(len(pool))))
    read = first_read(desk, gathering, model)
    return First(read, trusted(desk, read, as_given, model), model)


def trusted(desk: Desk, read: Read, as_given: Labels, model: Model) -> Array:
    """[P] bool: which given labels are trusted unseen, as `--trust` says."""
    config = desk.config
    if config.trusts == "none":
        return np.zeros(len(read.kept), bool)
    if config.trusts == "consensus":
        return np.asarray(doubts(desk, read, as_given, 0).p_wrong <= CUT)
    vog = model.found.get("column.vog")
    mix = 0.0 if vog is None else apply_settings(method_kind(config.start), config.settings).mix
    return selected(model.probs, desk.pool.given, desk.prior.noise_rate, vog, mix)


def selected(probs: Array, given: Array, rate: float, vog: Array | None, mix: float) -> Array:
    r"""[N] bool: the $R = \mathrm{round}((1 - \tau) N)$ labels that co-teaching (VOG) trusts in the whole set.

    Args:
        probs: [N, C] the mean of both networks at the end, on images that are not augmented.
        given: [N] labels.
        rate: $\tau$, the share of wrong labels.
        vog: [N] variance of gradients, None: by loss alone.
        mix: m, of the R labels $R(1 - m)$ have the smallest loss, and $R m$ of the rest the smallest VOG.

    The authors' code takes one network's picks in the last, augmented epoch (methods.md P4).

    >>> probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.2, 0.8]])
    >>> selected(probs, np.zeros(4, int), 0.5, None, 0.0).tolist()
    [True, True, False, False]
    >>> selected(probs, np.zeros(4, int), 0.5, np.array([4.0, 3.0, 2.0, 1.0]), 0.5).tolist()
    [True, False, False, True]
    """
    count = round((1.0 - rate) * len(given))
    losses = -np.log(np.maximum(probs[np.arange(len(given)), given], 1e-12))
    easy = np.argsort(losses, kind="stable")[: count if vog is None else round((1.0 - mix) * count)]
    chosen = np.zeros(len(given), bool)
    chosen[easy] = True
    if vog is not None:
        order = np.argsort(np.where(chosen, np.inf, vog.reshape(len(given), -1).mean(1)), kind="stable")
        chosen[order[: count - len(easy)]] = True
    return chosen
