"""A trained model: `overread.load(RUN).predict(images)`. Needs the run folder's `model/` and nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from PIL.Image import Image

from overread.data.cache import usable_cores
from overread.data.images import decode, decode_array, decode_picture
from overread.errors import InputError

if TYPE_CHECKING:
    from torch import nn

Array = np.ndarray[Any, np.dtype[Any]]
FORMAT = 1
TEXTS, COUNTS = ("network", "effort"), ("networks", "features", "size", "channels")
EXPECTED = (
    "Expected a list of paths, of PIL images or of arrays [H, W] or [H, W, 3]; an array of images [N, H, W] or "
    "[N, H, W, 3]; or the path of DATA. One image goes into a list."
)
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
        images: str | Path | Array | Sequence[str | Path | Array | Image],
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
            from overread.data.load import load as open_data
            from overread.data.options import DataOptions

            opened = open_data(images, DataOptions(labels="optional"), self.size, quiet=quiet)[1]
            return self.probabilities(opened, batch_size, device, quiet)
        return self.probabilities(listed(images, self.size), batch_size, device, quiet)

    @property
    def size(self) -> int:
        """The networks see images of size x size pixels."""
        return int(self.info["size"])

    def probabilities(self, pixels: Any, batch_size: int, device: str, quiet: bool) -> Array:
        """As `predict`, of what gives uint8 [B, size, size, 3] for a slice."""
        import torch
        from tqdm import tqdm

        from overread.engine.samples import scaled
        from overread.engine.saved import device_of, predicted

        where, count = device_of(device), len(pixels)
        nets = [net.to(where) for net in self.networks]
        found = np.empty((count, len(self.classes)), np.float32)
        with tqdm(total=count, desc="predicting", unit="image", disable=quiet) as bar:
            for rows in (slice(start, start + batch_size) for start in range(0, count, batch_size)):
                batch = torch.from_numpy(np.ascontiguousarray(pixels[rows]))
                found[rows] = predicted(nets, scaled(batch.to(where))).cpu().numpy()
                bar.update(len(batch))
        return found


@dataclass(frozen=True)
class _Listed:
    """Images that are decoded when their turn comes."""

    images: Sequence[Any]
    size: int

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: slice) -> Array:
        with ThreadPoolExecutor(usable_cores()) as threads:
            return np.stack(list(threads.map(self._decoded, range(*rows.indices(len(self))))))

    def _decoded(self, row: int) -> Array:
        image, name = self.images[row], f"image {row}"
        if isinstance(image, str | Path):
            return decode(image, self.size)
        if isinstance(image, np.ndarray) and image.ndim in (2, 3):
            return decode_array(image, self.size, name)
        if isinstance(image, Image):
            return decode_picture(image, self.size, name)
        came = f"an array of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise InputError(f"{name} is {came}. {EXPECTED}")


def listed(images: Any, size: int) -> _Listed:
    """Several images in memory, or paths of them."""
    if isinstance(images, np.ndarray):
        several = images.ndim == 4 or (images.ndim == 3 and images.shape[-1] != 3)
        if not several:
            raise InputError(f"The array has the shape {list(images.shape)}. {EXPECTED}")
        return _Listed(images, size)  # type: ignore[arg-type]
    if not isinstance(images, Sequence):
        raise InputError(f"The images are a {type(images).__name__}. {EXPECTED}")
    return _Listed(images, size)


def load(run: str | Path) -> Model:
    """The model of a run folder, or of a copy of its folder `model`. Raises `InputError` where it is broken."""
    folder = Path(run).expanduser()
    folder = folder / "model" if (folder / "model").is_dir() else folder
    info = _read_info(folder)
    from overread.engine.saved import load_networks

    nets = load_networks(info, folder / "weights.safetensors")
    return Model(tuple(info["classes"]), info, nets)


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


def faulty(info: dict[str, Any]) -> list[str]:
    """The fields of model.json that are missing, or cannot be what they should."""
    wrong = [name for name in TEXTS if not isinstance(info.get(name), str)]
    wrong += [name for name in COUNTS if not isinstance(info.get(name), int) or info[name] < 1]
    classes = info.get("classes")
    named = isinstance(classes, list) and len(classes) > 1 and all(isinstance(name, str) for name in classes)
    wrong += [] if named else ["classes"]
    return wrong or ([] if info["effort"] in ("full", "fast") else ["effort"])
