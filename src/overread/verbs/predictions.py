"""predictions.csv: what a model says of each sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

Array = np.ndarray[Any, np.dtype[Any]]
DIGITS = 6


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
