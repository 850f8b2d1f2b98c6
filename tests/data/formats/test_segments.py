"""Segments of DICOM segmentations as masks, written with highdicom."""

import numpy as np
import pytest

from overread.data.masks import read_masks
from overread.data.options import DataOptions
from overread.data.read import read
from overread.errors import InputError

pydicom = pytest.importorskip("pydicom")
highdicom = pytest.importorskip("highdicom")
Code = pydicom.sr.codedict.codes.SCT
SIZE = (5, 7)
PATIENT = dict.fromkeys(
    ("PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate", "StudyTime"),
    "",
)
SERIES = {
    "StudyInstanceUID": "1.2.3",
    "SeriesInstanceUID": "1.2.3.4",
    "PatientID": "7",
    "FrameOfReferenceUID": "1.2.9",
}
PLACE = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [1, 1], "SliceThickness": 1}


@pytest.fixture
def slices(tmp_path, dicom):
    """Three slices, on the first of which nothing is drawn; masks [3, H, W, 2]."""
    rng = np.random.default_rng(5)
    images = []
    for z in range(3):
        path = dicom(
            tmp_path / f"{z}.dcm",
            rng.integers(0, 999, SIZE).astype(np.uint16),
            **{**PATIENT, **SERIES, **PLACE, "ImagePositionPatient": [0, 0, z]},
        )
        images.append(pydicom.dcmread(path))
    masks = rng.random((3, *SIZE, 2)) > 0.6
    masks[..., 1] &= ~masks[..., 0]
    masks[0] = False
    return images, masks


def segmentation(path, images, masks, kind="BINARY", **more):
    descriptions = [
        highdicom.seg.SegmentDescription(number, name, Code.Tissue, Code.Liver, "MANUAL")
        for number, name in enumerate(("liver", "tumour"), 1)
    ]
    found = highdicom.seg.Segmentation(
        source_images=images,
        pixel_array=masks.astype(np.float32 if kind == "FRACTIONAL" else np.uint8),
        segmentation_type=kind,
        segment_descriptions=descriptions,
        series_instance_uid=highdicom.UID(),
        series_number=1,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="A",
        manufacturer_model_name="B",
        software_versions="1",
        device_serial_number="1",
        **more,
    )
    found.save_as(path)


def table(folder, cells, images=("0.dcm", "1.dcm", "2.dcm")):
    lines = ["image,mask_liver,mask_tumour", *(",".join([image, *cells]) for image in images)]
    (folder / "cases.csv").write_text("\n".join(lines))
    return read(folder / "cases.csv", DataOptions()).manifest


BOTH = ("seg.dcm#segment=1", "seg.dcm#segment=2")


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("omit", [True, False])
def test_each_image_finds_its_frames(tmp_path, slices, kind, omit):
    images, masks = slices
    segmentation(tmp_path / "seg.dcm", images, masks, kind, omit_empty_frames=omit)
    found = table(tmp_path, BOTH)
    for row, name in enumerate(found.images):
        wanted = np.moveaxis(masks[int(str(name)[0])], -1, 0)
        assert np.array_equal(read_masks(found.masks, found.root, row), wanted)
    assert not any("segment" in str(name) for name in found.masks.files.ravel())


def test_frames_find_theirs(tmp_path, slices, dicom):
    """Of a multi-frame image, all of it in one row of the table."""
    rng = np.random.default_rng(8)

    def item(**tags):
        found = pydicom.Dataset()
        for name, value in tags.items():
            setattr(found, name, value)
        return found

    places = [item(PlanePositionSequence=[item(ImagePositionPatient=[0, 0, -z])]) for z in range(3)]
    shared = item(
        PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
        PixelMeasuresSequence=[item(PixelSpacing=[1, 1], SliceThickness=1)],
    )
    tags = {"SharedFunctionalGroupsSequence": [shared], "PerFrameFunctionalGroupsSequence": places}
    pixels = rng.integers(0, 999, (3, *SIZE)).astype(np.uint16)
    path = dicom(tmp_path / "scan.dcm", pixels, **PATIENT, **SERIES, **tags)
    image = pydicom.dcmread(path)
    image.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    masks = rng.random((3, *SIZE, 2)) > 0.5
    segmentation(tmp_path / "seg.dcm", [image], masks)
    found = table(tmp_path, BOTH, ["scan.dcm"])
    assert len(found) == 3
    unnamed = pydicom.dcmread(tmp_path / "seg.dcm")
    for group in unnamed.PerFrameFunctionalGroupsSequence:
        del group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber
    unnamed.save_as(tmp_path / "unnamed.dcm")
    with pytest.raises(InputError, match="does not say which frames of its image are meant"):
        table(tmp_path, ("unnamed.dcm#segment=1", ""), ["scan.dcm#frame=0"])
    for row, name in enumerate(found.images):
        wanted = np.moveaxis(masks[int(str(name)[-1])], -1, 0)
        assert np.array_equal(read_masks(found.masks, found.root, row), wanted)


def test_what_cannot_be_meant(tmp_path, slices, dicom):
    images, masks = slices
    segmentation(tmp_path / "seg.dcm", images, masks)
    segmentation(tmp_path / "shares.dcm", images, masks, "FRACTIONAL", fractional_type="PROBABILITY")
    twice = pydicom.dcmread(tmp_path / "seg.dcm")
    groups = twice.PerFrameFunctionalGroupsSequence
    groups[0].DerivationImageSequence = groups[1].DerivationImageSequence
    twice.save_as(tmp_path / "twice.dcm")
    damaged = pydicom.dcmread(tmp_path / "seg.dcm")
    del damaged.PerFrameFunctionalGroupsSequence[0].SegmentIdentificationSequence
    damaged.save_as(tmp_path / "damaged.dcm")
    stranger = dicom(tmp_path / "9.dcm", np.arange(35, dtype=np.uint16).reshape(SIZE), PatientID="7")
    for cells, images, why in (
        (("seg.dcm", "seg.dcm"), ["1.dcm"], "is a segmentation: name the segment that is meant"),
        (
            ("seg.dcm#segment=3", ""),
            ["1.dcm"],
            r"has no segment 3, but #segment=1 \(liver\), #segment=2 \(tumour\)",
        ),
        (("shares.dcm#segment=1", ""), ["1.dcm"], r"holds shares of pixels \(FRACTIONAL\)"),
        (("twice.dcm#segment=1", ""), ["1.dcm"], "has several frames of a segment on one image"),
        (("damaged.dcm#segment=1", ""), ["1.dcm"], r"its header is damaged \(TypeError\)"),
        (("2.dcm#segment=1", ""), ["1.dcm"], "is no DICOM segmentation, and has no segments"),
        (BOTH, [stranger.name], "is a segmentation of other images: it does not refer to this one"),
    ):
        with pytest.raises(InputError, match=why) as error:
            table(tmp_path, cells, images)
        assert "1.2.3" not in str(error.value)
