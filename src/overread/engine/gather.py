"""From images to evidence: `fast` trains a head on frozen features, `full` trains the network as well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from overread.data.manifest import Manifest
from overread.data.splits import group_folds
from overread.engine.augment import Augment
from overread.engine.evidence import Evidence
from overread.engine.features import standardised
from overread.engine.loop import Recipe, Training, TrainingSet
from overread.engine.method import Method, Prior
from overread.engine.networks import mlp_head
from overread.engine.samples import Pixels, Samples
from overread.engine.stage import Learned, Log, learn

Array = np.ndarray[Any, np.dtype[Any]]
HEAD = Recipe(epochs=10, batch_size=64, lr=0.003, weight_decay=1e-2)
HEAD_FOLDS = 5
FINE_TUNING = Recipe(
    epochs=6, batch_size=128, lr=0.02, weight_decay=1e-4, augment=Augment(left_right=True, up_down=True)
)


@dataclass(frozen=True)
class Gathering:
    """One audit's way of learning about its samples; stages leave their files in `folder`."""

    manifest: Manifest
    plain: Method  # cross-entropy, for heads that only look
    fabric: Any
    folder: Path
    seed: int
    log: Log = field(default=lambda line: None)
    prior: Prior | None = None

    def train(
        self, name: str, x: Pixels, rows: Array, recipe: Recipe, make: Callable[[], Any], method: Method
    ) -> Learned:
        """One stage: trains on `rows`, and says what was learned of all samples."""
        samples = Samples(x, self.manifest.given)
        data = TrainingSet(samples, torch.as_tensor(rows), self.manifest.classes, self.prior)
        recipe = replace(recipe, seed=self.seed)

        def build(files: tuple[Path, bool]) -> Training:
            return Training(method, data, make, recipe, self.fabric, files)

        return learn(name, self.folder, build, self.log)

    def out_of_sample(
        self, name: str, x: Pixels, recipe: Recipe, make: Callable[[], Any], folds: int, method: Method
    ) -> list[Learned]:
        """Cross-fitting: one stage a fold, each trained on the others; groups never cross."""
        fold = self.folds(folds)
        return [
            self.train(f"{name}-{k + 1}-of-{folds}", x, np.flatnonzero(fold != k), recipe, make, method)
            for k in range(folds)
        ]

    def out_of_fold(
        self, name: str, x: Array, recipe: Recipe, folds: int, trusted: Array | None = None
    ) -> Array:
        """[N, C] each sample's probabilities from a plain head on features [N, D] that saw none of its group, and,
        where `trusted` [N] says which, no other labels. Where the other folds hold nothing trusted at all, they
        are taken as they are."""
        fold = self.folds(folds)
        kept = np.ones(len(fold), bool) if trusted is None else trusted
        make = head_on(x, self.manifest.classes)
        learned = []
        for k in range(folds):
            rows = np.flatnonzero(kept & (fold != k))
            rows = rows if len(rows) else np.flatnonzero(fold != k)
            learned.append(self.train(f"{name}-{k + 1}-of-{folds}", x, rows, recipe, make, self.plain))
        return held_out(learned, fold)

    @property
    def head_folds(self) -> int:
        """How many folds heads are cross-fitted in where the user does not say: 5, or as many as there are groups."""
        return min(HEAD_FOLDS, int(self.manifest.group_codes.max()) + 1)

    def folds(self, folds: int) -> Array:
        """[N] the fold of each sample."""
        return group_folds(self.manifest.given, self.manifest.group_codes, folds, self.seed)


def held_out(learned: list[Learned], fold: Array) -> Array:
    """[N, C] each sample's probabilities from the one stage that did not train on it."""
    return np.stack([one.probs for one in learned])[fold, np.arange(len(fold))]


def head_on(x: Array, classes: tuple[str, ...]) -> Callable[[], Any]:
    """Makes a head for features [N, D]."""
    return lambda: mlp_head(x.shape[1], len(classes))


def gather_fast(gathering: Gathering, method: Method, frozen: Array, recipe: Recipe) -> Evidence:
    """Evidence from frozen features [N, D] alone: what a head sees in training; the prior's probabilities."""
    assert gathering.prior is not None
    x = standardised(frozen)
    make = head_on(x, gathering.manifest.classes)
    whole = gathering.train("head", x, np.arange(len(x)), recipe, make, method)
    return evidence_of(gathering.manifest, whole, gathering.prior.probs.numpy(), frozen)


def gather_full(
    gathering: Gathering, method: Method, images: Pixels, make: Callable[[], Any], recipe: Recipe, folds: int
) -> Evidence:
    """Evidence from training the network on `images` [N, S, S, 3].

    With `folds` = 0 the out-of-sample probabilities are those of the prior's heads; with 2 or more the network
    itself is cross-fitted, and the losses are means over all runs that trained on a sample.
    """
    manifest = gathering.manifest
    whole = gathering.train("network", images, np.arange(len(manifest)), recipe, make, method)
    runs = [whole]
    if folds:
        crossed = gathering.out_of_sample("network", images, recipe, make, folds, method)
        runs += crossed
        probs = held_out(crossed, gathering.folds(folds))
    else:
        assert gathering.prior is not None
        probs = gathering.prior.probs.numpy()
    evidence = evidence_of(manifest, average(runs), probs, whole.features)
    return replace(evidence, columns={**evidence.columns, "final_probs": whole.probs})


def average(runs: list[Learned]) -> Learned:
    """The mean over runs of what each saw while training; the first one's final network and own columns."""

    def mean(name: str) -> Array | None:
        values = [getattr(run, name) for run in runs if getattr(run, name) is not None]
        return np.nanmean(np.stack(values), axis=0) if values else None

    return replace(runs[0], losses=mean("losses"), training_probs=mean("training_probs"))


def evidence_of(manifest: Manifest, learned: Learned, probs: Array | None, features: Array) -> Evidence:
    """What a run learned, as evidence about the samples of the manifest."""
    opinion = {} if learned.training_probs is None else {"training_probs": learned.training_probs}
    known = {} if manifest.verified is None else {"verified": manifest.verified}
    return Evidence(
        ids=manifest.ids,
        given=manifest.given,
        classes=manifest.classes,
        groups=manifest.group_codes,
        losses=None if learned.losses is None else whole_sequences(learned.losses),
        probs=probs,
        features=features,
        columns={**opinion, **known, **learned.columns},
    )


def whole_sequences(losses: Array) -> Array:
    """[N, E] losses in which epochs that did not draw a sample (`--balance sampler`) repeat its last one before, or
    the first one after; a sample that was never drawn gets the mean over samples of each epoch.

    >>> whole_sequences(np.array([[np.nan, 2.0, np.nan], [1.0, 4.0, 0.5]])).tolist()
    [[2.0, 2.0, 2.0], [1.0, 4.0, 0.5]]
    """
    if not np.isnan(losses).any():
        return losses
    import pandas as pd

    filled = pd.DataFrame(losses).ffill(axis=1).bfill(axis=1).to_numpy(copy=True)
    never = np.isnan(filled).any(1)
    filled[never] = np.nanmean(losses, axis=0)
    return np.asarray(filled, np.float32 if losses.dtype == np.float32 else losses.dtype)
