"""Raw nnU-Net data sets: from imagesTr to slices with masks."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from overread.data.load import load
from overread.data.masks import open_masks, read_masks
from overread.data.options import DataOptions, parse_merge
from overread.data.read import read
from overread.data.task import task_of
from overread.errors import InputError


def said(path, **options):
    with pytest.raises(InputError) as caught:
        load(path, DataOptions(**options), 8, quiet=True)
    return str(caught.value)


def test_volumes_become_slices(nnunet):
    root = nnunet()
    reading, images = load(root, DataOptions(), 16, quiet=True)
    found = reading.manifest
    assert found.task == task_of(root, DataOptions()) == "segmentation"
    assert found.classes == ("liver", "tumour")
    assert found.masks.exclusive
    assert len(found) == len(images) == 12
    assert found.ids[5] == "imagesTr/case_1_0000.nii.gz#axial=1"
    assert list(found.group[:8]) == ["imagesTr/case_0_0000.nii.gz"] * 4 + ["imagesTr/case_1_0000.nii.gz"] * 4
    masks = read_masks(found.masks, found.root, 6)  # of case 1, slice 2
    truth = np.zeros((8, 9), int)
    truth[2:6, 1:7] = 1
    truth[3:5, 3:6] = 2
    assert np.array_equal(masks[0], (truth == 1)[::-1, ::-1].T)
    assert np.array_equal(masks[1], (truth == 2)[::-1, ::-1].T)
    small = open_masks(found.masks, found.root, 16)
    assert small.shape == (12, 2, 16, 16)
    assert not small[[0, 4]].any()
    assert "3 volumes are read as 12 axial slices" in "\n".join(reading.lines())


def test_where_the_mask_lies_can_be_written_down_and_read(nnunet, tmp_path):
    root = nnunet()
    manifest = read(root).manifest
    manifest.save(tmp_path / "manifest.csv")
    line = (tmp_path / "manifest.csv").read_text().splitlines()[2]
    assert f"{root}/labelsTr/case_0.nii.gz#axial=1&value=1," in line
    text = (tmp_path / "manifest.csv").read_text().replace(",given", "")
    (tmp_path / "again.csv").write_text(text)
    again = read(tmp_path / "again.csv").manifest
    assert again.classes == manifest.classes
    for row in (1, 6):
        one, other = (read_masks(each.masks, each.root, row) for each in (manifest, again))
        assert np.array_equal(one, other)


@pytest.mark.parametrize("plane", ["coronal", "sagittal"])
def test_other_planes(nnunet, plane):
    found = read(nnunet(axes="LPS"), DataOptions(plane=plane)).manifest
    assert len(found) == 3 * (9 if plane == "coronal" else 8)
    assert found.ids[1].endswith(f"#{plane}=1")
    assert read_masks(found.masks, found.root, 4).shape == (2, 4, 8 if plane == "coronal" else 9)


def test_a_window_stands_in_the_image_and_not_in_the_id(nnunet):
    found = read(nnunet(), DataOptions(window="50:100")).manifest
    assert found.images[0] == "imagesTr/case_0_0000.nii.gz#axial=0&window=50:100"
    assert found.ids[0] == "imagesTr/case_0_0000.nii.gz#axial=0"


def test_regions_and_ignore(nnunet):
    labels = {"background": 0, "whole": [1, 2], "core": [2], "ignore": 3}
    reading = read(nnunet(labels))
    assert reading.manifest.classes == ("whole", "core")
    assert not reading.manifest.masks.exclusive
    whole, core = read_masks(reading.manifest.masks, reading.manifest.root, 6)
    assert (whole & core).sum() == core.sum() == 6
    assert whole.sum() == 24
    assert "The number 3 ('ignore') is read as nothing drawn." in reading.notes


def test_labels_of_version_1_and_merging(nnunet):
    root = nnunet({"0": "background", "1": "liver", "2": "tumour"})
    assert read(root).manifest.classes == ("liver", "tumour")
    joined = read(root, DataOptions(merge=parse_merge(["organ=liver+tumour"]))).manifest
    assert joined.classes == ("organ",)
    assert read_masks(joined.masks, joined.root, 6).sum() == 24


def test_channels(nnunet):
    root = nnunet(channel_names={"0": "T1", "1": "T2"})
    for file in list((root / "imagesTr").iterdir()):
        shutil.copy(file, str(file).replace("_0000", "_0001"))
    reading = read(root)
    assert set(reading.manifest.group) == {f"imagesTr/case_{case}_0000.nii.gz" for case in range(3)}
    assert any("Channel 0 ('T1') of 2 is shown" in note for note in reading.notes)
    assert read(root, DataOptions(channel="T2")).manifest.images[0].startswith("imagesTr/case_0_0001")
    assert "--channel T3" in said(root, channel="T3")


def test_pictures_and_test_cases(tmp_path):
    rng = np.random.default_rng(0)
    for folder, count in (("Tr", 4), ("Ts", 2)):
        for sub in ("images", "labels"):
            (tmp_path / f"{sub}{folder}").mkdir()
        for case in range(count):
            colour = Image.fromarray(rng.integers(0, 255, (7, 9, 3), np.uint8))
            colour.save(tmp_path / f"images{folder}" / f"x_{case}_0000.png")
            labels = np.zeros((7, 9), np.uint8)
            labels[2:4, 1:5] = 1 + case % 2
            Image.fromarray(labels).save(tmp_path / f"labels{folder}" / f"x_{case}.png")
    names = {"0": "R", "1": "G", "2": "B"}
    plan = {"channel_names": names, "labels": {"background": 0, "a": 1, "b": 2}, "file_ending": ".png"}
    (tmp_path / "dataset.json").write_text(json.dumps(plan))
    found = read(tmp_path).manifest
    assert list(found.split) == ["train"] * 4 + ["test"] * 2
    assert read_masks(found.masks, found.root, 1)[:, 2, 2].tolist() == [False, True]
    shutil.rmtree(tmp_path / "labelsTs")
    reading = read(tmp_path)
    assert len(reading.manifest) == 4
    assert "2 images of imagesTs without labels left out." in reading.notes


def test_geometry_that_differs_is_refused_by_name(nnunet, nifti):
    root = nnunet()
    nifti(root / "labelsTr" / "case_1.nii.gz", np.ones((8, 9, 5), np.uint8))
    nifti(root / "labelsTr" / "case_2.nii.gz", np.ones((8, 9, 4), np.uint8), affine=np.diag([1, 2, 3.5, 1]))
    text = said(root)
    assert "2 of 6 images have masks that cannot be used" in text
    assert (
        "labelsTr/case_1.nii.gz: lies elsewhere than its image, 8 x 9 x 5 [1 0 0 0; 0 2 0 0; 0 0 3 0] and "
        in text
    )
    assert " and 8 x 9 x 4 [1 0 0 0; 0 2 0 0; 0 0 3 0]: resample it" in text
    assert "[1 0 0 0; 0 2 0 0; 0 0 3.5 0]" in text
    reading = read(root, DataOptions(on_bad_image="skip"))
    assert len(reading.manifest) == 4


def test_labels_between_whole_numbers_are_told_once_a_volume(nnunet, nifti):
    root = nnunet()
    nifti(root / "labelsTr" / "case_1.nii.gz", np.full((8, 9, 4), 0.5, np.float32))
    text = said(root)
    assert text.count("labelsTr/case_1.nii.gz: holds 0.5, but structures have whole numbers") == 1


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "names no structures"),
        ('{"labels": {"background": 0}}', "no structure but the background"),
        ('{"labels": {"background": 0, "a": "x"}}', "the label 'a' is 'x'"),
        ('{"labels": {"a": 0, "b": -1}}', "have no number above 0"),
        (
            '{"labels": {"a": 1}, "dataset": {"c": {"images": ["../../x.png"], "label": "/etc/passwd"}}}',
            "lead out",
        ),
        ('{"labels": {"a": 1}, "dataset": {"c": 5}}', "the case 'c'"),
        ("[" * 100_000, "cannot be read as JSON"),
    ],
)
def test_plans_that_cannot_be_used(nnunet, plan, why):
    root = nnunet()
    (root / "dataset.json").write_text(plan)
    assert why in said(root)


def test_cases_without_labels_and_flags_that_do_not_fit(nnunet):
    root = nnunet()
    (root / "labelsTr" / "case_1.nii.gz").unlink()
    assert "1 image has no file in labelsTr" in said(root)
    assert len(read(root, DataOptions(labels="optional")).manifest) == 12
    assert "--label-col" in said(root, label_col="x")
    assert "--task classification" in said(root, task="classification")
    shutil.rmtree(root / "imagesTr")
    (root / "imagesTr").mkdir()
    assert "imagesTr holds no case" in said(root)
