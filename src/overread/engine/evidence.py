"""Evidence: what a run learned of each sample. Arrays only: nothing here imports torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
PREFIX = "column."


@dataclass(frozen=True)
class Evidence:
    """What detectors may see: N samples, C classes, E epochs, D features. Never the truth."""

    ids: Array  # [N] text
    given: Array  # [N] int64, index into `classes`
    classes: tuple[str, ...]
    groups: Array  # [N] int64; samples of one patient share a number
    losses: Array | None = None  # [N, E] float32, cross-entropy of the given label in each epoch
    probs: Array | None = None  # [N, C] float32, out-of-sample probabilities; rows sum to 1
    features: Array | None = None  # [N, D] float32
    columns: dict[str, Array] = field(default_factory=dict)  # the method's own memory, [N, ...]

    def __len__(self) -> int:
        return len(self.given)

    def save(self, path: Path) -> None:
        """Writes one compressed-free `.npz`; features as float16."""
        arrays: dict[str, Array] = {"ids": self.ids.astype(str), "given": self.given, "groups": self.groups}
        arrays["classes"] = np.array(self.classes, dtype=str)
        for name in ("losses", "probs"):
            if (value := getattr(self, name)) is not None:
                arrays[name] = value.astype(np.float32)
        if self.features is not None:
            arrays["features"] = self.features.astype(np.float16)
        arrays |= {PREFIX + name: value for name, value in self.columns.items()}
        with path.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]

    @staticmethod
    def load(path: Path) -> Evidence:
        """Reads what `save` wrote; pickled arrays are refused."""
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        features = arrays.get("features")
        return Evidence(
            ids=arrays["ids"].astype(object),
            given=arrays["given"],
            classes=tuple(map(str, arrays["classes"])),
            groups=arrays["groups"],
            losses=arrays.get("losses"),
            probs=arrays.get("probs"),
            features=None if features is None else features.astype(np.float32),
            columns={name[len(PREFIX) :]: value for name, value in arrays.items() if name.startswith(PREFIX)},
        )
