"""What `overread train` learns of masks: networks that are watched on the validation part, and corrected masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from overread.data.manifest import Manifest
from overread.data.mask_writing import fractions, most_likely
from overread.data.masks import Masks, open_masks
from overread.data.opened import Images
from overread.data.parts import rows_of
from overread.data.problems import quoted
from overread.engine.evidence import Evidence
from overread.errors import InputError
from overread.mask_quality import dice
from overread.quality import LEAST
from overread.run import RunFolder
from overread.verbs.config import TrainConfig
from overread.verbs.learning import logger
from overread.verbs.masks.share import Share, needs_share, prior_of, share_of_wrong_masks
from overread.verbs.saving import save_model
from overread.verbs.setting_up import Setup, recipe_of
from overread.verbs.training import say

if TYPE_CHECKING:
    from torch import nn

    from overread.engine.loop import Training
    from overread.engine.segmentation import Segmentation

Array = np.ndarray[Any, np.dtype[Any]]
STAGE = "train"


@dataclass(frozen=True)
class TrainedOnMasks:
    """What training gave."""

    evidence: Evidence  # of the training rows
    share: Share | None  # of wrong masks in the training part; None where the method does not ask
    epochs: int
    best_epoch: int  # counts from 1
    probs: dict[str, Array]  # `last.val`, `best.test`, ...: [M, K, S, S] uint8, 255 is certain
    masks: Masks  # [N, K, S, S] the given masks as the networks saw them

    def corrected(self, keep: str) -> Array:
        """[M, K, S, S] uint8 what the networks that were kept say of the training rows."""
        return self.probs[f"{keep}.train"]


def opened(manifest: Manifest, config: TrainConfig, setup: Setup) -> Masks:
    """All masks as the networks see them."""
    files, size = manifest.masks, config.size
    assert files is not None
    assert size is not None
    return setup.each(lambda: open_masks(files, manifest.root, size, setup.cache, quiet=setup.quiet))


def task_of(manifest: Manifest, config: TrainConfig) -> Segmentation:
    """The task that the data and `--loss` make."""
    from overread.engine.segmentation import Segmentation

    assert manifest.masks is not None
    return Segmentation(manifest.classes, exclusive=manifest.masks.exclusive, criterion=config.loss or "ce")


def check(manifest: Manifest, config: TrainConfig, setup: Setup) -> None:
    """Refuses, before a run folder is made, what could not be learned."""
    task = task_of(manifest, config)
    setup.method.columns(task)  # fields that are not for masks are told here
    masks, train = opened(manifest, config, setup), rows_of(manifest, "train")
    drawn = np.zeros(len(manifest.classes), bool)
    for row in train:
        drawn |= masks[row].any((1, 2))
    if never := [name for name, one in zip(manifest.classes, drawn, strict=True) if not one]:
        raise InputError(
            f"In the training part {quoted(never)} is drawn in no image, so no model can learn it. Move some images "
            "of it there, or leave its column out."
        )


def learn_masks(
    manifest: Manifest, images: Images, config: TrainConfig, setup: Setup, run: RunFolder
) -> TrainedOnMasks:
    """Trains on the rows of the part `train`, writes RUN/model, and says what was learned."""
    from overread.engine.networks import weights_in_words

    say(weights_in_words(config.network, config.weights), setup)
    masks, train = opened(manifest, config, setup), rows_of(manifest, "train")
    share = known_share(manifest.take(train), config, setup, run)
    found = watched(manifest, (images, masks), share, config, setup, run)
    columns = {name.removeprefix("column."): v for name, v in found.items() if name.startswith("column.")}
    evidence = Evidence(
        ids=manifest.ids[train],
        given=manifest.given[train],
        classes=manifest.classes,
        groups=manifest.take(train).group_codes,
        losses=columns.pop("loss", None),
        columns=columns,
    )
    probs = {name: value for name, value in found.items() if name.startswith(("last.", "best."))}
    return TrainedOnMasks(evidence, share, int(found["epochs"]), int(found["best_epoch"]), probs, masks)


def known_share(manifest: Manifest, config: TrainConfig, setup: Setup, run: RunFolder) -> Share | None:
    """The share of images with a wrong mask, where the method needs it: as the user says, or estimated."""
    if config.noise_rate is not None:
        return Share(config.noise_rate, config.noise_rate, config.noise_rate)
    if not needs_share(setup.method):
        return None
    share = share_of_wrong_masks(manifest, config, setup, run)
    say(share.in_words(), setup)
    return share


def watched(
    manifest: Manifest,
    material: tuple[Images, Masks],
    share: Share | None,
    config: TrainConfig,
    setup: Setup,
    run: RunFolder,
) -> dict[str, Array]:
    """The training itself: what `train_watched` gives."""
    import torch

    from overread.engine.gather_masks import READING
    from overread.engine.loop import Training, TrainingSet
    from overread.engine.networks import build_segmenter
    from overread.engine.samples import Samples
    from overread.engine.stage import Stage
    from overread.engine.watched import Watch, train_watched

    images, masks = material
    task, rows = (
        task_of(manifest, config),
        {part: rows_of(manifest, part) for part in ("train", "val", "test")},
    )
    samples = {part: Samples(images.take(at), masks.take(at)) for part, at in rows.items() if len(at)}
    train = samples.pop("train")
    prior = None if share is None else prior_of(share, len(train), len(manifest.classes))
    data = TrainingSet(train, torch.arange(len(train)), manifest.classes, prior, task)
    recipe = replace(recipe_of(READING, config), seed=config.seed)
    make = partial(build_segmenter, config.network, task.outputs, images.shape[1], config.weights)

    def build(files: Any) -> Training:
        return Training(setup.method, data, make, recipe, setup.fabric, files)

    def export(nets: Sequence[nn.Module]) -> None:
        save_model(nets, run.path / "model", manifest, config)

    judge = partial(judged, masks.take(rows["val"]), task)
    curve = partial(curved, masks.take(rows["test"]), task) if config.curves and "test" in samples else None
    watch = Watch(samples, judge, config.keep, export, {"train": train}, curve)
    return train_watched(Stage(STAGE, run.checkpoint, logger(run, setup.quiet)), build, watch)


def curved(masks: Masks, task: Segmentation, probs: Array) -> dict[str, Any]:
    """As `judged`, of the test part: for curves, and nothing else."""
    return {name.replace("val_", "test_"): value for name, value in judged(masks, task, probs).items()}


def judged(masks: Masks, task: Segmentation, probs: Array) -> dict[str, Any]:
    """How good probabilities [V, K, S, S] of the validation part are, by its given masks; mean Dice comes first.

    `val_loss` is the cross-entropy of a pixel, in nats, whatever the training descends on.
    """
    values, losses = [], []
    for row in range(len(probs)):
        given = masks[row].astype(bool)  # [K, S, S]
        values.append(dice(most_likely(probs[row], task.exclusive), given))
        losses.append(cross_entropy(fractions(probs[row]), given, task.exclusive))
    by_structure = np.mean(values, axis=0)  # [K]
    named = {name: float(value) for name, value in zip(task.classes, by_structure, strict=True)}
    return {"val_dice": float(by_structure.mean()), "val_loss": float(np.mean(losses)), "val_dice_of": named}


def cross_entropy(p: Array, given: Array, exclusive: bool) -> float:
    """Mean over pixels, and over structures where these may overlap, of -log p of what is given; p [K, H, W]."""
    if exclusive:
        of_none = np.clip(1.0 - p.sum(0), 0.0, 1.0)  # [H, W]
        said = np.where(given.any(0), (p * given).sum(0), of_none)
    else:
        said = np.where(given, p, 1.0 - p)
    return float(-np.log(np.maximum(said, LEAST)).mean())
