"""An audit of masks learns: a first read by the method, and a second one of the masks that the first trusts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from overread.data.masks import Masks, open_masks
from overread.data.opened import Images
from overread.data.reading import Reading
from overread.detect.masks.compare import measures
from overread.detect.masks.doubt import doubt
from overread.detect.masks.evidence import MaskEvidence
from overread.detect.masks.hills import CUT
from overread.run import RunFolder
from overread.verbs.config import AuditConfig
from overread.verbs.learning import logger
from overread.verbs.masks.share import Share, needs_share, prior_of, share_of_wrong_masks
from overread.verbs.setting_up import Setup, first_size, recipe_of

if TYPE_CHECKING:
    from overread.engine.gather_masks import MaskGathering, Read
    from overread.engine.loop import Recipe

Array = np.ndarray[Any, np.dtype[Any]]
EPOCHS, BATCH = 30, 8
SHORT, LONGEST = 0.4, 4.0  # epochs of a plain first read, and of a second one on few images, as a multiple
PLAIN = "ce"
FEWEST = 20  # trusted images; of fewer the second read would learn little


@dataclass(frozen=True)
class ReadMasks:
    """What was learned: the evidence on every mask, and what pictures are drawn from."""

    evidence: MaskEvidence
    probs: Array  # [N, K, S, S] uint8, 255 is certain, of networks that saw neither the image nor its group
    masks: Masks  # [N, K, S, S] uint8, the given masks as the networks saw them
    reads: int  # 2, or 1 where too few masks are trusted to learn from them alone
    quiet: bool  # no progress bars


def learn(reading: Reading, images: Images, config: AuditConfig, setup: Setup, run: RunFolder) -> ReadMasks:
    """Reads all images twice, out of fold, and compares what was read with what is drawn."""
    files, size = reading.manifest.masks, first_size(config)
    assert files is not None
    root = reading.manifest.root
    masks = setup.each(lambda: open_masks(files, root, size, setup.cache, quiet=setup.quiet))
    gathering = gathering_of(reading, (images, masks), config, setup, run)
    recipe, folds = first_recipe(config), folds_of(config, gathering)
    if config.noise_rate is not None or needs_share(setup.method):
        share = known_share(reading, config, setup, run)
        gathering = replace(gathering, prior=prior_of(share, len(masks), masks.shape[1]))
    read, reads = gathering.out_of_fold("first", setup.method, recipe, folds), 1
    trusted = doubt(evidence_of(gathering, read), config.noise_rate, config.seed).image <= CUT
    if trusted.sum() >= FEWEST:
        read, reads = second_read(gathering, read, second_recipe(config, trusted), folds, trusted), 2
    return ReadMasks(evidence_of(gathering, read), read.probs, masks, reads, setup.quiet)


def second_read(gathering: MaskGathering, first: Read, recipe: Recipe, folds: int, trusted: Array) -> Read:
    """Plain networks learn from `trusted` [N] images alone, whose masks the first read does not doubt, and read all
    of them anew: what wrong masks had taught the first networks is gone. Losses and columns stay the first's.

    They descend on cross-entropy alone, whose probabilities say how sure the network is.
    """
    from overread.methods.ce import CE

    gathering = replace(gathering, task=replace(gathering.task, criterion=PLAIN))
    read = gathering.out_of_fold("second", CE(), recipe, folds, trusted)
    return replace(read, losses=first.losses, columns=first.columns)


def gathering_of(
    reading: Reading, pixels: tuple[Images, Masks], config: AuditConfig, setup: Setup, run: RunFolder
) -> MaskGathering:
    """How images and their masks are read."""
    from overread.engine.gather_masks import MaskGathering
    from overread.engine.networks import build_segmenter
    from overread.engine.segmentation import Segmentation

    manifest = reading.manifest
    assert manifest.masks is not None
    task = Segmentation(manifest.classes, exclusive=manifest.masks.exclusive, criterion=config.loss or "ce")
    make = partial(build_segmenter, config.network, task.outputs, first_size(config), config.weights)
    log = logger(run, setup.quiet)
    return MaskGathering(manifest, *pixels, task, make, setup.fabric, run.checkpoint, config.seed, log)


def first_recipe(config: AuditConfig) -> Recipe:
    """How the first read is trained. A plain one is short: it ends before wrong masks are learned by heart."""
    recipe = reading_recipe(config)
    return replace(recipe, epochs=max(2, round(SHORT * recipe.epochs))) if config.method == PLAIN else recipe


def second_recipe(config: AuditConfig, trusted: Array) -> Recipe:
    """How the second read is trained: in as many steps as if all images [N] were trusted, within reason."""
    recipe = reading_recipe(config)
    longer = min(LONGEST, len(trusted) / max(1, int(trusted.sum())))
    return replace(recipe, epochs=round(longer * recipe.epochs))


def reading_recipe(config: AuditConfig) -> Recipe:
    """How networks that read masks are trained."""
    from overread.engine.gather_masks import READING

    recipe: Recipe = recipe_of(replace(READING, epochs=EPOCHS, batch_size=BATCH), config)
    return recipe


def folds_of(config: AuditConfig, gathering: MaskGathering) -> int:
    """How many folds: 3, or as many as there are groups."""
    from overread.engine.gather_masks import FOLDS

    return config.folds or min(FOLDS, int(gathering.manifest.group_codes.max()) + 1)


def known_share(reading: Reading, config: AuditConfig, setup: Setup, run: RunFolder) -> Share:
    """The share of images with a wrong mask, as the user says, or from a quick read."""
    if (rate := config.noise_rate) is not None:
        return Share(rate, rate, rate)
    return share_of_wrong_masks(reading.manifest, config, setup, run)


def evidence_of(gathering: MaskGathering, read: Read) -> MaskEvidence:
    """What a read says of every mask."""
    manifest = gathering.manifest
    return MaskEvidence(
        ids=manifest.ids,
        structures=manifest.classes,
        groups=manifest.group_codes,
        size=gathering.masks.shape[-1],
        losses=read.losses,
        columns=read.columns,
        **measures(gathering.masks, read.probs, gathering.task.exclusive),
    )
