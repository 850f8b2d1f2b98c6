"""NIfTI: orientation, numbers, geometry, and labels that are written back."""

import itertools

import nibabel
import numpy as np
import pytest

from overread.data.faults import BadImage
from overread.data.formats import nifti as reader
from overread.data.formats.nifti import geometry, percentiles, save_labels
from overread.data.formats.planes import PLANES
from overread.data.images import decode, upright_size
from overread.data.mask_pictures import read_mask

AXES = [
    "".join(signs)
    for order in itertools.permutations(("RL", "AP", "SI"))
    for signs in itertools.product(*order)
]
RNG = np.random.default_rng(1)


def labels(path, part):
    return reader.labels(str(path), str(path), part)


def picture(path, part):
    return reader.picture(str(path), str(path), part)


@pytest.mark.parametrize("axes", AXES)
def test_every_orientation_shows_the_same_picture(tmp_path, nifti, axes):
    """48 ways to store a head whose right ear is 1, nose 2 and crown 3."""
    head = np.zeros((5, 6, 7), np.uint8)  # R, A, S
    head[4, 3, 3], head[2, 5, 3], head[2, 3, 6] = 1, 2, 3
    turn = nibabel.orientations.ornt_transform(
        nibabel.orientations.axcodes2ornt("RAS"), nibabel.orientations.axcodes2ornt(axes)
    )
    path = nifti(tmp_path / "head.nii", nibabel.orientations.apply_orientation(head, turn), axes)
    axial = labels(path, {"axial": "3"})
    assert axial.shape == (6, 5) == upright_size(f"{path}#axial=3", "head")
    assert axial[2, 0] == 1  # the patient's right on the left
    assert axial[0, 2] == 2  # the nose on top
    assert labels(path, {"coronal": "3"})[0, 2] == 3  # the crown on top
    assert labels(path, {"coronal": "3"})[3, 0] == 1
    assert labels(path, {"sagittal": "2"})[0, 2] == 3
    assert labels(path, {"sagittal": "2"})[3, 0] == 2  # the nose on the left


@pytest.mark.parametrize("axes", ["RAS", "LPS", "PIR", "SLA"])
@pytest.mark.parametrize("plane", PLANES)
def test_labels_that_are_written_back_are_the_file_again(tmp_path, nifti, axes, plane):
    values = RNG.integers(0, 4, (5, 6, 7)).astype(np.uint8)
    values[1:3, 2, :] = 0
    like = nifti(tmp_path / "labels.nii.gz", values, axes)
    count = geometry(str(like), "").canonical[PLANES[plane]]
    slices = {index: labels(like, {plane: str(index)}) for index in range(count)}
    save_labels(slices, plane, like, tmp_path / "out.nii.gz")
    before, after = nibabel.load(like), nibabel.load(tmp_path / "out.nii.gz")
    assert np.array_equal(np.asarray(after.dataobj), values)
    assert np.array_equal(after.affine, before.affine)
    assert after.header["sform_code"] == before.header["sform_code"]
    assert after.get_data_dtype() == before.get_data_dtype() == np.uint8


def test_labels_take_the_geometry_of_an_image_with_a_slope(tmp_path, nifti):
    affine = np.diag([0.7, 0.7, 5.0, 1]) @ nibabel.affines.from_matvec(
        nibabel.eulerangles.euler2mat(0.2, 0.1, 0.3)
    )
    affine[:3, 3] = -100, 20, 3.5
    image = nifti(tmp_path / "ct.nii.gz", np.zeros((4, 5, 3), np.int16), affine=affine, slope=(0.5, -1024))
    save_labels({1: np.full((5, 4), 300)}, "axial", image, tmp_path / "labels.nii.gz")
    done = nibabel.load(tmp_path / "labels.nii.gz")
    assert np.allclose(done.affine, nibabel.load(image).affine)
    assert np.asarray(done.dataobj).max() == 300
    assert labels(tmp_path / "labels.nii.gz", {"axial": "1"}).tolist() == np.full((5, 4), 300).tolist()
    assert labels(tmp_path / "labels.nii.gz", {"axial": "0"}).max() == 0


