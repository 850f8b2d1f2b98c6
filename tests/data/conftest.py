"""Tiny data sets on disk, and a cache of their own."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """The image cache of one test."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("OVERREAD_CACHE", str(folder))
    return folder


@pytest.fixture
def draw():
    """Writes a small image of its own colours and gives its path back."""
    rng = np.random.default_rng(0)

    def write(path, width=12, height=9):
        path.parent.mkdir(parents=True, exist_ok=True)
        values = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(values).save(path)
        return path

    return write


@pytest.fixture
def table(tmp_path, draw):
    """Writes 8 images and a table of them; a test gives header, rows or bytes of its own."""
    for index in range(8):
        draw(tmp_path / "images" / f"{index}.png")

    def write(header="image,label", rows=None, name="data.csv", data=None):
        rows = [f"images/{index}.png,{'ab'[index % 2]}" for index in range(8)] if rows is None else rows
        path = tmp_path / name
        path.write_bytes(("\n".join([header, *rows]) + "\n").encode() if data is None else data)
        return path

    return write


@pytest.fixture
def folder(tmp_path, draw):
    """A folder of two classes with three images each, below `where`."""

    def write(*where, classes=("no", "yes")):
        for name in classes:
            for index in range(3):
                draw(tmp_path.joinpath("set", *where, name, f"{index}.png"))
        return tmp_path / "set"

    return write


@pytest.fixture
def shared():
    """The folder of real data; skips where it is not there."""
    if not SHARED.is_dir():
        pytest.skip(f"the real data are not at {SHARED}")
    return SHARED
