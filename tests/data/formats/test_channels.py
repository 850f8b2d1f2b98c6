"""Several channels of nnU-Net as one picture: from the flag to the network, the review page and the export."""

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from overread.data.formats import nifti as reader
from overread.data.images import upright_size
from overread.data.load import load
from overread.data.options import DataOptions
from overread.data.read import read
from overread.errors import InputError

NAMES = ("T1", "T2", "FLAIR", "PD")


def said(path, **options):
    with pytest.raises(InputError) as caught:
        load(path, DataOptions(**options), 8, quiet=True)
    return str(caught.value)


@pytest.fixture
def several(nnunet, nifti):
    """The set of 3 volumes 8 x 9 x 4 with as many channels, each its own noise."""

    def write(count=3, **plan):
        root = nnunet(channel_names={str(k): name for k, name in enumerate(NAMES[:count])}, **plan)
        rng = np.random.default_rng(1)
        for case in range(3):
            for channel in range(1, count):
                values = rng.integers(0, 1000, (8, 9, 4)).astype(np.int16)
                nifti(root / "imagesTr" / f"case_{case}_{channel:04d}.nii.gz", values)
        return root

    return write


def grey(root, case, channel, index, **part):
    path = str(root / "imagesTr" / f"case_{case}_{channel:04d}.nii.gz")
    return reader.picture(path, path, {"axial": str(index), **part})


@pytest.mark.parametrize("wanted", ["T1,T2,FLAIR", "all", "0, 1, 2"])
def test_three_are_red_green_and_blue(several, wanted):
    root = several()
    reading, images = load(root, DataOptions(channel=wanted), 9, quiet=True)
    found = reading.manifest
    assert found.images[5] == "imagesTr/case_1_0000.nii.gz#axial=1&channels=0000+0001+0002"
    assert found.ids[5] == "imagesTr/case_1_0000.nii.gz#axial=1"
    assert found.group[5] == "imagesTr/case_1_0000.nii.gz"
    assert (
        "3 of 3 channels are shown as one picture: 'T1' is red, 'T2' is green, 'FLAIR' is blue."
        in reading.notes
    )
    for colour in range(3):
        alone = load(root, DataOptions(channel=NAMES[colour]), 9, quiet=True)[1]
        assert np.array_equal(images[:][..., colour], alone[:][..., 0])
    assert upright_size(found.path(5), "image") == (9, 8)


def test_order_is_as_asked_and_of_two_blue_is_black(several):
    root = several(4)
    found = read(root, DataOptions(channel="FLAIR,T1", window="100:400")).manifest
    assert found.images[0] == "imagesTr/case_0_0002.nii.gz#axial=0&channels=0002+0000&window=100:400"
    from overread.data.contents import values_of_part

    values = values_of_part(found.path(0), "image")
    wanted = [grey(root, 0, channel, 0, window="100:400") for channel in (2, 0)]
    assert np.array_equal(values, np.dstack([*wanted, np.zeros((9, 8), np.uint8)]))


def test_what_is_not_understood(several):
    root = several(4)
    text = said(root, channel="all")
    assert "these are 4 channels ('T1', 'T2', 'FLAIR', 'PD'), and a picture has three colours" in text
    assert "--channel T1,T2,FLAIR" in text
    assert "dataset.json has no 'T3'. Known: FLAIR, PD, T1, T2." in said(root, channel="T1,T3")
    assert "a channel stands in it twice" in said(root, channel="T1,0")
    notes = read(root).notes
    assert any("Channel 0 ('T1') of 4 is shown" in note and "--channel A,B,C" in note for note in notes)


def test_a_channel_named_with_a_comma_or_all(several):
    root = several(2)
    plan = json.loads((root / "dataset.json").read_text())
    plan["channel_names"] = {"0": "T1,contrast", "1": "all"}
    (root / "dataset.json").write_text(json.dumps(plan))
    assert read(root, DataOptions(channel="T1,contrast")).manifest.images[0].endswith("_0000.nii.gz#axial=0")
    assert read(root, DataOptions(channel="all")).manifest.images[0].endswith("_0001.nii.gz#axial=0")


def test_channels_that_are_missing_or_lie_elsewhere(several, nifti):
    root = several()
    (root / "imagesTr" / "case_0_0001.nii.gz").unlink()
    nifti(root / "imagesTr" / "case_1_0002.nii.gz", np.zeros((8, 9, 5), np.int16))
    (root / "imagesTr" / "case_2_0001.nii.gz").write_bytes(b"no volume")
    text = said(root, channel="all")
    assert "imagesTr/case_0_0000.nii.gz: lacks a channel: there is no case_0_0001.nii.gz" in text
    assert "imagesTr/case_1_0000.nii.gz: its channel case_1_0002.nii.gz lies elsewhere, 8 x 9 x 5 [" in text
    assert "imagesTr/case_2_0000.nii.gz: the file is damaged" in text or "case_2_0001.nii.gz" in text
    assert text.count("Cure:") == 1


