"""Images that lie in Parquet or in an .npz, exported: as addresses where Overread reads on, else as PNG."""

from __future__ import annotations

import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import overread
from overread.data.images import decode
from overread.data.read import read
from overread.reviewing.images import Images

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 9, 12, 3), dtype=np.uint8)
LABELS = [0, 1, 0, 1, 0, 1]


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(params=["parquet", "npz", "volume"])
def held(request, tmp_path):
    """Six images in one file."""
    path = tmp_path / f"d.{'parquet' if request.param == 'parquet' else 'npz'}"
    if request.param == "parquet":
        pyarrow = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet")
        cells = [{"bytes": png(one), "path": f"a/{at}.png"} for at, one in enumerate(PIXELS)]
        pyarrow.parquet.write_table(pyarrow.table({"image": cells, "label": LABELS}), path)
    elif request.param == "npz":
        np.savez_compressed(path, train_images=PIXELS, train_labels=LABELS)
    else:
        np.savez_compressed(path, images=PIXELS.reshape(2, 3, 9, 12, 3), labels=[0, 1])
    return path


def test_a_table_that_is_data_again(kit, held, tmp_path):
    run = kit.make_run(held, tmp_path / "run")
    overread.export(run, tmp_path / "out")
    again, first = read(tmp_path / "out").manifest, read(held).manifest
    assert list(again.ids) == list(first.ids)
    assert list(again.given) == list(first.given)
    for row in (0, 5):
        np.testing.assert_array_equal(decode(again.path(row), 9), decode(PIXELS[row], 9))


def test_other_programs_get_png(kit, held, tmp_path):
    run = kit.make_run(held, tmp_path / "run")
    overread.export(run, tmp_path / "out", "fiftyone")
    shown = [np.asarray(Image.open(path)) for path in (tmp_path / "out").rglob("*.png")]
    assert len(shown) == 6
    assert {one.tobytes() for one in shown} == {one.tobytes() for one in PIXELS}


def test_the_review_page_shows_them(held):
    manifest = read(held).manifest
    images = Images(SimpleNamespace(images=[str(manifest.path(row)) for row in range(6)]))
    for row in (0, 4):
        assert (images.facts(row).full_height, images.facts(row).full_width) == (9, 12)
        np.testing.assert_array_equal(
            np.asarray(Image.open(io.BytesIO(images.picture(row).png))), PIXELS[row]
        )
