"""Small medical files, generated."""

import json

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """The image cache of one test."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("OVERREAD_CACHE", str(folder))
    return folder


@pytest.fixture
def nifti():
    """Writes an array as NIfTI, with an affine or with the axes that it is stored along ("LPS")."""
    nibabel = pytest.importorskip("nibabel")

    def write(path, values, axes="RAS", affine=None, slope=None, dtype=None):
        path.parent.mkdir(parents=True, exist_ok=True)
        if affine is None:
            turn = nibabel.orientations.axcodes2ornt(axes)
            affine = np.eye(4)
            affine[:3, :3] = 0
            for own, (axis, sign) in enumerate(turn):
                affine[int(axis), own] = sign * (own + 1)
        image = nibabel.Nifti1Image(values, affine, dtype=dtype)
        if slope:
            image.header.set_slope_inter(*slope)
        nibabel.save(image, path)
        return path

    return write


@pytest.fixture
def nnunet(tmp_path, nifti):
    """Writes a raw nnU-Net data set of 3 volumes 8 x 9 x 4 with a liver (1) and a tumour (2) in it."""

    def write(labels=None, axes="RAS", ending=".nii.gz", **plan):
        root = tmp_path / "Dataset001_Liver"
        rng = np.random.default_rng(0)
        for case in range(3):
            truth = np.zeros((8, 9, 4), np.uint8)
            truth[2:6, 1:7, 1:4] = 1
            truth[3:5, 3 : 5 + case, 2] = 2
            image = (rng.normal(0, 20, truth.shape) + 100 * truth).astype(np.int16)
            nifti(root / "imagesTr" / f"case_{case}_0000{ending}", image, axes)
            nifti(root / "labelsTr" / f"case_{case}{ending}", truth, axes)
        full = {
            "channel_names": {"0": "CT"},
            "labels": labels or {"background": 0, "liver": 1, "tumour": 2},
            "numTraining": 3,
            "file_ending": ending,
            **plan,
        }
        (root / "dataset.json").write_text(json.dumps(full))
        return root

    return write


@pytest.fixture(autouse=True)
def key_folder(tmp_path_factory, monkeypatch):
    """Where the key of pseudonyms is made in one test."""
    folder = tmp_path_factory.mktemp("config")
    for name in ("XDG_CONFIG_HOME", "APPDATA", "HOME"):
        monkeypatch.setenv(name, str(folder))
    return folder


@pytest.fixture
def dicom():
    """Writes an array [H, W], [F, H, W] or [H, W, 3] as DICOM with the tags that are given."""
    pydicom = pytest.importorskip("pydicom")

    def write(path, values, syntax="1.2.840.10008.1.2.1", **tags):
        path.parent.mkdir(parents=True, exist_ok=True)
        colour = values.shape[-1] == 3
        meta = pydicom.dataset.FileMetaDataset()
        meta.TransferSyntaxUID = syntax
        meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        found = pydicom.Dataset()
        found.file_meta = meta
        found.SOPClassUID, found.SOPInstanceUID = (
            meta.MediaStorageSOPClassUID,
            meta.MediaStorageSOPInstanceUID,
        )
        found.Rows, found.Columns = values.shape[-3:-1] if colour else values.shape[-2:]
        if values.ndim == 3 and not colour:
            found.NumberOfFrames = len(values)
        bits = 8 * values.dtype.itemsize
        found.BitsAllocated, found.BitsStored, found.HighBit = bits, bits, bits - 1
        found.PixelRepresentation = int(values.dtype.kind == "i")
        found.SamplesPerPixel = 3 if colour else 1
        if colour:
            found.PlanarConfiguration = 0
        found.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
        found.Modality = "CT"
        for name, value in tags.items():
            setattr(found, name, value)
        found.PixelData = values.tobytes() + b"\0" * (values.nbytes % 2)
        found["PixelData"].VR = "OB" if bits == 8 else "OW"
        found.save_as(path, enforce_file_format=True)
        return path

    return write
