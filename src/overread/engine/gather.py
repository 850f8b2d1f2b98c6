"""From images to evidence: `fast` trains a head on frozen features, `full` fine-tunes the network as well."""

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
from overread.engine.loop import Recipe, Training
from overread.engine.method import Method
from overread.engine.networks import build, mlp_head
from overread.engine.samples import Pixels, Samples
from overread.engine.stage import Learned, Log, learn
from overread.engine.task import Task

Array = np.ndarray[Any, np.dtype[Any]]
HEAD = Recipe(epochs=10, batch_size=64, lr=0.003, weight_decay=1e-2)
HEAD_FOLDS = 5
FINE_TUNING = Recipe(epochs=6, batch_size=128, lr=0.02, weight_decay=1e-4, augment=Augment())


@dataclass(frozen=True)
class Gathering:
    """One audit's way of learning about its samples; stages leave their files in `folder`."""

    manifest: Manifest
    method: Method
    fabric: Any
    folder: Path
    seed: int
    log: Log = field(default=lambda line: None)

    def train(self, name: str, x: Pixels, rows: Array, recipe: Recipe, make: Callable[[], Any]) -> Learned:
        """One stage: trains on `rows`, and says what was learned of all samples."""
        task = Task(self.manifest.classes)
        samples = Samples(x, self.manifest.given)
        recipe = replace(recipe, seed=self.seed)

        def training() -> Training:
            return Training(self.method, task, make, samples, torch.as_tensor(rows), recipe, self.fabric)

        return learn(name, self.folder, training, self.log)

    def out_of_sample(
        self,
        name: str,
        x: Pixels,
        recipe: Recipe,
        make: Callable[[], Any],
        folds: int,
        trusted: Array | None = None,
    ) -> list[Learned]:
        """Cross-fitting: one stage a fold, each trained on the (trusted) others; groups never cross. Where the
        others hold nothing trusted at all, they are taken as they are."""
        fold = self.folds(folds)
        kept = np.ones(len(fold), bool) if trusted is None else trusted
        learned = []
        for k in range(folds):
            rows = np.flatnonzero(kept & (fold != k))
            rows = rows if len(rows) else np.flatnonzero(fold != k)
            learned.append(self.train(f"{name}-{k + 1}-of-{folds}", x, rows, recipe, make))
        return learned

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


def gather_fast(gathering: Gathering, frozen: Array, recipe: Recipe, folds: int) -> Evidence:
    """Evidence from frozen features [N, D] alone: a head's losses, and its out-of-fold probabilities."""
    x = standardised(frozen)
    everything = np.arange(len(gathering.manifest))
    whole = gathering.train("head", x, everything, recipe, head_on(gathering, x))
    return _evidence(gathering.manifest, whole, out_of_fold(gathering, "head", x, recipe, folds), frozen)


def out_of_fold(
    gathering: Gathering, name: str, x: Array, recipe: Recipe, folds: int, trusted: Array | None = None
) -> Array:
    """[N, C] each sample's probabilities from a head on features [N, D] that saw none of its group, and, where
    `trusted` [N] says which, no other labels."""
    crossed = gathering.out_of_sample(name, x, recipe, head_on(gathering, x), folds, trusted)
    return held_out(crossed, gathering.folds(folds))


def head_on(gathering: Gathering, x: Array) -> Callable[[], Any]:
    """Makes a head for features [N, D]."""
    return lambda: mlp_head(x.shape[1], len(gathering.manifest.classes))


def gather_full(
    gathering: Gathering, images: Pixels, frozen: Array, network: tuple[str, str], recipe: Recipe, folds: int
) -> Evidence:
    """Evidence from fine-tuning on `images` [N, S, S, 3].

    With `folds` = 0 the out-of-sample probabilities come from a head on the frozen features; with 2 or more
    the network itself is cross-fitted, and the losses are means over all runs that trained on a sample.
    """
    manifest = gathering.manifest

    def make() -> Any:
        return build(network[0], len(manifest.classes), images.shape[1], network[1])

    whole = gathering.train("network", images, np.arange(len(manifest)), recipe, make)
    runs = [whole]
    if folds:
        crossed = gathering.out_of_sample("network", images, recipe, make, folds)
        runs += crossed
        probs = held_out(crossed, gathering.folds(folds))
    else:
        probs = out_of_fold(gathering, "head", standardised(frozen), HEAD, gathering.head_folds)
    evidence = _evidence(manifest, average(runs), probs, whole.features)
    return replace(evidence, columns={**evidence.columns, "final_probs": whole.probs})


def average(runs: list[Learned]) -> Learned:
    """The mean over runs of what each saw while training; the first one's final network."""

    def mean(name: str) -> Array | None:
        values = [getattr(run, name) for run in runs if getattr(run, name) is not None]
        return np.nanmean(np.stack(values), axis=0) if values else None

    return replace(runs[0], losses=mean("losses"), training_probs=mean("training_probs"))


def _evidence(manifest: Manifest, learned: Learned, probs: Array | None, features: Array) -> Evidence:
    columns = {} if learned.training_probs is None else {"training_probs": learned.training_probs}
    return Evidence(
        ids=manifest.ids,
        given=manifest.given,
        classes=manifest.classes,
        groups=manifest.group_codes,
        losses=learned.losses,
        probs=probs,
        features=features,
        columns=columns,
    )
