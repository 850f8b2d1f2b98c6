"""Evidence on masks: what a run learned of each structure of each image. Arrays only, never probability maps."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
PREFIX = "column."


@dataclass(frozen=True)
class MaskEvidence:
    """What detectors of masks may see: N images, K structures, E epochs. Never the truth.

    Lengths are in pixels of the image as the networks saw it, which is `size` pixels square.
    """

    ids: Array  # [N] text
    structures: tuple[str, ...]  # K
    groups: Array  # [N] int64; images of one patient share a number
    size: int
    agreement: Array  # [N, K] Dice of given and suggested mask
    expected: Array  # [N, K] Dice that the suggested mask would have by the network's own probabilities
    cross_entropy: Array  # [N, K] of the given mask, out of fold, nats a pixel
    entropy: Array  # [N, K] what it would be by the network's own probabilities
    distance: Array  # [N, K] mean distance between the contours
    signed: Array  # [N, K] the same with a sign: above 0 where the given mask is the larger one
    band: Array  # [N, K] width of the band in which the network is unsure of the contour
    given_area: Array  # [N, K] share of the image
    suggested_area: Array  # [N, K]
    pixel_quality: Array  # [N, K] cleanlab's score, 0..1, higher is better
    losses: Array | None = None  # [N, E] of the image in each epoch, as seen in training, nats a pixel
    columns: dict[str, Array] = field(default_factory=dict)  # the method's own memory, [N, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def save(self, path: Path) -> None:
        """Writes one uncompressed `.npz`; numbers as float32."""
        arrays: dict[str, Array] = {
            "ids": self.ids.astype(str),
            "structures": np.array(self.structures, dtype=str),
            "groups": self.groups,
            "size": np.array(self.size),
        }
        numbers = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in (*arrays, "columns")}
        arrays |= {name: value.astype(np.float32) for name, value in numbers.items() if value is not None}
        arrays |= {PREFIX + name: value for name, value in self.columns.items()}
        with path.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]

    @staticmethod
    def load(path: Path) -> MaskEvidence:
        """Reads what `save` wrote; pickled arrays are refused."""
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        own = {name.removeprefix(PREFIX): arrays.pop(name) for name in [*arrays] if name.startswith(PREFIX)}
        structures, size = tuple(map(str, arrays.pop("structures"))), int(arrays.pop("size"))
        ids = arrays.pop("ids").astype(object)
        return MaskEvidence(ids=ids, structures=structures, size=size, columns=own, **arrays)
