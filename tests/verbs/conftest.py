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
    return write_colours(tmp_path / "colours")


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with `colours`, a model of each effort trained on them in `fast` and `full`, and their cache."""
    from overread.verbs.config import TrainConfig
    from overread.verbs.train import train

    folder = tmp_path_factory.mktemp("trained")
    write_colours(folder / "colours")
    plain = {"network": "tiny", "size": 16, "batch_size": 12, "lr": 0.05, "device": "cpu"}
    for effort in ("fast", "full"):
        config = TrainConfig(effort=effort, epochs=8, cache=str(folder / "cache"), **plain)
        train(folder / "colours", folder / effort, None, config, quiet=True)
    return folder


@pytest.fixture(autouse=True, scope="session")
def _cheap_eyes():
    """Frozen features through the network that is trained, also where that is the tiny one."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("learning", "training"):
            patch.setattr(f"overread.verbs.{module}.eyes", lambda config: (config.network, config.weights))
        yield


def write_colours(folder):
    rng = np.random.default_rng(0)
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
