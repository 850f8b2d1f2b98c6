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
        if value is None:
            delattr(found, name)
        else:
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
        headers[name] = write(
            tmp_path / "data" / name, **placed(np.array([1, 2, 3]) + 2.5 * step * normal, LYING)
        )
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
        assert (
            list(group.PlanePositionSequence[0].ImagePositionPatient) == places[one.ReferencedSOPInstanceUID]
        )
    volume = seg.get_volume()
    assert volume.spatial_shape == (7, *SIZE)
    assert np.allclose(volume.spacing, (2.5, 0.75, 0.5))


def test_frames_of_an_enhanced_file(kit, tmp_path):
    """Frames out of order, one of them not in the table: each reference names the right one."""
    shared = item(
        PixelMeasuresSequence=[item(PixelSpacing=[0.5, 0.5], SliceThickness=3)],
        PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
    )
    groups = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[0, 0, z])],
            FrameContentSequence=[item(FrameComments="seen by Dr. Doe")],
        )
        for z in (6, 3, 0, 9)
    ]
    header = write(
        tmp_path / "data" / "scan.dcm",
        sop=MULTI,
        frames=4,
        FrameOfReferenceUID="1.2.9",
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=groups,
    )
    images = [f"scan.dcm#frame={frame}" for frame in (0, 1, 3)]
    source, masks = table(tmp_path / "data", images)
    written, (seg,) = export(kit, source, tmp_path)
    assert (written["segmentations"], seg.NumberOfFrames) == (1, 6)
    pixels = seg.get_pixels_by_source_frame(header.SOPInstanceUID, [1, 2, 4])
    for name, plane in zip(images, pixels, strict=True):
        assert np.array_equal(np.moveaxis(plane, -1, 0), np.stack(list(masks[name].values())))
    sources = [
        group.DerivationImageSequence[0].SourceImageSequence[0]
        for group in seg.PerFrameFunctionalGroupsSequence
    ]
    assert sorted(int(one.ReferencedFrameNumber) for one in sources) == [1, 1, 2, 2, 4, 4]
    for one, group in zip(sources, seg.PerFrameFunctionalGroupsSequence, strict=True):
        position = groups[int(one.ReferencedFrameNumber) - 1].PlanePositionSequence[0].ImagePositionPatient
        assert group.PlanePositionSequence[0].ImagePositionPatient == position
    assert {one.ReferencedSOPClassUID for one in sources} == {MULTI}
    (instance,) = seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert instance.ReferencedSOPInstanceUID == header.SOPInstanceUID
    assert b"Dr. Doe" not in objects(tmp_path / "out")[0].read_bytes()
    check_data(tmp_path / "out", masks)


def test_images_without_a_place_have_an_object_each(kit, tmp_path):
    """A radiograph, and frames of ultrasound, for which nobody knows where they lie."""
    folder = tmp_path / "data"
    xray = write(folder / "chest.dcm", sop=XRAY, SeriesInstanceUID="1.2.3.5")
    clip = write(folder / "clip.dcm", sop=ULTRASOUND, frames=2)
    images = ["chest.dcm", "clip.dcm#frame=0", "clip.dcm#frame=1"]
    source, masks = table(folder, images)
    written, segs = export(kit, source, tmp_path)
    assert (written["segmentations"], written["series"], written["alone_planes"]) == (3, 2, 3)
    assert np.array_equal(
        segs[0].get_pixels_by_source_instance([xray.SOPInstanceUID])[0, ..., 0],
        masks["chest.dcm"][STRUCTURES[0]],
    )
    for frame in range(2):
        seg = segs[1 + frame]
        pixels = seg.get_pixels_by_source_frame(clip.SOPInstanceUID, [frame + 1])
        assert np.array_equal(pixels[0, ..., 1], masks[images[1 + frame]][STRUCTURES[1]])
        assert "FrameOfReferenceUID" not in seg
        assert seg.InstanceNumber == frame + 1
    assert segs[1].SeriesInstanceUID == segs[2].SeriesInstanceUID != segs[0].SeriesInstanceUID
    check_data(tmp_path / "out", masks)


