"""A trained model: `overread.load(RUN).predict(images)`. Needs the run folder's `model/` and nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from overread.errors import InputError
from overread.handed import Given, listed, opened
from overread.mask_model import MaskModel

if TYPE_CHECKING:
    from torch import nn


Array = np.ndarray[Any, np.dtype[Any]]
FORMAT = 1
TEXTS, COUNTS = ("network", "effort"), ("networks", "size", "channels")
CURE = "Give the folder that `overread train -o RUN` wrote, or a copy of it that is whole."


@final
@dataclass(frozen=True)
class Model:
    """What `load` gives. `info` is model.json: what the model is, and where it comes from."""

    classes: tuple[str, ...]
    info: dict[str, Any]
    networks: Sequence[nn.Module]

    def predict(
        self,
        images: Given,
        batch_size: int = 64,
        device: str = "auto",
        quiet: bool = True,
    ) -> Array:
        """Probabilities [N, C], float32, in the order of `classes`; rows sum to 1.

        Args:
            images: a list of paths, of PIL images or of arrays; an array [N, H, W] or [N, H, W, 3]; or DATA as
                the command line takes it, with or without labels. They are decoded as in training.
            batch_size: how many images pass the networks at once.
            device: `auto` (the GPU where there is one), `cpu` or `cuda`.
            quiet: no progress bar.
        """
        if isinstance(images, str | Path):
            pixels = opened(images, self.size, quiet)[1]
            return self.probabilities(pixels, batch_size, device, quiet)
        return self.probabilities(listed(images, self.size), batch_size, device, quiet)

    @property
    def size(self) -> int:
        """The networks see images of size x size pixels."""
        return int(self.info["size"])

    def probabilities(self, pixels: Any, batch_size: int, device: str, quiet: bool) -> Array:
        """As `predict`, of what gives uint8 [B, size, size, 3] for a slice."""
        from overread.engine.saved import predictions, task_of

        parts = predictions(self.networks, pixels, task_of(self.info), batch_size, device, quiet)
        return np.concatenate([np.empty((0, len(self.classes)), np.float32), *parts])


def load(run: str | Path) -> Model | MaskModel:
    """The model of a run folder, or of a copy of its folder `model`; a `MaskModel` if it was trained on masks.

    Raises `InputError` where it is broken.
    """
    folder = Path(run).expanduser()
    folder = folder / "model" if (folder / "model").is_dir() else folder
    info = _read_info(folder)
    from overread.engine.saved import load_networks

    nets = load_networks(info, folder / "weights.safetensors")
    kind = MaskModel if draws_masks(info) else Model
    return kind(tuple(info["classes"]), info, nets)


def _read_info(folder: Path) -> dict[str, Any]:
    path = folder / "model.json"
    missing = [name for name in ("model.json", "weights.safetensors") if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder} holds no trained model: {' and '.join(missing)} missing. {CURE}")
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}. {CURE}") from None
    if not isinstance(info, dict) or not isinstance(info.get("format"), int):
        raise InputError(f"{path} does not describe a model. {CURE}")
    if info["format"] > FORMAT:
        raise InputError(
            f"{path} has the format {info['format']}, written by Overread {info.get('overread', '?')}; this "
            f"version knows the formats up to {FORMAT}. Install that version or a newer one."
        )
    if wrong := faulty(info):
        raise InputError(f"{path} lacks {', '.join(wrong)}, or has something else there. {CURE}")
    return info


def draws_masks(info: dict[str, Any]) -> bool:
    """Whether model.json describes a model of masks."""
    return info.get("task") == "segmentation"


def faulty(info: dict[str, Any]) -> list[str]:
    """The fields of model.json that are missing, or cannot be what they should."""
    masks = draws_masks(info)
    counts, least = (COUNTS, 1) if masks else ((*COUNTS, "features"), 2)
    wrong = [name for name in TEXTS if not isinstance(info.get(name), str)]
    wrong += [name for name in counts if not isinstance(info.get(name), int) or info[name] < 1]
    classes = info.get("classes")
    named = (
        isinstance(classes, list) and len(classes) >= least and all(isinstance(name, str) for name in classes)
    )
    wrong += [] if named else ["classes"]
    wrong += ["exclusive"] if masks and not isinstance(info.get("exclusive"), bool) else []
    return wrong or ([] if info["effort"] in ("full", "fast") else ["effort"])
