"""Numbers in masks that no structure has: none is passed over in silence."""

import json

import nibabel
import numpy as np
import pytest
from PIL import Image

from overread.cli.main import main
from overread.data.masks import read_masks
from overread.data.options import DataOptions
from overread.data.read import read
from overread.errors import InputError

RNG = np.random.default_rng(5)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("OVERREAD_CACHE", str(tmp_path_factory.mktemp("cache")))


def said(path, **options):
    with pytest.raises(InputError) as caught:
        read(path, DataOptions(**options))
    return str(caught.value)


def nifti(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([1, 2, 3, 1])), path)


@pytest.fixture
def volumes(tmp_path):
    """A raw nnU-Net set of 3 volumes 8 x 9 x 4 with 1 and 2, whose labels can be changed."""

    def write(change=lambda case, labels: None, **plan):
        for case in range(3):
            labels = np.zeros((8, 9, 4), np.uint8)
            labels[2:6, 1:7, 1:4] = 1
            labels[3:5, 3:5, 2] = 2
            change(case, labels)
            nifti(tmp_path / f"imagesTr/c{case}_0000.nii.gz", RNG.integers(0, 99, (8, 9, 4)).astype(np.int16))
            nifti(tmp_path / f"labelsTr/c{case}.nii.gz", labels)
        whole = {"labels": {"background": 0, "liver": 1, "tumour": 2}, "file_ending": ".nii.gz", **plan}
        (tmp_path / "dataset.json").write_text(json.dumps(whole))
        return tmp_path

    return write


def slip(case, labels):
    """Case 1: 7 in two slices, 9 in one of them; case 2: 3 in one."""
    if case == 1:
        labels[0, 0, 0:2], labels[1, 0, 1] = 7, 9
    if case == 2:
        labels[0, 0, 3] = 3


def test_a_volume_is_named_once_with_all_its_unnamed_numbers(volumes, capsys):
    root = volumes(slip)
    text = said(root)
    assert "3 of 12 images have masks that cannot be used:" in text
    why = "which dataset.json does not name (it has 0, 1, 2): name it there, or write 0 where nothing is"
    assert text.count("labelsTr/c1.nii.gz: ") == text.count("labelsTr/c2.nii.gz: ") == 1
    assert f"labelsTr/c1.nii.gz: holds 7, 9, {why}" in text
    assert f"labelsTr/c2.nii.gz: holds 3, {why}" in text
    assert text.count("Cure:") == 1
    assert "or leave these images out: --on-bad-image skip" in text
    assert main(["audit", str(root), "-o", str(root / "run")]) == 2
    assert "labelsTr/c1.nii.gz: holds 7, 9, " in capsys.readouterr().err
    assert not (root / "run").exists()


def test_the_slices_with_them_can_be_left_out(volumes):
    reading = read(volumes(slip), DataOptions(on_bad_image="skip"))
    assert len(reading.manifest) == 9
    assert sorted(image for image, _ in reading.left_out) == [
        "imagesTr/c1_0000.nii.gz#axial=0",
        "imagesTr/c1_0000.nii.gz#axial=1",
        "imagesTr/c2_0000.nii.gz#axial=3",
    ]
    assert (
        "mask labelsTr/c1.nii.gz#axial=0: holds 7, 9, which"
        in dict(reading.left_out)["imagesTr/c1_0000.nii.gz#axial=0"]
    )


def test_numbers_of_regions_and_the_one_to_ignore_are_named(volumes):
    labels = {"background": 0, "whole": [1, 2, 7], "core": [2], "odd": 9, "ignore": 3}
    assert len(read(volumes(slip, labels=labels)).manifest) == 12


def test_more_numbers_in_a_slice_than_the_facts_hold(volumes):
    def many(case, labels):
        if case == 0:
            labels.reshape(-1, 4)[:60, 0] = np.arange(60)

    labels = {"background": 0, **{f"s{number}": number for number in range(1, 60)}}
    assert len(read(volumes(many, labels=labels)).manifest) == 12
    del labels["s59"]
    assert "labelsTr/c0.nii.gz: holds 59, which dataset.json does not name" in said(
        volumes(many, labels=labels)
    )


def test_a_second_reading_opens_no_labels(volumes, monkeypatch):
    root = volumes(slip)
    one = said(root)
    monkeypatch.setattr("overread.data.formats.nifti._label_volume", None)
    assert said(root) == one


def test_indexed_pictures(tmp_path):
    for case in range(4):
        for folder, values in (
            ("imagesTr", RNG.integers(0, 99, (8, 9))),
            ("labelsTr", np.full((8, 9), case)),
        ):
            (tmp_path / folder).mkdir(exist_ok=True)
            end = "_0000.png" if folder == "imagesTr" else ".png"
            Image.fromarray(values.astype(np.uint8)).save(tmp_path / folder / f"x{case}{end}")
    plan = {"labels": {"background": 0, "a": 1, "b": 2}, "file_ending": ".png"}
    (tmp_path / "dataset.json").write_text(json.dumps(plan))
    assert "labelsTr/x3.png: holds 3, which dataset.json does not name" in said(tmp_path)


def table(root, columns, *labels):
    for row, values in enumerate(labels):
        nifti(root / f"i{row}.nii.gz", RNG.integers(0, 99, values.shape).astype(np.int16))
        nifti(root / f"m{row}.nii.gz", values)
    lines = [",".join(["image", *columns]), *(f"i{row}.nii.gz,m{row}.nii.gz" for row in range(len(labels)))]
    (root / "t.csv").write_text("\n".join(lines))
    return root / "t.csv"


def test_of_a_volume_for_one_structure_no_number_is_taken_for_a_grey(tmp_path):
    """0, 40 and 41: as 8 bits of grey, both would lie below half and nothing would be drawn."""
    labels = np.zeros((6, 6, 2), np.uint8)
    labels[0, 0], labels[1, 1] = 40, 41
    text = said(table(tmp_path, ["mask_heart"], labels))
    assert "m0.nii.gz: holds the numbers 0, 40, 41, but each file shows one structure here" in text


def test_every_number_of_a_volume_for_all_is_a_structure(tmp_path):
    """40 numbers in 4 slices: more than a picture may hold, which could be grey."""
    labels = np.zeros((6, 6, 4), np.uint8)
    labels.reshape(-1, 4)[:10] = np.arange(200, 240).reshape(10, 4)
    manifest = read(table(tmp_path, ["mask"], labels)).manifest
    assert manifest.classes == tuple(map(str, range(200, 240)))
    assert read_masks(manifest.masks, manifest.root, 1).sum((1, 2)).tolist() == [0, 1, 0, 0] * 10
    named = {"201": "heart", "*": "rest"}
    assert read(tmp_path / "t.csv", DataOptions(map_labels=named)).manifest.classes == ("rest", "heart")
    labels.reshape(-1, 4)[:34, 0] = np.arange(200, 234)
    assert "m0.nii.gz: holds" in said(table(tmp_path, ["mask"], labels))
