"""Volumes in folders and tables: slices, groups, faults."""

import numpy as np
import pytest
from PIL import Image

from overread.data.load import load
from overread.data.masks import read_masks
from overread.data.options import DataOptions
from overread.data.read import read
from overread.errors import InputError

RNG = np.random.default_rng(2)


def volume(shape=(6, 5, 4)):
    return RNG.integers(0, 2000, shape).astype(np.int16)


@pytest.fixture
def classes(tmp_path, nifti):
    """Two classes of two volumes and a picture each."""
    for name in ("ill", "well"):
        for index in range(2):
            nifti(tmp_path / "set" / name / f"{index}.nii.gz", volume())
        Image.fromarray(RNG.integers(0, 255, (5, 6), np.uint8)).save(tmp_path / "set" / name / "flat.png")
    return tmp_path / "set"


def test_a_folder_of_volumes(classes):
    reading, images = load(classes, DataOptions(), 8, quiet=True)
    assert len(images) == 2 * (2 * 4 + 1)
    assert list(reading.manifest.ids[3:6]) == [
        "ill/0.nii.gz#axial=3",
        "ill/1.nii.gz#axial=0",
        "ill/1.nii.gz#axial=1",
    ]
    assert reading.manifest.group[3] == "ill/0.nii.gz"
    assert reading.manifest.group[8] == "ill/flat.png"
    assert not reading.duplicates


def test_groups_are_named_by_file(classes, tmp_path):
    names = [f"{name}/{file}" for name in ("ill", "well") for file in ("0.nii.gz", "1.nii.gz", "flat.png")]
    rows = [f"{name},{name[0]}" for name in names]
    (tmp_path / "groups.csv").write_text("\n".join(["image,group", *rows]))
    found = read(classes, DataOptions(groups=tmp_path / "groups.csv")).manifest
    assert set(found.group) == {"i", "w"}


def test_a_second_reading_opens_no_file(classes, monkeypatch):
    one = load(classes, DataOptions(), 8, quiet=True)[1][:]
    monkeypatch.setattr("overread.data.formats.nifti._grey_volume", None)
    assert np.array_equal(load(classes, DataOptions(), 8, quiet=True)[1][:], one)


def test_empty_slices_are_not_copies_of_one_another(tmp_path, nifti):
    for name in "ab":
        for index in range(2):
            values = volume()
            values[..., 0] = values[..., 1] = 0
            nifti(tmp_path / name / f"{index}.nii", values)
    nifti(tmp_path / "b" / "2.nii", values)  # a copy: of its four slices, those that show something are told
    reading = load(tmp_path, DataOptions(), 8, quiet=True)[0]
    assert reading.duplicates == [[f"b/{file}.nii#axial={k}" for file in (1, 2)] for k in (2, 3)]


def test_a_table_of_volumes_with_masks(tmp_path, nifti):
    rows = ["image,mask_a,mask_b,group,id"]
    for index in range(3):
        nifti(tmp_path / f"{index}.nii.gz", volume(), "LPS")
        drawn = np.zeros((6, 5, 4), np.uint8)
        drawn[1, index, 2] = 255
        nifti(tmp_path / f"{index}-a.nii.gz", drawn, "LPS")
        rows.append(f"{index}.nii.gz,{index}-a.nii.gz,,p{index // 2},case {index}")
    (tmp_path / "cases.csv").write_text("\n".join(rows))
    found = read(tmp_path).manifest
    assert list(found.ids[:2]) == ["case 0#axial=0", "case 0#axial=1"]
    assert list(dict.fromkeys(found.group)) == ["p0", "p1"]
    a, b = read_masks(found.masks, found.root, 4 + 2)
    assert np.argwhere(a).tolist() == [[1, 1]]  # LPS as stored is what is shown
    assert not b.any()


def test_a_table_of_some_slices(tmp_path, nifti):
    nifti(tmp_path / "v.nii", volume())
    rows = [
        "image,label",
        "v.nii#axial=0,a",
        "v.nii#axial=2,b",
        "v.nii#coronal=1,a",
        "v.nii#axial=3&window=9:10,b",
    ]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    reading, images = load(tmp_path / "t.csv", DataOptions(), 8, quiet=True)
    assert list(reading.manifest.ids) == [row.partition(",")[0] for row in rows[1:]]
    assert set(reading.manifest.group) == {"v.nii"}
    assert len(np.unique(images[:], axis=0)) == 4


def test_a_slice_with_a_picture_or_a_volume_as_its_mask(tmp_path, nifti):
    """What `corrupt` writes: slices by address, and masks as PNG."""
    drawn = np.zeros((6, 5, 4), np.uint8)
    drawn[2, 1, 3] = 1
    nifti(tmp_path / "v.nii", volume())
    nifti(tmp_path / "m.nii", drawn)
    picture = np.zeros((5, 6), np.uint8)
    picture[1, 1] = 255
    Image.fromarray(picture).save(tmp_path / "m.png")
    (tmp_path / "t.csv").write_text(
        "image,mask_a,mask_b\nv.nii#axial=3,m.png,m.nii\nv.nii#axial=2,m.png,m.nii\n"
    )
    found = read(tmp_path / "t.csv").manifest
    assert list(found.ids) == ["v.nii#axial=3", "v.nii#axial=2"]
    a, b = read_masks(found.masks, found.root, 0)
    assert np.argwhere(a).tolist() == [[1, 1]]
    assert np.argwhere(b).tolist() == [[3, 3]]
    assert not read_masks(found.masks, found.root, 1)[1].any()


def test_volumes_that_cannot_be_read_are_told_or_left_out(classes, nifti):
    (classes / "ill" / "0.nii.gz").write_bytes(b"no")
    nifti(classes / "well" / "9.nii", volume((3, 4, 5, 2)))
    with pytest.raises(InputError) as caught:
        read(classes)
    text = str(caught.value)
    assert "2 of 16 images cannot be read" in text
    assert "well/9.nii: has 4 dimensions (3 x 4 x 5 x 2): write one file a channel" in text
    assert len(read(classes, DataOptions(on_bad_image="skip")).manifest) == 14


def test_a_picture_does_not_go_with_a_volume(tmp_path, nifti):
    for index in range(2):
        nifti(tmp_path / f"{index}.nii", volume())
        Image.fromarray(np.eye(5, dtype=np.uint8)).save(tmp_path / f"{index}.png")
    (tmp_path / "a.csv").write_text("image,mask_x\n0.nii,1.png\n1.nii,0.png\n")
    with pytest.raises(InputError, match="is one picture, but the image a volume of 6 x 5 x 4 voxels"):
        read(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("image,mask_x\n0.png,1.nii\n1.png,0.nii\n")
    with pytest.raises(InputError, match="is a volume and its image a picture"):
        read(tmp_path / "b.csv")


def test_one_volume_without_labels(tmp_path, nifti):
    nifti(tmp_path / "v.nii.gz", volume())
    assert len(read(tmp_path / "v.nii.gz", DataOptions(labels="optional")).manifest) == 4
    assert len(read(tmp_path, DataOptions(labels="optional")).manifest) == 4
    with pytest.raises(InputError, match="one image is not a data set"):
        read(tmp_path / "v.nii.gz")


def test_the_extra_that_is_missing_is_named(classes, monkeypatch):
    monkeypatch.setattr("overread.data.formats.extras.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs an extra: pip install 'overread\[nifti\]'"):
        read(classes)
