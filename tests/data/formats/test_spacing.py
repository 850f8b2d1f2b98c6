"""How large pixels are: what DICOM and NIfTI say, in the manifest, the notes, and the figures."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from PIL import Image

from overread.data.formats.dicom_header import read_header
from overread.data.formats.nifti import geometry
from overread.data.options import DataOptions
from overread.data.read import read
from overread.mask_quality import fit_of, quality_of_masks
from overread.measure_masks import fits
from overread.verbs.masks.train_summary import spacing

FLAT = np.zeros((8, 6), np.uint16)
DRAWN = np.zeros((8, 6), np.uint8)
DRAWN[2:5, 1:4] = 1


def spaced(**tags):
    item = pydicom.Dataset()
    for name, value in tags.items():
        setattr(item, name, value)
    return item


def notes(reading, *words):
    return [note for note in reading.notes if any(word in note for word in words or ("ixels", "--spacing"))]


@pytest.fixture
def table(tmp_path, dicom):
    """A table of DICOM images, each with the tags that are given, and of masks in PNG or DICOM."""

    def write(*images, masks=None):
        Image.fromarray(DRAWN).save(tmp_path / "mask.png")
        rows = []
        for number, tags in enumerate(images):
            dicom(tmp_path / f"{number}.dcm", FLAT + number, **tags)
            mask = "mask.png"
            if masks is not None:
                mask = dicom(tmp_path / f"mask{number}.dcm", DRAWN, **masks[number]).name
            rows.append(f"{number}.dcm,{mask}")
        (tmp_path / "cases.csv").write_text("\n".join(["image,mask", *rows]))
        return tmp_path / "cases.csv"

    return write


def test_rows_stand_before_columns_in_dicom(table):
    reading = read(table({"PixelSpacing": [0.5, 0.25]}, {"PixelSpacing": [0.7, 0.25]}))
    assert reading.manifest.spacing.tolist() == [[0.5, 0.25], [0.7, 0.25]]
    assert "Pixels are 0.5 to 0.7 mm high and 0.25 mm wide, as the files say." in reading.notes
    assert reading.manifest.take(np.array([1])).spacing.tolist() == [[0.7, 0.25]]


def test_the_detector_counts_where_nothing_better_is_said(table):
    tags = {"ImagerPixelSpacing": [0.2, 0.2]}
    reading = read(table(tags, {**tags, "PixelSpacing": [0.14, 0.14]}))
    assert reading.manifest.spacing.tolist() == [[0.2, 0.2], [0.14, 0.14]]
    assert "1 file gives the size of pixels at the detector alone" in notes(reading)[1]


@pytest.mark.parametrize("value", [[0, 0], [-1, 1], [0.5], None])
def test_lengths_that_are_none_are_not_known(table, value):
    reading = read(table({"PixelSpacing": value}, {"PixelSpacing": [0.5, 0.5]}))
    assert np.isnan(reading.manifest.spacing[0]).all()
    assert "1 image does not say how large its pixels are, so distances are told in pixels alone" in "".join(
        reading.notes
    )
    if value is None:
        alone = read(table({}, {}))
        assert alone.manifest.spacing is None
        assert not notes(alone)


def test_frames_of_an_enhanced_file_have_their_own(tmp_path, dicom):
    groups = [
        spaced(PixelMeasuresSequence=[spaced(PixelSpacing=[high, 0.5], SliceThickness=1)]) for high in (1, 2)
    ]
    path = dicom(tmp_path / "a.dcm", np.stack([FLAT, FLAT + 1]), PerFrameFunctionalGroupsSequence=groups)
    assert read_header(str(path), "a").spacings == [(1.0, 0.5), (2.0, 0.5)]
    Image.fromarray(DRAWN).save(tmp_path / "mask.png")
    (tmp_path / "cases.csv").write_text("image,mask\na.dcm#frame=1,mask.png\n")
    assert read(tmp_path / "cases.csv").manifest.spacing.tolist() == [[2.0, 0.5]]
    shared = [spaced(PixelMeasuresSequence=[spaced(PixelSpacing=[3, 3])])]
    path = dicom(tmp_path / "b.dcm", np.stack([FLAT, FLAT]), SharedFunctionalGroupsSequence=shared)
    assert read_header(str(path), "b").spacings == [(3.0, 3.0)] * 2


def test_the_flag_goes_before_the_files_and_what_differs_is_told(table):
    path = table(*[{"PixelSpacing": [0.5, 0.5]}] * 2)
    same = read(path, DataOptions(spacing=0.5))
    assert not notes(same)
    other = read(path, DataOptions(spacing=0.4))
    assert other.manifest.spacing.tolist() == [[0.4, 0.4]] * 2
    assert "--spacing 0.4 counts; the files say 0.5 mm high and wide." in other.notes


def test_masks_that_say_otherwise_are_told(table):
    tags = {"PixelSpacing": [0.5, 0.5]}
    path = table(tags, tags, masks=[{"PixelSpacing": [0.5, 0.502]}, {"PixelSpacing": [1, 1]}])
    reading = read(path)
    assert reading.manifest.spacing.tolist() == [[0.5, 0.5]] * 2
    (told,) = notes(reading, "another size")
    assert "1 mask says that its pixels have another size than those of the image, which counts" in told
    assert told.endswith("mask1.dcm 1 x 1 mm for 0.5 x 0.5 mm.")


@pytest.mark.parametrize("axes", ["RAS", "LPS", "PIR", "SLA"])
def test_every_plane_of_a_volume_has_its_own(tmp_path, nifti, axes):
    """Voxels 1 mm along the first stored axis, 2 along the second, 3 along the third."""
    place = geometry(str(nifti(tmp_path / "a.nii.gz", np.zeros((4, 5, 6), np.int16), axes)), "a")
    side = {
        sign: number + 1.0
        for number, axis in enumerate(axes)
        for sign in (
            axis,
            "LR"["RL".index(axis)] if axis in "RL" else {"A": "P", "P": "A", "S": "I", "I": "S"}[axis],
        )
    }
    assert place.spacing("axial") == (side["A"], side["R"])
    assert place.spacing("coronal") == (side["S"], side["R"])
    assert place.spacing("sagittal") == (side["S"], side["A"])


def test_an_oblique_volume_has_the_lengths_of_its_voxels(tmp_path, nifti):
    turn = np.deg2rad(20)
    affine = np.array(
        [[np.cos(turn), -np.sin(turn), 0, 0], [np.sin(turn), np.cos(turn), 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    ) @ np.diag([0.5, 0.8, 3, 1])
    place = geometry(str(nifti(tmp_path / "a.nii", np.zeros((4, 5, 6), np.int16), affine=affine)), "a")
    assert place.spacing("axial") == pytest.approx((0.8, 0.5))


def test_units_and_a_header_that_says_nothing(tmp_path, nifti):
    import nibabel

    for unit, wanted in (("meter", 1000), ("micron", 0.001), ("mm", 1)):
        image = nibabel.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.eye(4))
        image.header.set_xyzt_units(unit)
        nibabel.save(image, tmp_path / f"{unit}.nii")
        assert geometry(str(tmp_path / f"{unit}.nii"), "a").spacing("axial") == (wanted, wanted)
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4), np.int16), None), tmp_path / "none.nii")
    assert geometry(str(tmp_path / "none.nii"), "a").spacing("axial") is None


def test_slices_of_an_nnunet_set(nnunet):
    reading = read(nnunet(), DataOptions(plane="coronal"))
    assert reading.manifest.spacing.tolist() == [[3.0, 1.0]] * 27
    assert "Pixels are 3 mm high and 1 mm wide, as the files say." in reading.notes
    labels = read(nnunet())
    assert labels.manifest.spacing.shape == (12, 2)


def test_distances_in_mm_where_pixels_are_not_square():
    """One pixel at (4, 4), the other at (6, 7): 2 down, 3 across."""
    a, b = np.zeros((2, 2, 1, 32, 32), bool)
    a[..., 4, 4], b[..., 6, 7] = True, True
    sizes, pixels = np.full((2, 2), 32), np.array([[0.5, 0.5], [3.0, 0.5]])
    fit = fit_of(a, b, sizes, spacing=pixels)
    assert fit.hd95_mm[:, 0] == pytest.approx([0.5 * np.hypot(2, 3), np.hypot(6, 1.5)])
    assert fit.hd95[:, 0] == pytest.approx([np.hypot(2, 3)] * 2)
    figures = quality_of_masks(fit, ("dot",), np.array(["p", "q"]))
    assert figures["hd95_mm"] == pytest.approx((0.5 * np.hypot(2, 3) + np.hypot(6, 1.5)) / 2, abs=1e-5)
    pixels[0, 0] = np.nan
    assert fit_of(a, b, sizes, spacing=pixels).hd95_mm is None


def test_from_the_files_to_the_figures(nnunet, tmp_path):
    """Predicted: the given masks of all slices, one pixel further down, so 3 mm in coronal slices."""
    manifest = read(nnunet({"background": 0, "liver": [1, 2]}), DataOptions(plane="coronal")).manifest
    from overread.data.masks import open_masks

    size = 36  # slices are 4 high and 8 wide: a pixel on disk is 9 of the network's high
    given = open_masks(manifest.masks, manifest.root, size)
    found = fits(manifest, np.roll(np.asarray(given), 9, axis=2), ("liver",), None)["given"]
    drawn = found.drawn[:, 0]
    assert drawn.sum() == 18
    assert np.allclose(found.hd95_mm[drawn], 3.0)
    assert np.allclose(found.hd95[drawn], 1.0)


def test_what_the_summary_says(table):
    known = read(table({"PixelSpacing": [0.5, 0.25]}, {"PixelSpacing": [0.7, 0.25]})).manifest
    assert spacing(known) == [0.25, 0.7]
    assert spacing(replace(known, spacing=np.full((2, 2), 0.35))) == 0.35
    assert spacing(replace(known, spacing=np.array([[np.nan, np.nan], [0.7, 0.7]]))) == 0.7
    assert spacing(replace(known, spacing=None)) is None
