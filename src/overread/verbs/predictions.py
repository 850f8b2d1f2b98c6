"""What a model says of each sample: predictions.csv, and what goes with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from overread.data.manifest import Manifest
from overread.data.parts import rows_of
from overread.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]
DIGITS = 6


@dataclass(frozen=True)
class Computing:
    """How predictions are computed; none of it changes them by more than rounding."""

    batch_size: int = 64
    device: str = "auto"
    cache: str | None = None

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"--batch-size must be at least 1, not {self.batch_size}.")


@dataclass(frozen=True)
class Predictions:
    """What was predicted of some data."""

    table: pd.DataFrame  # predictions.csv
    metrics: dict[str, Any]  # empty where no labels or masks are known
    counts: dict[str, int]  # images that are predicted as each class, or have each structure drawn
    notes: list[str]  # what the user should know


def held_table(manifest: Manifest, probs: Mapping[str, Array]) -> pd.DataFrame:
    """predictions.csv of the parts of `manifest` that were held out, from the probabilities of each."""
    held = manifest.take(np.concatenate([rows_of(manifest, part) for part in probs]))
    names = np.array(manifest.classes, dtype=object)
    about = {"id": held.ids, "split": held.split, "given": names[held.given]}
    return predictions_table(about, np.concatenate(list(probs.values())), manifest.classes)


def predictions_table(about: dict[str, Array], probs: Array, classes: Sequence[str]) -> pd.DataFrame:
    """One row a sample: the columns `about` it, the predicted class, how sure that is, and each class's probability.

    >>> predictions_table({"id": ["a"]}, np.array([[0.25, 0.75]]), ["no", "yes"]).to_csv(index=False).split()
    ['id,predicted,confidence,p_no,p_yes', 'a,yes,0.75,0.25,0.75']
    """
    names, best = np.array(classes, dtype=object), probs.argmax(1)
    columns = {f"p_{name}": probs[:, code].round(DIGITS) for code, name in enumerate(classes)}
    return pd.DataFrame(
        {**about, "predicted": names[best], "confidence": probs.max(1).round(DIGITS), **columns}
    )