def test_a_channel_that_changes_is_read_again(several, nifti):
    root, options = several(2), DataOptions(channel="all")
    before = load(root, options, 9, quiet=True)[1][:]
    path = root / "imagesTr" / "case_0_0001.nii.gz"
    nifti(path, np.arange(8 * 9 * 4, dtype=np.int16).reshape(8, 9, 4))
    os.utime(path, (1, 1))  # older than all others
    after = load(root, options, 9, quiet=True)[1][:]
    assert not np.array_equal(before[0, ..., 1], after[0, ..., 1])
    assert np.array_equal(before[0, ..., 0], after[0, ..., 0])
    assert np.array_equal(before[4:], after[4:])


def pictures(root, count=2, colour=False):
    rng = np.random.default_rng(2)
    for folder in ("imagesTr", "labelsTr"):
        (root / folder).mkdir(parents=True)
    for case in range(4):
        for channel in range(count):
            values = rng.integers(0, 60000, (7, 9)).astype(np.uint16)
            if colour:
                values = rng.integers(0, 255, (7, 9, 3)).astype(np.uint8)
            Image.fromarray(values).save(root / "imagesTr" / f"x_{case}_{channel:04d}.png")
        Image.fromarray((np.arange(63).reshape(7, 9) > 30 + case).astype(np.uint8)).save(
            root / "labelsTr" / f"x_{case}.png"
        )
    names = {str(channel): NAMES[channel] for channel in range(count)}
    plan = {"channel_names": names, "labels": {"background": 0, "a": 1}, "file_ending": ".png"}
    (root / "dataset.json").write_text(json.dumps(plan))
    return root


def test_pictures_have_channels_too(tmp_path):
    root = pictures(tmp_path / "set")
    reading, images = load(root, DataOptions(channel="all"), 9, quiet=True)
    found = reading.manifest
    assert found.images[0] == "imagesTr/x_0_0000.png#channels=0000+0001"
    assert found.ids[0] == "imagesTr/x_0_0000.png"
    assert upright_size(found.path(0), "image") == (7, 9)
    for channel, name in enumerate(("T1", "T2")):
        alone = load(root, DataOptions(channel=name), 9, quiet=True)[1]
        assert np.abs(images[:][..., channel].astype(int) - alone[:][..., 0]).max() <= 1
    assert not images[:][..., 2].any()
    assert "is in colour: a channel has one number a pixel" in said(
        pictures(tmp_path / "colour", colour=True), channel="all"
    )
    Image.fromarray(np.zeros((7, 8), np.uint8)).save(root / "imagesTr" / "x_1_0001.png")
    assert "its channel x_1_0001.png has 8 x 7 pixels, the first one others" in said(root, channel="all")


def test_cases_that_the_plan_lists_itself(several):
    root = several(2)
    plan = json.loads((root / "dataset.json").read_text())
    names = [[f"imagesTr/case_{case}_{channel:04d}.nii.gz" for channel in range(2)] for case in range(3)]
    plan["dataset"] = {
        str(case): {"images": one, "label": f"labelsTr/case_{case}.nii.gz"} for case, one in enumerate(names)
    }
    (root / "dataset.json").write_text(json.dumps(plan))
    assert read(root, DataOptions(channel="all")).manifest.images[0].endswith("channels=0000+0001")
    shutil.copy(root / names[1][1], root / "imagesTr" / "other.nii.gz")
    names[1][1] = "imagesTr/other.nii.gz"
    (root / "dataset.json").write_text(json.dumps(plan))
    assert "the channels of the case '1' are shown together where their files are called" in said(
        root, channel="all"
    )
    assert len(read(root, DataOptions(channel="T2")).manifest) == 12


def test_files_without_numbers_have_no_other_channels(several):
    root = several(2)
    for file in sorted((root / "imagesTr").iterdir()):
        if file.name.endswith("_0000.nii.gz"):
            file.rename(str(file).replace("_0000", ""))
    (root / "imagesTr" / "case_0_0001.nii.gz").unlink()
    assert "case_0.nii.gz: is not called NAME_0000" in said(root, channel="all")


def test_an_address_in_a_table(several):
    root = several(2)
    rows = [
        f"imagesTr/case_{case}_0000.nii.gz#axial={k}&channels=0000+0001,{'ab'[case]}"
        for case in (0, 1)
        for k in (1, 2)
    ]
    (root / "table.csv").write_text("\n".join(["image,label", *rows]))
    _, images = load(root / "table.csv", DataOptions(), 9, quiet=True)
    assert images[:][..., 1].any()
    assert not images[:][..., 2].any()