def test_what_makes_no_stack_is_taken_apart(kit, tmp_path):
    """One series with a localizer, with two images at one place, and in two frames of reference."""
    folder = tmp_path / "data"
    for name, place in {
        "a": placed((0, 0, 0)),
        "b": placed((0, 0, 1)),
        "again": placed((0, 0, 1)),
        "localizer": placed((0, 0, 0), (0, 1, 0, 0, 0, -1)),
        "moved": placed((0, 0, 2), frame="1.2.10"),
        "c": placed((0, 0, 3), (1, 0.00001, 0, 0, 1, 0)),  # rounded in another way
    }.items():
        write(folder / f"{name}.dcm", **place)
    other = write(folder / "other.dcm", **placed((0, 0, 0)), PatientID="another")
    source, masks = table(
        folder, [f"{name}.dcm" for name in ("a", "b", "again", "localizer", "moved", "c", "other")]
    )
    written, segs = export(kit, source, tmp_path)
    assert [seg.NumberOfFrames // 2 for seg in segs] == [3, 1, 1, 1, 1]
    assert (written["segmentations"], written["series"], written["alone_planes"]) == (5, 2, 0)
    (of_other,) = [seg for seg in segs if seg.PatientID == other.PatientID]
    others = [seg for seg in segs if seg is not of_other]
    assert [seg.InstanceNumber for seg in (*others, of_other)] == [1, 2, 3, 4, 1]
    assert {seg.SeriesInstanceUID for seg in others}.isdisjoint({of_other.SeriesInstanceUID})
    check_data(tmp_path / "out", masks)


def test_series_have_objects_of_their_own(kit, tmp_path):
    folder = tmp_path / "data"
    images = []
    for series in range(2):
        for z in range(2):
            images.append(f"{series}/{z}.dcm")
            write(folder / images[-1], (9, 9), SeriesInstanceUID=f"1.2.3.{series + 4}", **placed((0, 0, z)))
    source, masks = table(folder, images, (9, 9))
    written, segs = export(kit, source, tmp_path)
    assert (written["segmentations"], written["series"]) == (2, 2)
    assert [seg.ReferencedSeriesSequence[0].SeriesInstanceUID for seg in segs] == ["1.2.3.4", "1.2.3.5"]
    check_data(tmp_path / "out", masks)


def texts(out, but=".dcm"):
    return b"\n".join(path.read_bytes() for path in out.rglob("*") if path.is_file() and path.suffix != but)


def secrets(*names):
    return [str(PERSON[name]).encode(code) for name in names for code in ("utf-8", "latin-1")]


def test_of_the_patient_only_the_id_is_copied(kit, series, tmp_path, capsys, caplog):
    caplog.set_level("DEBUG")
    source, _, _ = series
    _, (seg,) = export(kit, source, tmp_path)
    assert (seg.PatientID, seg.StudyInstanceUID) == ("PID-4711", "1.2.3")
    data = objects(tmp_path / "out")[0].read_bytes()
    never = [name for name in PERSON if not name.startswith(("Manuf", "Device", "Software", "PatientSex"))]
    assert not [secret for secret in secrets(*never) if secret in data]
    assert seg.PatientName == ""
    assert (seg.PatientSex, seg.PatientBirthDate, seg.StudyDate) == ("", "", "")
    assert b"Acme" not in data
    told = texts(tmp_path / "out") + capsys.readouterr().out.encode() + caplog.text.encode()
    assert not [secret for secret in [*secrets(*never), b"PID-4711"] if secret in told]


def test_of_the_patient_more_is_copied_when_it_is_asked_for(kit, series, tmp_path):
    source, _, _ = series
    written, (seg,) = export(kit, source, tmp_path, patient="full")
    assert (str(seg.PatientName), seg.PatientBirthDate, seg.PatientSex) == ("Müller^Jürgen", "19610203", "M")
    assert (seg.AccessionNumber, seg.StudyDate, written["patient"]) == ("ACC-77", "20260102", "full")
    data = objects(tmp_path / "out")[0].read_bytes()
    never = ("ReferringPhysicianName", "InstitutionName", "OtherPatientIDs", "StationName", "OperatorsName")
    assert not [secret for secret in secrets(*never, "ProtocolName", "PatientAge") if secret in data]
    assert not [
        secret for secret in secrets("PatientName", "PatientBirthDate") if secret in texts(tmp_path / "out")
    ]


def say(kit, run, *opinions):
    store = kit.open_store(run)
    store.append(list(opinions))
    store.close()


def test_what_readers_drew_is_written(kit, series, tmp_path):
    """Also of another size than its image; and by whose hand."""
    source, masks, headers = series
    run = kit.make_run(source, tmp_path / "run")
    heart, spleen = STRUCTURES
    drawn_now = np.eye(*SIZE, dtype=bool)
    large = np.kron(np.eye(*SIZE, dtype=bool)[::-1], np.ones((2, 2), bool))
    seen = {"shown": "all", "masks": ["given", "suggested"]}
    say(
        kit,
        run,
        Opinion(
            "ct/0.dcm", "ann", "label", structure=heart, mask=kit.png(drawn_now), evidence={"shown": "image"}
        ),
        Opinion("ct/1.dcm", "ann", "label", structure=spleen, mask=kit.png(large), evidence=seen),
        Opinion("ct/2.dcm", "ann", "keep", structure=heart, evidence=seen),
        *(Opinion("ct/3.dcm", "ann", "unreadable", structure=name) for name in STRUCTURES),
    )
    written, (seg,) = export(kit, source, tmp_path)
    assert [one.SegmentAlgorithmType for one in seg.SegmentSequence] == ["MANUAL", "SEMIAUTOMATIC"]
    assert seg.SegmentSequence[1].SegmentAlgorithmName == "Overread"
    assert (written["left_out"], written["stretched"], written["changed"]) == (1, 2, 2)
    assert seg.ContentDescription.startswith("Masks as they stand, after entry 5 (")
    masks["ct/0.dcm"][heart], masks["ct/1.dcm"][spleen] = drawn_now, np.eye(*SIZE, dtype=bool)[::-1]
    masks.pop("ct/3.dcm")
    named = seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert headers["ct/3.dcm"].SOPInstanceUID not in {one.ReferencedSOPInstanceUID for one in named}
    check_data(tmp_path / "out", masks)
    left = pd.read_csv(tmp_path / "out" / "left-out.csv", keep_default_na=False)
    assert (left["id"][0], left[f"mask_{heart}"][0]) == ("ct/3.dcm", "")


def test_one_structure_with_a_long_name_and_nothing_drawn_any_more(kit, tmp_path):
    name = "left\\lung " + "very " * 20
    folder = tmp_path / "data"
    for z in range(2):
        write(folder / f"{z}.dcm", **placed((0, 0, z)))
        Image.fromarray(np.full(SIZE, 255, np.uint8)).save(folder / f"{z}.png")
    rows = [(f"{z}.dcm", f"{z}.png") for z in range(2)]
    pd.DataFrame(rows, columns=["image", f"mask_{name}"]).to_csv(folder / "cases.csv", index=False)
    run = kit.make_run(folder / "cases.csv", tmp_path / "run")
    structure = read(folder / "cases.csv", DataOptions()).manifest.classes[0]
    nothing = kit.png(np.zeros(SIZE, bool))
    say(kit, run, *(Opinion(f"{z}.dcm", "ann", "label", structure=structure, mask=nothing) for z in range(2)))
    _, (seg,) = export(kit, folder / "cases.csv", tmp_path)
    assert not seg.pixel_array.any()
    assert seg.NumberOfFrames == 2
    assert len(seg.SegmentSequence[0].SegmentLabel) <= 64
    assert seg.SegmentSequence[0].SegmentDescription == structure


def test_other_images_are_refused(kit, cases, said, tmp_path):
    run = kit.make_run(cases, tmp_path / "masks")
    with pytest.raises(
        InputError, match=r"(?s)3 of 3 images are not DICOM.*export --to masks, coco or nnunet"
    ):
        overread.export(run, tmp_path / "out", "dicom-seg")
    with pytest.raises(InputError, match="has labels of whole images, and no masks"):
        overread.export(said, tmp_path / "out", "dicom-seg")
    assert not (tmp_path / "out").exists()


def test_files_that_are_gone_changed_or_nameless(kit, series, tmp_path):
    source, _, _ = series
    run, folder = kit.make_run(source, tmp_path / "run"), source.parent / "ct"
    kept = (folder / "0.dcm").read_bytes()
    for damage, why in (
        (lambda: (folder / "0.dcm").unlink(), "does not exist"),
        (lambda: (folder / "0.dcm").write_bytes(kept[:200]), "0.dcm"),
        (
            lambda: write(folder / "0.dcm", PatientID="other", **placed((0, 0, 0))),
            "of another patient or series",
        ),
        (lambda: write(folder / "0.dcm", StudyInstanceUID=None), "lacks StudyInstanceUID"),
        (lambda: write(folder / "0.dcm", sop="1.2.840.10008.5.1.4.1.1.77.1.6"), "is a whole slide"),
    ):
        damage()
        with pytest.raises(InputError, match=why) as error:
            overread.export(run, tmp_path / "out", "dicom-seg")
        assert "PID" not in str(error.value)
        assert not (tmp_path / "out").exists()
        (folder / "0.dcm").write_bytes(kept)
    overread.export(run, tmp_path / "out", "dicom-seg")


def test_what_highdicom_refuses_is_told_without_its_words(kit, series, tmp_path, monkeypatch):
    def refuse(*arguments):
        raise ValueError("of PID-4711")

    source, _, _ = series
    monkeypatch.setattr("overread.exporting.dicom_seg.segmentation", refuse)
    with pytest.raises(InputError, match=r"1\.dcm: highdicom makes no segmentation of this image") as error:
        export(kit, source, tmp_path)
    assert "PID" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_library_that_is_missing_and_flags_that_do_not_fit(kit, series, tmp_path, monkeypatch):
    source, _, _ = series
    run = kit.make_run(source, tmp_path / "run")
    with pytest.raises(InputError, match="--patient full is for --to dicom-seg; --to masks names no patient"):
        overread.export(run, tmp_path / "out", "masks", patient="full")
    with pytest.raises(InputError, match=r"Unknown --patient 'fulll'. Did you mean 'full'"):
        overread.export(run, tmp_path / "out", "dicom-seg", patient="fulll")
    from overread.data.formats import extras

    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "highdicom" else True)
    with pytest.raises(
        InputError, match=r"written by highdicom, which needs an extra: pip install 'overread\[dicom\]'"
    ):
        overread.export(run, tmp_path / "out", "dicom-seg")


def test_the_command_line(kit, series, tmp_path, capsys):
    from overread.cli.main import main

    source, _, _ = series
    run = kit.make_run(source, tmp_path / "run")
    assert main(["export", str(run), "-o", str(tmp_path / "out"), "--to", "dicom-seg"]) == 0
    told = capsys.readouterr().out
    assert "1 DICOM segmentation of 1 series; as secret as the images: the patient's id is inside" in told
    record = json.loads((tmp_path / "out" / "export.json").read_text("utf-8"))
    assert record["files"] == ["labels.csv", "masks.csv", "segmentations"]
