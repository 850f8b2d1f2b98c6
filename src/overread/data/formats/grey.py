"""From numbers to grey."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def to_grey(values: Array, low: float, high: float) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """uint8: `low` and below is 0, `high` and above 255; what is not a number is black.

    >>> to_grey(np.array([-1.0, 0.0, 5.0, 10.0, np.nan]), 0, 10).tolist()
    [0, 0, 128, 255, 0]
    """
    scaled = (np.nan_to_num(values, nan=low, posinf=high, neginf=low) - low) / ((high - low) or 1.0)
    return np.asarray(np.clip(scaled, 0.0, 1.0) * 255.0 + 0.5, np.uint8)
