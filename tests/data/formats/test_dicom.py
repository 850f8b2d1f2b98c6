"""DICOM: how a frame is shown, its groups and order, and every file that pydicom brings."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut

from overread.data.faults import BadImage
from overread.data.formats import dicom as reader
from overread.data.formats.dicom_header import read_header
from overread.data.images import upright_size
from overread.data.load import load
from overread.data.mask_pictures import read_mask
from overread.data.masks import read_masks
from overread.data.options import DataOptions
from overread.data.read import read
from overread.data.silence import silenced
from overread.errors import InputError

FILES = Path(pydicom.__file__).parent / "data" / "test_files"  # those in the wheel: nothing is fetched
OTHERS = (".py", ".pyc", ".txt", ".xml", ".json", ".md", ".bin", ".dump", ".icc", ".gz")
RNG = np.random.default_rng(3)
RAMP = np.arange(0, 4096, 16, dtype=np.int16).reshape(16, 16)


def picture(path, **part):
    return reader.picture(str(path), str(path), {key: str(value) for key, value in part.items()})


def test_rescaled_then_windowed(tmp_path, dicom):
    path = dicom(
        tmp_path / "a.dcm", RAMP, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=40, WindowWidth=400
    )
    values = RAMP * 2.0 - 1000
    wanted = np.clip((values - 39.5) / 399 + 0.5, 0, 1)  # PS3.3 C.11.2.1.2.1
    assert np.array_equal(picture(path), np.floor(wanted * 255 + 0.5))
    assert np.array_equal(
        picture(path, window="40:400"), np.floor(np.clip((values + 160) / 400, 0, 1) * 255 + 0.5)
    )
    assert np.array_equal(reader.values(str(path), "", {}), values)


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        ("LINEAR", lambda x: np.clip((x - 999.5) / 499 + 0.5, 0, 1)),
        ("LINEAR_EXACT", lambda x: np.clip((x - 1000) / 500 + 0.5, 0, 1)),
        ("SIGMOID", lambda x: 1 / (1 + np.exp(-4 * (x - 1000) / 500))),
    ],
)
def test_window_functions_and_the_first_of_several(tmp_path, dicom, function, wanted):
    tags = {"WindowCenter": [1000, 50], "WindowWidth": [500, 10], "VOILUTFunction": function}
    path = dicom(tmp_path / "a.dcm", RAMP, **tags)
    assert np.array_equal(picture(path), np.floor(wanted(RAMP.astype(float)) * 255 + 0.5))


def test_monochrome1_is_turned_over_last(tmp_path, dicom):
    tags = {"RescaleSlope": 1, "RescaleIntercept": 0, "WindowCenter": 1000, "WindowWidth": 500}
    white = picture(dicom(tmp_path / "2.dcm", RAMP, **tags))
    black = picture(dicom(tmp_path / "1.dcm", RAMP, PhotometricInterpretation="MONOCHROME1", **tags))
    assert black[0, 0] == 255
    assert np.abs(white.astype(int) + black - 255).max() <= 1


def test_without_a_window_from_least_to_greatest_less_padding(tmp_path, dicom):
    values = RAMP.copy()
    values[0] = -2000
    path = dicom(tmp_path / "a.dcm", values, PixelPaddingValue=-2000)
    assert picture(path)[0].tolist() == [0] * 16
    assert picture(path)[1, 0] == 0
    assert picture(path)[15, 15] == 255


def test_a_table_of_values_and_of_greys(tmp_path, dicom):
    def table(numbers, bits):
        item = pydicom.Dataset()
        item.LUTDescriptor = [len(numbers), 0, bits]
        item.LUTData = numbers
        item["LUTData"].VR = "US"
        item["LUTDescriptor"].VR = "US"
        return [item]

    values = np.array([[0, 1], [2, 3]], np.uint8)
    path = dicom(tmp_path / "a.dcm", values, VOILUTSequence=table([0, 100, 200, 255], 8))
    assert picture(path).ravel().tolist() == [0, 100, 200, 255]
    both = {"ModalityLUTSequence": table([3, 2, 1, 0], 8), "VOILUTSequence": table([0, 100, 200, 255], 8)}
    assert picture(dicom(tmp_path / "b.dcm", values, **both)).ravel().tolist() == [255, 200, 100, 0]


def test_frames_of_an_enhanced_file_have_their_own_window_and_place(tmp_path, dicom):
    def item(**tags):
        found = pydicom.Dataset()
        for name, value in tags.items():
            setattr(found, name, value)
        return found

    def frame(index):
        return item(
            FrameVOILUTSequence=[item(WindowCenter=1000 + 500 * index, WindowWidth=400)],
            PlanePositionSequence=[item(ImagePositionPatient=[0, 0, -5 * index])],
        )

    shared = item(
        PixelValueTransformationSequence=[item(RescaleSlope=2, RescaleIntercept=10, RescaleType="US")],
        PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
    )
    groups = {
        "SharedFunctionalGroupsSequence": [shared],
        "PerFrameFunctionalGroupsSequence": [frame(index) for index in range(3)],
        "SeriesInstanceUID": "1.2.3",
    }
    path = dicom(tmp_path / "x" / "a.dcm", np.stack([RAMP] * 3), **groups)
    for index in range(3):
        wanted = np.clip((RAMP * 2.0 + 10 - (999.5 + 500 * index)) / 399 + 0.5, 0, 1)
        assert np.array_equal(picture(path, frame=index), np.floor(wanted * 255 + 0.5))
    assert [plane.position for plane in read_header(str(path), "").planes] == [0, -5, -10]
    found = read(tmp_path, DataOptions(labels="optional")).manifest
    assert [name[-8:] for name in found.images] == ["#frame=2", "#frame=1", "#frame=0"]


def test_a_series_is_in_the_order_of_its_positions(tmp_path, dicom):
    tags = {"SeriesInstanceUID": "1.2.3", "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PatientID": "12"}
    for file, (number, z) in enumerate([(1, 30), (2, 10), (3, 20), (4, 90)]):
        place = {"InstanceNumber": number, "ImagePositionPatient": [0, 0, z]}
        dicom(tmp_path / "ill" / f"{file}", RNG.integers(0, 999, (8, 8)).astype(np.int16), **tags, **place)
        dicom(
            tmp_path / "well" / f"{file}.dcm",
            RNG.integers(0, 999, (8, 8)).astype(np.int16),
            PatientID=str(file),
        )
    reading, images = load(tmp_path, DataOptions(), 8, quiet=True)
    assert list(reading.manifest.images) == [
        *("ill/1", "ill/2", "ill/0", "ill/3"),
        *(f"well/{file}.dcm" for file in range(4)),
    ]
    assert len(set(reading.manifest.group[:4])) == 1
    assert len(set(reading.manifest.group)) == 5
    assert len(images) == 8
    assert "Modality: CT 8." in reading.notes
    assert "1 series lacks slices: there are gaps between positions." in reading.notes


def test_folders_of_patients_and_series_in_a_class(tmp_path, dicom):
    for name in ("ill", "well"):
        for patient in range(2):
            for slice_ in range(2):
                dicom(
                    tmp_path / name / f"p{patient}" / "s1" / f"{slice_}",
                    RNG.integers(0, 999, (8, 8)).astype(np.int16),
                )
    assert len(read(tmp_path).manifest) == 8
    (tmp_path / "ill" / "p0" / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="mixed depth"):
        read(tmp_path)


def test_a_table_of_dicom_with_masks(tmp_path, dicom):
    rows = ["image,mask_nodule"]
    for index in range(3):
        dicom(tmp_path / f"{index}.dcm", RNG.integers(0, 4096, (6, 5)).astype(np.uint16), PatientID="7")
        drawn = np.zeros((6, 5), np.uint8)
        drawn[index, 1:3] = 1
        dicom(tmp_path / f"m{index}.dcm", drawn, WindowCenter=50, WindowWidth=100)
        rows.append(f"{index}.dcm,m{index}.dcm")
    (tmp_path / "cases.csv").write_text("\n".join(rows))
    found = read(tmp_path).manifest
    assert len(set(found.group)) == 1
    assert read_masks(found.masks, found.root, 2)[0].nonzero()[0].tolist() == [2, 2]
    assert read_mask(tmp_path / "m1.dcm", "").values.max() == 1
    assert upright_size(tmp_path / "1.dcm", "") == (6, 5)


def test_colours(tmp_path, dicom):
    colour = RNG.integers(0, 256, (4, 5, 3), np.uint8)
    assert np.array_equal(picture(dicom(tmp_path / "rgb.dcm", colour)), colour)
    palette = {f"{name}PaletteColorLookupTableDescriptor": [3, 0, 16] for name in ("Red", "Green", "Blue")}
    for at, name in enumerate(("Red", "Green", "Blue")):
        palette[f"{name}PaletteColorLookupTableData"] = np.array(
            [0, 65535 * (at == 0), 32896], "<u2"
        ).tobytes()
    tags = {"PhotometricInterpretation": "PALETTE COLOR", **palette}
    indices = np.array([[0, 1], [2, 1]], np.uint8)
    shown = picture(dicom(tmp_path / "palette.dcm", indices, **tags))
    assert shown.tolist() == [[[0, 0, 0], [255, 0, 0]], [[128, 128, 128], [255, 0, 0]]]
    with pytest.raises(BadImage, match="is in colour"):
        read_mask(tmp_path / "rgb.dcm", "rgb.dcm")


def test_frames_that_are_not_there(tmp_path, dicom):
    path = dicom(tmp_path / "a.dcm", np.zeros((3, 4, 4), np.uint8))
    with pytest.raises(BadImage, match="holds 3 frames, not one picture"):
        picture(path)
    with pytest.raises(BadImage, match="has 3 frames, counted from 0; there is no 3"):
        picture(path, frame=3)


def bundled():
    return sorted(file for file in FILES.rglob("*") if file.is_file() and file.suffix not in OTHERS)


@pytest.mark.parametrize("path", bundled(), ids=lambda path: path.name)
def test_what_pydicom_brings_is_read_right_or_refused(path):
    """Read right: what pydicom's own pipeline gives, at 8 bits; else one sentence that names the file."""
    with silenced():
        shown, why = first_frame(path)
        if why:
            assert why.startswith(f"{path.name}: ")
            assert len(why) < 200
        else:
            assert as_pydicom_shows_it(path, shown)


