"""The two acts of a training on masks: learn, and measure."""

from __future__ import annotations

from typing import Any

from overread.data.manifest import Manifest
from overread.data.opened import Images
from overread.data.reading import Reading
from overread.run import RunFolder
from overread.verbs.config import TrainConfig
from overread.verbs.setting_up import Setup


def learn(manifest: Manifest, images: Images, config: TrainConfig, setup: Setup, run: RunFolder) -> Any:
    """Trains on the given masks, watched on the validation part."""
    raise NotImplementedError


def measure(
    run: RunFolder, reading: Reading, manifest: Manifest, config: TrainConfig, trained: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measures what was trained, and writes all that is known of it."""
    raise NotImplementedError
