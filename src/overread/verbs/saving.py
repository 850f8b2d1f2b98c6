"""RUN/model: a trained model on its own, without the run that made it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overread import __version__
from overread.data.manifest import Manifest
from overread.files import write_json, write_whole
from overread.model import FORMAT
from overread.verbs.config import TrainConfig
from overread.verbs.setting_up import first_size

if TYPE_CHECKING:
    from torch import nn

PREPROCESSING = {
    "words": "Decoded to 8-bit RGB (grey becomes three equal channels), squashed to size x size with an antialiased "
    "bilinear filter; then each value v of 0..255 becomes scale * v + shift.",
    "scale": 1 / 127.5,
    "shift": -1.0,
}


def save_model(nets: Sequence[nn.Module], folder: Path, manifest: Manifest, config: TrainConfig) -> None:
    """Writes `weights.safetensors` and `model.json`."""
    from overread.engine.saved import save_networks

    write_whole(folder / "weights.safetensors", lambda part: save_networks(nets, part))
    write_json(folder / "model.json", description(nets, manifest, config))


def description(nets: Sequence[Any], manifest: Manifest, config: TrainConfig) -> dict[str, Any]:
    """model.json: what the model is, how images become its input, and where it comes from."""
    if manifest.masks is None:
        features = len(nets[0].mean) if config.effort == "fast" else nets[0].head.in_features
        task: dict[str, Any] = {"features": features}
    else:
        task = {"exclusive": manifest.masks.exclusive, "loss": config.loss}
    own = config.network.rpartition(":")[0]  # a file of the user's
    network = (
        config.network.replace(own, str(Path(own).absolute()), 1) if own.endswith(".py") else config.network
    )
    return {
        "format": FORMAT,
        "overread": __version__,
        "task": manifest.task,
        "network": network,
        "networks": len(nets),
        **task,
        "effort": config.effort,
        "classes": list(manifest.classes),
        "size": first_size(config),
        "channels": 3,
        "preprocessing": PREPROCESSING,
        "method": config.method,
        "settings": config.settings,
        "weights": config.weights,
        "keep": config.keep,
        "seed": config.seed,
        "trained_on": manifest.fingerprint,
    }
