"""A small data set whose classes are colours, with some labels wrong and the truth beside them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

COLOURS = ("blue", "green", "red")
WRONG = (0, 7, 13, 29, 31, 44, 52, 68)
COUNT = 72


@pytest.fixture
def colours(tmp_path):
    """72 images in 36 groups; the table names image, label, true_label and group."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "colours"
    (folder / "images").mkdir(parents=True)
    rows = []
    for number in range(COUNT):
        colour = number % 3
        pixels = rng.integers(0, 90, (20, 24, 3), dtype=np.uint8)
        pixels[:, :, 2 - colour] += 120
        Image.fromarray(pixels).save(folder / "images" / f"{number:02d}.png")
        given = (colour + 1) % 3 if number in WRONG else colour
        rows.append((f"images/{number:02d}.png", COLOURS[given], COLOURS[colour], f"patient-{number // 2}"))
    table = pd.DataFrame(rows, columns=["image", "label", "true_label", "group"])
    table.to_csv(folder / "labels.csv", index=False)
    return folder
