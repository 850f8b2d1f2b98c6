"""`--to dicom-seg`, read with highdicom and pydicom, and as DATA again."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import overread
from overread.data.masks import read_masks
from overread.data.options import DataOptions
from overread.data.read import read
from overread.errors import InputError
from overread.store import Opinion

pydicom = pytest.importorskip("pydicom")
highdicom = pytest.importorskip("highdicom")
generate_uid = pydicom.uid.generate_uid

CT, MULTI, XRAY = (f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("2", "2.1", "1"))
ULTRASOUND = "1.2.840.10008.5.1.4.1.1.3.1"
SIZE = (7, 5)  # neither square nor of whole bytes
LYING = [0.8, 0.6, 0, 0, 0, -1.0]
STRUCTURES = ("Herz links", "σπλήν")
PERSON = {
    "PatientName": "Müller^Jürgen",
    "PatientBirthDate": "19610203",
    "PatientSex": "M",
    "PatientAge": "065Y",
    "ReferringPhysicianName": "Doe^Jane",
    "InstitutionName": "St. Elsewhere",
    "AccessionNumber": "ACC-77",
    "StudyDate": "20260102",
    "OtherPatientIDs": "998877",
    "StationName": "CT-KELLER",
    "Manufacturer": "Acme",
    "ManufacturerModelName": "A1",
    "DeviceSerialNumber": "123",
    "SoftwareVersions": "1",
    "OperatorsName": "Roe^Richard",
    "ProtocolName": "for Mueller",
}


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("OVERREAD_CACHE", str(tmp_path_factory.mktemp("cache")))
    folder = str(tmp_path_factory.mktemp("config"))
    for name in ("XDG_CONFIG_HOME", "APPDATA", "HOME"):
        monkeypatch.setenv(name, folder)


def write(path, shape=SIZE, sop=CT, frames=None, **tags):
    """A DICOM file of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(7).integers(0, 4096, (*((frames,) if frames else ()), *shape), np.uint16)
    found = pydicom.Dataset()
    found.file_meta = pydicom.dataset.FileMetaDataset()
    found.SpecificCharacterSet = "ISO_IR 100"
    found.SOPClassUID, found.SOPInstanceUID = sop, generate_uid()
    found.file_meta.MediaStorageSOPClassUID = sop
    found.file_meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID
    found.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    found.StudyInstanceUID, found.SeriesInstanceUID, found.PatientID = "1.2.3", "1.2.3.4", "PID-4711"
    found.Modality, found.SeriesNumber = "CT", 3
    found.Rows, found.Columns = shape
    if frames:
        found.NumberOfFrames = frames
    found.BitsAllocated, found.BitsStored, found.HighBit, found.PixelRepresentation = 16, 16, 15, 0
    found.SamplesPerPixel, found.PhotometricInterpretation = 1, "MONOCHROME2"
    for name, value in {**PERSON, **tags}.items():
        if value is not None:
            setattr(found, name, value)
    found.PixelData = pixels.tobytes()
    found["PixelData"].VR = "OW"
    found.save_as(path, enforce_file_format=True)
    return found


def item(**tags):
    found = pydicom.Dataset()
    for name, value in tags.items():
        setattr(found, name, value)
    return found


def placed(at, turn=(1, 0, 0, 0, 1, 0), frame="1.2.9"):
    return {
        "FrameOfReferenceUID": frame,
        "ImagePositionPatient": list(at),
        "ImageOrientationPatient": list(turn),
        "PixelSpacing": [0.75, 0.5],
        "SliceThickness": 2.5,
    }


def drawn(number, size=SIZE):
    """Masks that touch and lie over each other, with holes, of one pixel, full and empty."""
    rng = np.random.default_rng(number)
    one, two = rng.random(size) > 0.5, rng.random(size) > 0.5
    special = [
        lambda: (one, ~one),
        lambda: (np.zeros(size, bool), np.ones(size, bool)),
        lambda: (np.arange(size[0] * size[1]).reshape(size) == size[0] * size[1] - 1, two),
        lambda: (np.zeros(size, bool), np.zeros(size, bool)),
    ]
    return dict(zip(STRUCTURES, special[number]() if number < 4 else (one, two), strict=True))


