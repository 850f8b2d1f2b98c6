"""Images without labels, where labels are optional; and that they stay needed everywhere else."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from overread.data.load import load
from overread.data.options import DataOptions
from overread.data.read import read
from overread.errors import InputError

OPTIONAL = DataOptions(labels="optional")


@pytest.fixture
def folder(tmp_path):
    """Four images: two in the folder itself, one deeper, one hidden."""
    (tmp_path / "new" / "deep" / "er").mkdir(parents=True)
    for row, name in enumerate(("b.png", "a.PNG", "deep/er/c.png", ".hidden.png")):
        Image.fromarray(np.full((4, 4), 50 * row, np.uint8)).save(tmp_path / "new" / name)
    (tmp_path / "new" / "notes.txt").write_text("x")
    return tmp_path / "new"


def test_all_images_below_a_folder(folder):
    reading, images = load(folder, OPTIONAL, size=4)
    assert list(reading.manifest.ids) == ["a.PNG", "b.png", "deep/er/c.png"]
    assert (reading.kind, reading.manifest.classes) == ("images", ())
    assert (reading.manifest.given == -1).all()
    assert reading.notes == ["1 file among the images is none by the ending."]
    assert np.asarray(images)[:, 0, 0, 0].tolist() == [50, 0, 100]


def test_one_image(folder):
    assert list(read(folder / "b.png", OPTIONAL).manifest.ids) == ["b.png"]
    with pytest.raises(InputError, match="one image is not a data set"):
        read(folder / "b.png")


def test_class_folders_are_still_labels(folder):
    for name in ("a.PNG", "b.png"):
        (folder / name).unlink()
    (folder / "deep" / "er" / "c.png").rename(folder / "deep" / "c.png")
    (folder / "deep" / "er").rmdir()
    assert read(folder, OPTIONAL).manifest.classes == ("deep",)


def test_a_table_without_labels_and_one_with_some(folder, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("image,patient\nnew/a.PNG,p\nnew/b.png,p\n")
    manifest = read(table, OPTIONAL).manifest
    assert (manifest.classes, list(manifest.group)) == ((), ["p", "p"])
    with pytest.raises(InputError, match="There is no column 'label'"):
        read(table)
    table.write_text("image,label\nnew/a.PNG,x\nnew/b.png,\nnew/deep/er/c.png,nan\n")
    manifest = read(table, OPTIONAL).manifest
    assert (manifest.classes, manifest.given.tolist()) == (("x",), [0, -1, -1])
    manifest.save(tmp_path / "m.csv")
    assert [line.split(",")[2] for line in (tmp_path / "m.csv").read_text().splitlines()] == [
        "given",
        "x",
        "",
        "",
    ]
    with pytest.raises(InputError, match="2 of 3 images have no label"):
        read(table)


def test_an_npz_without_labels(tmp_path):
    images = np.zeros((5, 8, 8), np.uint8)
    np.savez(tmp_path / "x.npz", test_images=images)
    manifest = read(tmp_path / "x.npz", OPTIONAL).manifest
    assert (len(manifest), manifest.classes, set(manifest.split)) == (5, (), {"test"})
    with pytest.raises(InputError, match="Expected arrays in pairs"):
        read(tmp_path / "x.npz")


def test_what_is_no_image_is_told(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="the folder is empty"):
        read(tmp_path / "empty", OPTIONAL)
    (tmp_path / "x.docx").touch()
    with pytest.raises(
        InputError, match="Expected an image, a folder of images, a folder with one sub-folder"
    ):
        read(tmp_path / "x.docx", OPTIONAL)
    (tmp_path / "broken.png").write_text("no image")
    with pytest.raises(InputError, match=r"broken.png: not an image"):
        load(tmp_path / "broken.png", OPTIONAL)
