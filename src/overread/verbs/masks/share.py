"""The share of images with a wrong mask, for methods that must know it: estimated from a quick read."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from overread.data.manifest import Manifest
from overread.detect.rate import LEVEL
from overread.run import RunFolder
from overread.verbs.config import LearningConfig
from overread.verbs.setting_up import Setup

if TYPE_CHECKING:
    from overread.engine.method import Prior

Array = np.ndarray[Any, np.dtype[Any]]
HOW = ""


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
    raise NotImplementedError


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
