"""Nothing that names a patient leaves a header."""

import os
import stat

import numpy as np
import pydicom
import pytest

from overread.data.formats.dicom_header import ALLOWED, read_dataset, read_header
from overread.data.formats.privacy import default_key_file, name_notes, read_key
from overread.data.load import load
from overread.data.options import DataOptions
from overread.data.read import read
from overread.data.silence import silenced
from overread.errors import InputError

SECRETS = {
    "PatientName": "Mustermann^Erika",
    "PatientID": "MRN-4711-0815",
    "PatientBirthDate": "19640812",
    "PatientAddress": "Heidestrasse 17",
    "AccessionNumber": "ACC99887",
    "ReferringPhysicianName": "House^Gregory",
    "InstitutionName": "Princeton Plainsboro",
    "StudyInstanceUID": "1.2.3.4.5.777",
    "SeriesInstanceUID": "1.2.3.4.5.888",
    "StudyDate": "20240229",
    "StudyDescription": "ERIKA CHEST",
    "ImageComments": "call Erika",
}


@pytest.fixture
def patients(tmp_path, dicom):
    """Two classes of two files, of patients with all that headers say of them."""
    rng = np.random.default_rng(0)
    for name in ("ill", "well"):
        for index in range(2):
            values = rng.integers(0, 999, (8, 8)).astype(np.int16)
            dicom(tmp_path / "set" / name / f"{index}.dcm", values, **SECRETS)
    return tmp_path / "set"


def test_no_tag_but_the_allowed_ones_is_read(patients):
    found = read_dataset(str(patients / "ill" / "0.dcm"), "")
    names = {element.keyword for element in found}
    assert names <= {*ALLOWED, "SpecificCharacterSet"}
    private = (
        "Name",
        "Date",
        "Time",
        "Address",
        "Comments",
        "Institution",
        "Accession",
        "Physician",
        "Age",
        "Sex",
    )
    assert not [tag for tag in ALLOWED if any(word in tag for word in private)]


def test_nothing_of_a_header_is_told_or_written(patients, tmp_path, key_folder):
    reading, _ = load(patients, DataOptions(), 8, quiet=True)
    reading.manifest.save(tmp_path / "manifest.csv")
    told = (tmp_path / "manifest.csv").read_text() + repr(reading.as_dict()) + "\n".join(reading.lines())
    for value in SECRETS.values():
        assert value not in told
    assert set(reading.manifest.group) == {reading.manifest.group[0]}
    assert reading.manifest.group[0].startswith("patient-")


def test_pseudonyms_depend_on_the_key_alone(patients, tmp_path, key_folder):
    one = read(patients).manifest.group[0]
    assert read(patients).manifest.group[0] == one
    assert stat.S_IMODE(os.stat(default_key_file()).st_mode) == 0o600 or os.name == "nt"
    assert default_key_file().is_relative_to(key_folder)
    other = read(patients, DataOptions(id_key=tmp_path / "key")).manifest.group[0]
    assert other != one
    assert (tmp_path / "key").is_file()
    (tmp_path / "short").write_text("abc")
    with pytest.raises(InputError, match="has 3 bytes; expected 16 or more"):
        read(patients, DataOptions(id_key=tmp_path / "short"))
    with pytest.raises(InputError, match="Name another file: --id-key FILE"):
        read_key(tmp_path / "key" / "below")


def test_no_key_is_made_where_groups_are_named(patients, tmp_path):
    rows = [f"set/{name}/{index}.dcm,{name},p{index}" for name in ("ill", "well") for index in range(2)]
    (tmp_path / "t.csv").write_text("\n".join(["image,label,group", *rows]))
    assert set(read(tmp_path / "t.csv").manifest.group) == {"p0", "p1"}
    assert not default_key_file().exists()


def test_names_in_pictures_and_paths_are_warned_of(tmp_path, dicom):
    rng = np.random.default_rng(0)
    tags = [
        {"BurnedInAnnotation": "YES"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
        {"ConversionType": "SI"},
        {},
    ]
    for index, more in enumerate(tags):
        for name in ("ill", "well"):
            values = rng.integers(0, 999, (8, 8)).astype(np.int16)
            dicom(tmp_path / name / ("Mustermann_Erika" if index == 3 else f"{index}.dcm"), values, **more)
    told = "\n".join(read(tmp_path).notes)
    assert "2 files say that names may stand in the picture (BurnedInAnnotation)" in told
    assert "4 files are screenshots or scanned (secondary capture)" in told
    assert "1 file or folder is called like a person" in told
    assert "Mustermann" not in told


def test_class_names_are_no_names_of_people():
    assert not name_notes(["Actinic_Keratosis/1.jpg", "Left_Lung/b.png"], ["Actinic_Keratosis"])
    assert name_notes(["ill/Doe^Jane/1.dcm"], ["ill"])


def test_a_damaged_header_is_not_quoted(tmp_path, dicom):
    path = dicom(tmp_path / "a.dcm", np.zeros((4, 4), np.uint8), NumberOfFrames="1")
    data = path.read_bytes().replace(b"\x28\x00\x08\x00IS\x02\x001 ", b"\x28\x00\x08\x00IS\x02\x00Er")
    assert b"Er" in data
    path.write_bytes(data)
    with pytest.raises(InputError) as caught, silenced():
        read_header(str(path), "a.dcm")
    assert "its header is damaged" in str(caught.value)
    assert "Er" not in str(caught.value)


def test_the_library_is_quiet(patients, capfd, recwarn):
    found = pydicom.dcmread(patients / "ill" / "0.dcm")
    found.Rows = 8
    load(patients, DataOptions(), 8, quiet=True)
    assert capfd.readouterr().err == ""
    assert not recwarn.list