def first_frame(path):
    """The picture, or what is wrong with the file."""
    try:
        part = {"frame": "0"} if read_header(str(path), path.name).frames > 1 else {}
        return reader.picture(str(path), path.name, part), ""
    except BadImage as error:
        return None, str(error)


def as_pydicom_shows_it(path, shown):
    found = pydicom.dcmread(path, force=True)
    stored = found.pixel_array[0] if int(found.get("NumberOfFrames", 1)) > 1 else found.pixel_array
    if found.PhotometricInterpretation == "PALETTE COLOR":
        return np.abs((apply_color_lut(stored, found)[..., :3] >> 8).astype(int) - shown).max() <= 1
    if stored.ndim == 3:
        return np.abs(stored.astype(float) * 255 / (2.0**found.BitsStored - 1) - shown).max() <= 0.501
    wanted = apply_voi_lut(apply_modality_lut(stored, found), found).astype(float)
    wanted = -wanted if found.PhotometricInterpretation == "MONOCHROME1" else wanted
    if wanted.std() == 0:
        return True
    slope, start = np.polyfit(wanted.ravel(), shown.ravel().astype(float), 1)
    return slope > 0 and np.abs(slope * wanted + start - shown).max() < 1.2


def test_most_of_them_are_read():
    with silenced():
        shown = [first_frame(path)[0] for path in bundled()]
    assert sum(picture is not None for picture in shown) >= 85
