"""The first phase: what is learned from all labels as they are given, and which of them are trusted for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from overread.data.manifest import Manifest
from overread.data.opened import Images
from overread.run import RunFolder
from overread.store import LabelStore
from overread.verbs.cleaning.config import CleanConfig
from overread.verbs.cleaning.desk import Array, Desk, Labels, labels_begun
from overread.verbs.cleaning.model import FIRST, Lesson, Model, learned, method_of
from overread.verbs.cleaning.reading import Read, doubts, first_read
from overread.verbs.findings import CUT
from overread.verbs.learning import frozen_features, informed, logger
from overread.verbs.setting_up import Setup
from overread.verbs.training import on_frozen, on_images

if TYPE_CHECKING:
    from overread.engine.method import Prior


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
    method, as_given = method_of(config.start, config), labels_begun(pool)
    model = learned(desk, Lesson(FIRST, config.start, method, as_given, np.arange(len(pool))))
    read = first_read(desk, gathering, model)
    return First(read, trusted(desk, read, as_given, model), model)


def trusted(desk: Desk, read: Read, as_given: Labels, model: Model) -> Array:
    """[P] bool: which given labels are trusted unseen, as `--trust` says."""
    config = desk.config
    if config.trusts == "none":
        return np.zeros(len(desk.pool), bool)
    if config.trusts == "consensus":
        return np.asarray(doubts(desk, read, as_given, 0).p_wrong <= CUT)
    method, given = method_of(config.start, config), desk.pool.given
    shares = shares_wrong(method, desk.prior, len(desk.manifest.classes))
    vog = model.found.get("column.vog")
    losses = -np.log(np.maximum(model.probs[np.arange(len(given)), given], 1e-12))
    values = [losses] if vog is None else [losses, vog.reshape(len(given), -1).mean(1)]
    values = [np.where(as_given.verified, -np.inf, each) for each in values]
    return selected(values, given, shares, 0.0 if vog is None else method.mix)


def shares_wrong(method: Any, prior: Prior, classes: int) -> Array:
    r"""[C] $\tau_c$, the share of labels that a method leaves out of each given class; [1] of all together.

    `drop` where it is set, else what is estimated; by class where the method has a `quota` for each.
    """
    drop = getattr(method, "drop", None)
    if not getattr(method, "quota", False):
        return np.array([prior.noise_rate if drop is None else drop])
    return np.asarray(prior.by_class.numpy()) if drop is None else np.full(classes, drop)


def selected(values: Sequence[Array], given: Array, shares: Array, mix: float) -> Array:
    r"""[N] bool: the $R = \mathrm{round}((1 - \tau) N)$ labels that co-teaching (VOG) trusts in the whole set.

    Args:
        values: [N] losses, by the mean of both networks at the end, on images that are not augmented; and perhaps
            [N] variances of gradients.
        given: [N] labels.
        shares: [1] $\tau$, the share of wrong labels, or [C] that of each given class, which are then selected one
            by one.
        mix: m; of the R labels $R(1 - m)$ have the smallest loss, and $R m$ of the rest the smallest variance.

    The authors' code takes one network's picks in the last, augmented epoch (methods.md P4).

    >>> losses, vog = np.array([0.1, 0.2, 1.2, 1.6]), np.array([4.0, 3.0, 2.0, 1.0])
    >>> selected([losses], np.zeros(4, int), np.array([0.5]), 0.0).tolist()
    [True, True, False, False]
    >>> selected([losses, vog], np.zeros(4, int), np.array([0.5]), 0.5).tolist()
    [True, False, False, True]
    >>> selected([losses], np.array([0, 0, 1, 1]), np.array([0.0, 0.5]), 0.0).tolist()
    [True, True, True, False]
    """
    chosen = np.zeros(len(given), bool)
    parts = (
        [np.arange(len(given))]
        if len(shares) == 1
        else [np.flatnonzero(given == c) for c in range(len(shares))]
    )
    for rows, share in zip(parts, shares, strict=True):
        count = round((1.0 - float(share)) * len(rows))
        easy = rows[np.argsort(values[0][rows], kind="stable")[: round((1.0 - mix) * count)]]
        chosen[easy] = True
        if mix:
            rest = rows[~chosen[rows]]
            chosen[rest[np.argsort(values[1][rest], kind="stable")[: count - len(easy)]]] = True
    return chosen