def test_slope_and_window(tmp_path, nifti):
    stored = np.array([[[0], [1000], [1064], [2000]]], np.int16)  # -1000, 0, 64, 1000 after slope 1, -1000
    path = nifti(tmp_path / "ct.nii", stored, slope=(1, -1000))
    assert picture(path, {"axial": "0", "window": "40:400"}).ravel().tolist() == [
        255,
        round(224 / 400 * 255),
        102,
        0,
    ]
    assert reader.values(str(path), "", {"axial": "0"}).ravel().tolist() == [1000, 64, 0, -1000]


def test_a_window_may_stand_in_the_path_of_an_image(tmp_path, nifti):
    path = nifti(tmp_path / "ct.nii", np.full((8, 8, 3), 40, np.int16))
    assert (decode(f"{path}#axial=1&window=40:400", 8) == 128).all()
    assert (decode(f"{path}#axial=1&window=0:80", 8) == 255).all()


def test_without_a_window_a_volume_is_shown_alike_from_percentile_to_percentile():
    values = np.arange(100_000.0).reshape(100, 100, 10)
    assert np.allclose(percentiles(values), np.percentile(values, [0.5, 99.5]), atol=300)
    nothing = np.zeros((100, 100, 10))
    nothing[0, 0, 0] = 7
    assert percentiles(nothing) == (0, 7)
    nothing[0, 0, 1] = np.nan
    assert percentiles(nothing) == (0, 7)


def test_labels_that_come_as_floats_are_whole_or_refused(tmp_path, nifti):
    whole = nifti(tmp_path / "whole.nii", np.array([[[0], [1.0004], [2.9999]]], np.float32))
    assert labels(whole, {"axial": "0"}).ravel().tolist() == [3, 1, 0]
    sloped = nifti(tmp_path / "sloped.nii", np.array([[[0], [1], [2]]], np.int16), slope=(1.00002, 0))
    assert labels(sloped, {"axial": "0"}).ravel().tolist() == [2, 1, 0]
    half = nifti(tmp_path / "half.nii", np.array([[[0], [0.37], [1]]], np.float32))
    with pytest.raises(BadImage, match=r"holds 0\.37, but structures have whole numbers.*nearest neighbours"):
        labels(half, {"axial": "0"})
    below = nifti(tmp_path / "below.nii", np.array([[[0], [-1]]], np.int16))
    with pytest.raises(BadImage, match="negative number -1"):
        labels(below, {"axial": "0"})


def test_two_dimensions_and_thin_volumes_need_no_slice(tmp_path, nifti):
    flat = nifti(tmp_path / "flat.nii.gz", np.arange(6, dtype=np.uint8).reshape(2, 3))
    assert read_mask(flat, "flat").values.tolist() == [[5, 2], [4, 1], [3, 0]]
    assert upright_size(flat, "flat") == (3, 2)
    thin = nifti(tmp_path / "thin.nii.gz", np.zeros((4, 1, 5), np.uint8))  # one coronal slice
    assert upright_size(thin, "thin") == (5, 4)


def test_a_number_can_be_picked(tmp_path, nifti):
    path = nifti(tmp_path / "labels.nii", np.array([[[0], [1], [2], [3]]], np.uint8))
    assert read_mask(f"{path}#axial=0&value=2", "").values.ravel().tolist() == [0, 1, 0, 0]
    assert read_mask(f"{path}#axial=0&value=1+3", "").values.ravel().tolist() == [1, 0, 1, 0]


def test_geometries_fit_within_half_a_voxel():
    one = reader.Geometry((10, 10, 5), np.diag([1.0, 1, 4, 1]), np.eye(3))
    moved = np.diag([1.0, 1, 4, 1])
    for shift, fits in ((0.4, True), (0.6, False)):
        moved[0, 3] = shift
        assert one.fits(reader.Geometry((10, 10, 5), moved, np.eye(3))) is fits
    stretched = np.diag([1.04, 1, 4, 1])  # 0.36 at the last voxel
    assert one.fits(reader.Geometry((10, 10, 5), stretched, np.eye(3)))
    assert not one.fits(reader.Geometry((10, 10, 6), np.diag([1.0, 1, 4, 1]), np.eye(3)))


@pytest.mark.parametrize(
    ("part", "why"),
    [({"axial": "4"}, "has 4 axial slices"), ({"axial": "-1"}, "has 4 axial"), ({}, "is a volume of 3")],
)
def test_slices_that_are_not_there(tmp_path, nifti, part, why):
    path = nifti(tmp_path / "a.nii", np.zeros((3, 3, 4), np.uint8))
    with pytest.raises(BadImage, match=why):
        picture(path, part)
