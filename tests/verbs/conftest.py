"""A small data set whose classes are colours, with some labels wrong and the truth beside them."""

from __future__ import annotations

from types import SimpleNamespace

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


SHAPES = ("disk", "bar")
SHAPE_COUNT = 40


@pytest.fixture
def shapes(tmp_path):
    """40 images in 20 groups with the masks of a disk and a bar; every fourth disk is drawn too large."""
    return write_shapes(tmp_path / "shapes")


@pytest.fixture(scope="session")
def trained_on_masks(tmp_path_factory):
    """A folder with `shapes`, the run `run` of a model trained on them, and its cache."""
    from overread.verbs.config import TrainConfig
    from overread.verbs.train import train

    folder = tmp_path_factory.mktemp("trained-on-masks")
    write_shapes(folder / "shapes")
    plain = {
        "network": "unet-tiny",
        "size": 24,
        "batch_size": 4,
        "lr": 0.02,
        "device": "cpu",
        "augment": "none",
    }
    config = TrainConfig(epochs=16, cache=str(folder / "cache"), **plain)
    train(folder / "shapes", folder / "run", None, config, quiet=True)
    return folder


def write_shapes(folder):
    """Images of three sizes; the table names images, masks, true masks and groups."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(SHAPE_COUNT):
        height, width = 24 + number % 3 * 4, 30
        down, across = np.mgrid[:height, :width]
        row, column, radius = rng.uniform(9, 15), rng.uniform(9, 21), rng.uniform(4, 6)
        far, top = np.hypot(down - row, across - column), int(rng.integers(2, height - 6))
        disk, bar = far < radius, (down >= top) & (down < top + 4)
        given = far < radius + 3 if number % 4 == 0 else disk
        pixels = rng.integers(0, 50, (height, width)) + 140 * disk + 60 * bar
        planes = {"images": pixels, "mask_disk": 255 * given, "mask_bar": 255 * bar}
        planes |= {"true_mask_disk": 255 * disk, "true_mask_bar": 255 * bar}
        for name, plane in planes.items():
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(plane.astype(np.uint8)).save(folder / name / f"{number:02d}.png")
        masks = {name: f"{name}/{number:02d}.png" for name in planes if name != "images"}
        rows.append({"image": f"images/{number:02d}.png", "group": f"patient-{number // 2}", **masks})
    pd.DataFrame(rows).to_csv(folder / "labels.csv", index=False)
    return folder


SMALL_RUN = {
    "effort": "fast",
    "network": "tiny",
    "size": 16,
    "batch_size": 16,
    "epochs": 3,
    "round_epochs": 2,
    "rounds": 2,
    "budget": 8,
    "expert": "oracle",
    "device": "cpu",
}
TRUE = ("repaired", "spoiled", "still_wrong")  # columns of rounds.csv, beside those with `_true_`


def small(source, **more):
    """The configuration of a run that takes a second; its cache lies beside the data."""
    from overread.verbs.cleaning.config import CleanConfig

    fields = {**SMALL_RUN, "cache": str(source.parent / "cache"), **more}
    if fields.get("retrain"):
        fields["round_epochs"] = None
    return CleanConfig(**fields)


def run(source, out, options=None, **more):
    """A small run: flags of the verb and fields of the configuration alike."""
    from overread.data.options import DataOptions
    from overread.verbs.clean import clean

    verb = {name: more.pop(name) for name in ("answers", "wait", "resume") if name in more}
    options = DataOptions(task="classification") if options is None else options
    return clean(source, out, options, small(source, **more), quiet=True, **verb)


def picked(out):
    """What was asked, in order: round, place and id."""
    from overread.store import LabelStore

    store = LabelStore.open(out / "labels.sqlite", create=False)
    items = [item for number in range(1, 9) for item in store.queue(number)]
    store.close()
    return [(item.round, item.place, item.sample) for item in items]


def said(out):
    """The trail: who said what."""
    from overread.store import LabelStore

    store = LabelStore.open(out / "labels.sqlite", create=False)
    found = [(one.sample, one.reader, one.outcome, one.label, one.round) for one in store.opinions()]
    assert store.verify() == []
    store.close()
    return found


def table(out, without=("seconds",)):
    """rounds.csv as text, without some columns."""
    rounds = pd.read_csv(out / "rounds.csv", dtype=str, keep_default_na=False)
    return rounds[[name for name in rounds if name not in without]]


def untold(out):
    """rounds.csv without what rests on the truth."""
    rounds = table(out, ("seconds", *TRUE))
    return rounds[[name for name in rounds if "_true_" not in name]]


@pytest.fixture(scope="session")
def cleaning():
    """What the tests of `overread clean` share: a small run, and what of two runs must be equal."""
    return SimpleNamespace(small=small, run=run, picked=picked, said=said, table=table, untold=untold)
