"""Suspicion: which labels look wrong. Higher always means *look here first*."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Suspicion:
    """A detector's opinion of N given labels."""

    score: Array  # [N] float64, finite; higher is more suspicious
    suggested: Array  # [N] int64, the label the detector would give; the given one where it has none
    wrong: Array  # [N] bool, the detector's own cut
