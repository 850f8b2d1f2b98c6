"""MedMNIST of any size: rows and slices out of an .npz, a block at a time."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from overread.data.contents import read_file, size_of_part, values_of_part
from overread.data.faults import BadImage
from overread.data.formats import arrays, npz
from overread.data.images import decode_array
from overread.data.load import load
from overread.data.options import DataOptions
from overread.data.read import read
from overread.errors import InputError


@pytest.fixture
def small(monkeypatch):
    """Blocks of some rows, and a new memory."""
    monkeypatch.setattr(npz, "BLOCK", 3000)
    for shelf in (npz._stacks, npz._blocks):
        shelf.made.clear()


def pictures(count=40, shape=(28, 28), dtype=np.uint8):
    return np.random.default_rng(0).integers(0, 200, (count, *shape)).astype(dtype)


def labels(count=40):
    return np.arange(count)[:, None] % 2


def said(path, **options):
    with pytest.raises(InputError) as caught:
        read(path, DataOptions(**options))
    return str(caught.value)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("shape", [(28, 28), (20, 24, 3), (64, 64)])
def test_any_row_in_any_order(tmp_path, small, save, shape):
    images = pictures(shape=shape)
    save(tmp_path / "d.npz", train_images=images, train_labels=labels())
    manifest = read(tmp_path / "d.npz").manifest
    assert manifest.images[7] == "d.npz#array=train_images&row=7"
    assert list(manifest.ids[[0, 39]]) == ["train/0", "train/39"]
    for row in [39, 0, 17, 16, 5, 38, 39]:
        held = arrays.from_bytes(read_file(manifest.path(row), "x"))
        np.testing.assert_array_equal(held, images[row])
    assert size_of_part(manifest.path(3), "x") == shape[:2]


def test_no_more_than_a_block_is_inflated_at_once(tmp_path, small, monkeypatch):
    monkeypatch.setattr("overread.data.pool.FRESH", 0)
    np.savez_compressed(tmp_path / "d.npz", train_images=pictures(), train_labels=labels())
    asked = []
    own = npz.Stack._after
    monkeypatch.setattr(
        npz.Stack, "_after", lambda self, point, count: asked.append(count) or own(self, point, count)
    )
    _, opened = load(tmp_path / "d.npz", DataOptions(), size=28, quiet=True)
    np.testing.assert_array_equal(opened[[31]][0], decode_array(pictures()[31], 28))
    assert max(asked) == 3 * 28 * 28
    assert sum(asked) < 2.5 * pictures().size  # each block about once
    asked.clear()
    load(tmp_path / "d.npz", DataOptions(), size=28, quiet=True)
    assert not asked  # the cache knows them


def test_volumes_are_slices_and_stay_together(tmp_path, small):
    volumes = pictures(12, (5, 6, 7))
    np.savez_compressed(
        tmp_path / "d.npz",
        train_images=volumes,
        train_labels=labels(12),
        test_images=volumes,
        test_labels=labels(12),
    )
    reading = read(tmp_path / "d.npz", DataOptions(split="train"))
    manifest = reading.manifest
    assert len(manifest) == 60
    assert manifest.ids[7] == "train/1#axial=2"
    assert list(manifest.group[4:6]) == ["train/0", "train/1"]
    assert set(manifest.given[5:10]) == {1}
    np.testing.assert_array_equal(values_of_part(manifest.path(7), "x"), volumes[1, 2])
    assert any("24 volumes are read as 120 axial slices" in note for note in reading.notes)
    for plane, axis in (("coronal", 1), ("sagittal", 2)):
        manifest = read(tmp_path / "d.npz", DataOptions(split="test", plane=plane)).manifest
        assert len(manifest) == 12 * volumes.shape[1 + axis]
        assert size_of_part(manifest.path(3), "x") == np.take(volumes[0], 3, axis).shape
        np.testing.assert_array_equal(values_of_part(manifest.path(3), "x"), np.take(volumes[0], 3, axis))


def test_volumes_in_colour_and_pictures_with_a_channel(tmp_path, small):
    volumes = pictures(4, (5, 6, 7, 3))
    np.savez(tmp_path / "v.npz", images=volumes, labels=labels(4))
    manifest = read(tmp_path / "v.npz").manifest
    assert manifest.ids[6] == "image/1#axial=1"
    np.testing.assert_array_equal(values_of_part(manifest.path(6), "x"), volumes[1, 1])
    grey = pictures(4, (6, 7, 1))
    np.savez(tmp_path / "g.npz", images=grey, labels=labels(4))
    np.testing.assert_array_equal(
        values_of_part(read(tmp_path / "g.npz").manifest.path(2), "x"), grey[2, :, :, 0]
    )


@pytest.mark.parametrize(
    "told", [labels(12)[:, 0], labels(12), labels(12)[:, :, None], labels(12).astype(float)]
)
def test_shapes_of_labels(tmp_path, told):
    np.savez(tmp_path / "d.npz", train_images=pictures(12), train_labels=told)
    assert read(tmp_path / "d.npz").manifest.classes == ("0", "1")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"train_images": pictures(4), "train_labels": np.zeros((4, 14))}, "labels at once, as in ChestMNIST"),
        ({"train_images": pictures(4, (2,) * 5), "train_labels": labels(4)}, "train_images has the shape [4, 2, 2"),
        ({"train_images": pictures(4, (2, 2, 2, 2)), "train_labels": labels(4)}, "train_images has the shape [4"),
        ({"train_images": pictures(4, (0, 5)), "train_labels": labels(4)}, "train_images has the shape [4, 0, 5]"),
        ({"train_images": pictures(4).astype(complex), "train_labels": labels(4)}, "type complex128"),
        ({"train_images": np.asfortranarray(pictures(4)), "train_labels": labels(4)}, "Fortran's order"),
        ({"train_images": pictures(4), "test_images": pictures(4, (9, 9)), "train_labels": labels(4),
          "test_labels": labels(4)}, "images of different shapes [(9, 9), (28, 28)]"),
        ({"train_images": np.array([{}], dtype=object), "train_labels": labels(1)}, "pickled objects"),
    ],
)  # fmt: skip
def test_arrays_that_are_refused(tmp_path, values, text):
    np.savez(tmp_path / "d.npz", **values)
    assert text in said(tmp_path / "d.npz")


def test_damaged_archives(tmp_path, small):
    path = tmp_path / "d.npz"
    np.savez_compressed(path, train_images=pictures(), train_labels=labels())
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("train_images.npy")
    middle = info.header_offset + 60 + info.compress_size // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
    with pytest.raises(InputError, match=r"cannot be read:\n    d\.npz: the archive is damaged"):
        load(path, DataOptions(), size=28, quiet=True)
    path.write_bytes(whole[: len(whole) // 2])
    assert "cannot be read as an .npz" in said(path)


def test_an_address_that_leads_nowhere(tmp_path):
    np.savez(tmp_path / "d.npz", images=pictures(3), labels=labels(3))
    for place, text in (
        ("array=images&row=3", "images has 3 rows, counted from 0; there is no '3'"),
        ("array=image&row=0", "cannot be read as a row of an .npz"),
        ("array=images", "there is no ''"),
    ):
        with pytest.raises(BadImage, match=text):
            read_file(f"{tmp_path}/d.npz#{place}", "x")
    np.savez(tmp_path / "v.npz", images=pictures(3, (4, 4, 4)), labels=labels(3))
    with pytest.raises(BadImage, match="is a volume of 4 x 4 x 4 voxels: name one of its slices"):
        read_file(f"{tmp_path}/v.npz#axial=4&array=images&row=0", "x")


def test_a_table_can_name_rows(tmp_path):
    np.savez(tmp_path / "d.npz", images=pictures(8), labels=labels(8))
    lines = [f"d.npz#array=images&row={row},{'ab'[row % 2]}" for row in range(8)]
    (tmp_path / "t.csv").write_text("\n".join(["image,label", *lines]))
    reading, opened = load(tmp_path / "t.csv", DataOptions(), size=28, quiet=True)
    assert (len(opened), reading.manifest.classes) == (8, ("a", "b"))


def test_damaged_directories_end_in_a_message(tmp_path):
    """Some hundred archives with a few wrong bytes: each is read, or told."""
    path = tmp_path / "d.npz"
    np.savez_compressed(path, train_images=pictures(12), train_labels=labels(12))
    whole, rng, ends = path.read_bytes(), np.random.default_rng(0), []
    for _ in range(100):
        wrong = bytearray(whole)
        for at in rng.integers(len(wrong) - 200, len(wrong), 3):
            wrong[at] = rng.integers(256)
        path.write_bytes(bytes(wrong))
        try:
            ends.append(len(load(path, DataOptions(), size=8, quiet=True)[1]))
        except InputError as error:
            ends.append(str(error))
    assert sum(isinstance(end, str) for end in ends) > 50
