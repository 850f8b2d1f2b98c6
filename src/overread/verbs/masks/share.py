"""The share of images with a wrong mask, for methods that must know it: as the user says, or from a quick read."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from overread.data.cache import open_images
from overread.data.manifest import Manifest
from overread.data.masks import open_masks
from overread.detect.rate import LEVEL
from overread.run import RunFolder
from overread.verbs.config import LearningConfig
from overread.verbs.learning import logger
from overread.verbs.setting_up import MASK_SIZE, Setup

if TYPE_CHECKING:
    from overread.engine.gather_masks import MaskGathering
    from overread.engine.method import Prior

FOLDS, EPOCHS, BATCH = 2, 20, 4
LEAST_SIZE = 32  # pixels
HOW = (
    "Two plain networks, each trained on half of the images at half the size, say how the masks of the other half "
    "should look. Of the scores that compare them with the given ones a mixture is made of a hill of right and a "
    "hill of wrong masks. The interval spans resampled groups; wrong masks that look like right ones are not counted."
)


@dataclass(frozen=True)
class Share:
    """A share of images, 0 to 1, and the ends of its interval."""

    estimate: float
    low: float
    high: float

    def in_words(self) -> str:
        """One line for the user."""
        return (
            f"Noise: the masks of about {100 * self.estimate:.1f} % of the training images look wrong "
            f"({100 * LEVEL:.0f} % interval {100 * self.low:.1f} % to {100 * self.high:.1f} %)."
        )


def needs_share(method: Any) -> bool:
    """Whether a method takes its forget rate from the prior: it has a field `drop`, and that is None."""
    return any(field.name == "drop" and getattr(method, field.name) is None for field in fields(method))


def share_of_wrong_masks(manifest: Manifest, config: LearningConfig, setup: Setup, run: RunFolder) -> Share:
    """The share of images of which a mask looks wrong, estimated from a plain read in two halves at half the size."""
    from overread.detect.masks.doubt import doubt
    from overread.engine.gather_masks import READING
    from overread.methods.ce import CE
    from overread.verbs.masks.learning import evidence_of

    with run.stage("prior"):
        gathering = half_size(manifest, config, setup, run)
        recipe = replace(READING, epochs=EPOCHS, batch_size=BATCH, balance="loss")
        read = gathering.out_of_fold("prior", CE(), recipe, FOLDS)
        found = setup.first(lambda: doubt(evidence_of(gathering, read), seed=config.seed))
        return Share(found.share, found.low, found.high)


def half_size(manifest: Manifest, config: LearningConfig, setup: Setup, run: RunFolder) -> MaskGathering:
    """How images and masks are read at half the size."""
    from overread.engine.gather_masks import MaskGathering
    from overread.engine.networks import build_segmenter
    from overread.engine.segmentation import Segmentation

    files, size, quiet = manifest.masks, max(LEAST_SIZE, (config.size or MASK_SIZE) // 2), setup.quiet
    assert files is not None
    images = setup.each(lambda: open_images(manifest, size, setup.cache, quiet=quiet))
    masks = setup.each(lambda: open_masks(files, manifest.root, size, setup.cache, quiet=quiet))
    task = Segmentation(manifest.classes, exclusive=files.exclusive)
    make = partial(build_segmenter, config.network, task.outputs, size, config.weights)
    log = logger(run, quiet)
    return MaskGathering(manifest, images, masks, task, make, setup.fabric, run.checkpoint, config.seed, log)


def prior_of(share: Share, count: int, structures: int) -> Prior:
    """What a method may know before training on `count` images: of masks the share of wrong ones alone."""
    import torch

    from overread.engine.method import Prior

    return Prior(
        noise_rate=share.estimate,
        low=share.low,
        high=share.high,
        by_class=torch.full((structures,), share.estimate),
        transition=torch.eye(structures),
        probs=torch.zeros(count, structures),
    )