def table(folder, images, size=SIZE):
    """A table of images with masks as PNG; returns it, and the masks of each image."""
    rows, masks = [], {}
    for number, image in enumerate(images):
        masks[image] = drawn(number, size)
        cells = []
        for k, mask in enumerate(masks[image].values()):
            cells.append(f"masks/{number}-{k}.png")
            (folder / "masks").mkdir(exist_ok=True)
            Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(folder / cells[-1])
        rows.append((image, *cells))
    columns = ["image", *(f"mask_{name}" for name in STRUCTURES)]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "cases.csv", index=False)
    return folder / "cases.csv", masks


@pytest.fixture
def series(tmp_path):
    """Seven slices of one oblique series, whose names are not in their order."""
    normal = np.cross(LYING[:3], LYING[3:])
    headers = {}
    for number, step in enumerate([3, 0, 6, 1, 2, 5, 4]):
        name = f"ct/{number}.dcm"
        headers[name] = write(tmp_path / "data" / name, **placed(np.array([1, 2, 3]) + 2.5 * step * normal, LYING))
    source, masks = table(tmp_path / "data", list(headers))
    return source, masks, headers


def export(kit, source, tmp_path, **more):
    run = tmp_path / "run"
    if not run.exists():
        kit.make_run(source, run)
    result = overread.export(run, tmp_path / "out", "dicom-seg", **more)
    return result.record["written"], [highdicom.seg.segread(path) for path in objects(tmp_path / "out")]


def objects(out):
    return sorted((out / "segmentations").iterdir())


def check_data(out, masks, options=None):
    """What was written is DATA again, with the masks pixel by pixel."""
    found = read(out, options or DataOptions()).manifest
    assert found.classes == STRUCTURES
    assert len(found) == len(masks)
    for row, name in enumerate(found.ids):
        again = read_masks(found.masks, found.root, row)
        assert np.array_equal(again, np.stack(list(masks[str(name)].values()))), name


def test_a_series_comes_back_pixel_by_pixel(kit, series, tmp_path):
    source, masks, headers = series
    written, (seg,) = export(kit, source, tmp_path)
    assert (written["segmentations"], written["series"], written["alone_planes"]) == (1, 1, 0)
    uids = [header.SOPInstanceUID for header in headers.values()]
    pixels = seg.get_pixels_by_source_instance(uids)  # [7, H, W, 2], by highdicom
    for name, plane in zip(headers, pixels, strict=True):
        assert np.array_equal(np.moveaxis(plane, -1, 0), np.stack(list(masks[name].values())))
    check_data(tmp_path / "out", masks)


def test_what_it_says_of_itself(kit, series, tmp_path):
    source, _, headers = series
    _, (seg,) = export(kit, source, tmp_path)
    assert (seg.SegmentationType, seg.SegmentsOverlap, seg.NumberOfFrames) == ("BINARY", "YES", 14)
    assert [one.SegmentLabel for one in seg.SegmentSequence] == list(STRUCTURES)
    assert {one.SegmentAlgorithmType for one in seg.SegmentSequence} == {"MANUAL"}
    assert (seg.Modality, seg.Manufacturer, seg.ContentCreatorName) == ("SEG", "Overread", "Overread")
    assert seg.SeriesInstanceUID not in {"1.2.3.4", ""}
    (referenced,) = seg.ReferencedSeriesSequence
    assert referenced.SeriesInstanceUID == "1.2.3.4"
    named = {one.ReferencedSOPInstanceUID for one in referenced.ReferencedInstanceSequence}
    assert named == {header.SOPInstanceUID for header in headers.values()}
    shared = seg.SharedFunctionalGroupsSequence[0]
    measures = shared.PixelMeasuresSequence[0]
    assert list(shared.PlaneOrientationSequence[0].ImageOrientationPatient) == LYING
    assert (list(measures.PixelSpacing), measures.SliceThickness) == ([0.75, 0.5], 2.5)
    assert measures.SpacingBetweenSlices == 2.5
    assert seg.FrameOfReferenceUID == "1.2.9"
    places = {header.SOPInstanceUID: list(header.ImagePositionPatient) for header in headers.values()}
    for group in seg.PerFrameFunctionalGroupsSequence:
        one = group.DerivationImageSequence[0].SourceImageSequence[0]
        assert one.ReferencedSOPClassUID == CT
        assert list(group.PlanePositionSequence[0].ImagePositionPatient) == places[one.ReferencedSOPInstanceUID]
    volume = seg.get_volume()
    assert volume.spatial_shape == (7, *SIZE)
    assert np.allclose(volume.spacing, (2.5, 0.75, 0.5))
