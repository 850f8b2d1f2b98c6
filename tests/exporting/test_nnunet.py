"""`--to nnunet`: a raw nnU-Net data set that its own integrity check accepts, and that reads as the run did."""

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

nibabel = pytest.importorskip("nibabel")
SHAPE = (9, 7, 5)
AFFINE = np.array([[-2.0, 0, 0, 30], [0, 0, 3.0, -20], [0, 1.5, 0, 10], [0, 0, 0, 1]])  # stored as L, S, A


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("OVERREAD_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def volumes(tmp_path):
    """A raw nnU-Net data set of six volumes with two channels; the liver (2) lies beside the tumour (1)."""

    def make(labels=None, numbers=(1, 2), **plan):
        root = tmp_path / "Dataset007_Liver"
        rng = np.random.default_rng(1)
        for case in range(6):
            drawn = np.zeros(SHAPE, np.uint8)
            drawn[1:7, 1:6, 1:4] = numbers[1]
            drawn[3:5, 2 : 4 + case % 2, 2] = numbers[0]
            for folder, name, values in (
                ("imagesTr", f"liver_{case}_0000", rng.integers(-500, 500, SHAPE).astype(np.int16)),
                ("imagesTr", f"liver_{case}_0001", rng.normal(size=SHAPE).astype(np.float32)),
                ("labelsTr", f"liver_{case}", drawn),
            ):
                (root / folder).mkdir(parents=True, exist_ok=True)
                nibabel.save(nibabel.Nifti1Image(values, AFFINE), root / folder / f"{name}.nii.gz")
        full = {
            "name": "Liver",
            "channel_names": {"0": "CT", "1": "PET"},
            "labels": labels or {"background": 0, "tumour": 1, "liver": 2},
            "numTraining": 6,
            "file_ending": ".nii.gz",
            **plan,
        }
        (root / "dataset.json").write_text(json.dumps(full), "utf-8")
        return root

    return make


def say(kit, run, *opinions):
    store = kit.open_store(run)
    store.append(list(opinions))
    store.close()


def labels_in(folder):
    return {
        path.name: np.asarray(nibabel.load(path).dataobj) for path in sorted((folder / "labelsTr").iterdir())
    }


@pytest.fixture
def check_integrity(kit):
    def check(folder):
        kit.accepted_by_nnunet(folder)
        return checked(folder)

    return check


def checked(folder):
    """What nnU-Net's `verify_dataset_integrity` demands, from its documentation: one label file a case, the same
    ending, shapes, spacings, origins and directions; numbers that are in dataset.json, which are consecutive."""
    plan = json.loads((folder / "dataset.json").read_text("utf-8"))
    ending, channels = plan["file_ending"], len(plan["channel_names"])
    cases = sorted(path.name.removesuffix(ending) for path in (folder / "labelsTr").iterdir())
    images = sorted(path.name for path in (folder / "imagesTr").iterdir())
    assert len(cases) == plan["numTraining"]
    in_one_file = ending == ".png"
    files = 1 if in_one_file else channels
    assert images == sorted(f"{case}_{channel:04d}{ending}" for case in cases for channel in range(files))
    named = [n if isinstance(n, list) else [n] for n in plan["labels"].values()]
    known = sorted({number for some in named for number in some})
    assert known == list(range(len(known)))
    assert plan["labels"]["background"] == 0
    assert plan["labels"].get("ignore", known[-1]) == known[-1]
    for case in cases:
        label = load(folder / "labelsTr" / f"{case}{ending}")
        assert set(np.unique(label[0])) <= set(known)
        for channel in range(files):
            values, affine = load(folder / "imagesTr" / f"{case}_{channel:04d}{ending}")
            assert values.shape[: label[0].ndim] == label[0].shape
            assert np.allclose(affine, label[1])
            if in_one_file:
                assert (values.shape[2] if values.ndim == 3 else 1) == channels
    return plan


def load(path):
    if path.suffix == ".png":
        with Image.open(path) as picture:
            return np.asarray(picture), np.eye(4)
    image = nibabel.load(path)
    return np.asarray(image.dataobj), image.affine


def test_volumes_come_back_as_they_were(kit, volumes, tmp_path, check_integrity):
    data = volumes()
    result = overread.export(kit.make_run(data, tmp_path / "run"), tmp_path / "out", "nnunet")
    plan = check_integrity(tmp_path / "out")
    assert plan["channel_names"] == {"0": "CT", "1": "PET"}
    assert (plan["labels"], plan["name"]) == ({"background": 0, "tumour": 1, "liver": 2}, "Liver")
    for name, before in labels_in(data).items():
        assert np.array_equal(labels_in(tmp_path / "out")[name], before)
        for channel in range(2):
            image = f"imagesTr/{name.removesuffix('.nii.gz')}_{channel:04d}.nii.gz"
            assert (tmp_path / "out" / image).read_bytes() == (data / image).read_bytes()
    assert result.record["written"]["cases"] == 6
    assert result.record["head"] is None
    folds = json.loads((tmp_path / "out" / "splits_final.json").read_text())
    assert sorted(name for fold in folds for name in fold["val"]) == [f"liver_{k}" for k in range(6)]
    assert all(not {*fold["train"]} & {*fold["val"]} for fold in folds)
    again = read(tmp_path / "out", DataOptions()).manifest
    assert again.classes == read(data, DataOptions()).manifest.classes


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_a_drawn_mask_reaches_its_voxels(kit, volumes, tmp_path, plane, check_integrity):
    data, options = volumes(), DataOptions(plane=plane)
    run = kit.make_run(data, tmp_path / "run", options)
    manifest = read(data, options).manifest
    row = [str(name) for name in manifest.ids].index(f"imagesTr/liver_1_0000.nii.gz#{plane}=2")
    before = read_masks(manifest.masks, manifest.root, row)
    mask = np.zeros(before.shape[1:], bool)
    mask[0, 1:4] = True
    say(kit, run, Opinion(str(manifest.ids[row]), "ann", "label", structure="tumour", mask=kit.png(mask)))
    record = overread.export(run, tmp_path / "out", "nnunet").record
    assert record["head"]["number"] == 1
    assert record["written"]["changed"] == 1
    check_integrity(tmp_path / "out")
    old, new = labels_in(data), labels_in(tmp_path / "out")
    changed = [name for name in old if not np.array_equal(old[name], new[name])]
    assert changed == ["liver_1.nii.gz"]
    after = read(tmp_path / "out", options).manifest
    found = read_masks(after.masks, after.root, row)
    tumour = manifest.classes.index("tumour")
    assert np.array_equal(found[tumour], mask)
    assert np.array_equal(found[1 - tumour], before[1 - tumour] & ~mask)
    assert (old["liver_1.nii.gz"] != new["liver_1.nii.gz"]).sum() == (before[tumour] ^ mask).sum()


def test_slices_that_cannot_be_read_are_ignored(kit, volumes, tmp_path, check_integrity):
    run = kit.make_run(volumes(), tmp_path / "run")
    first = "imagesTr/liver_{}_0000.nii.gz#axial={}".format
    whole = [Opinion(first(3, k), "ann", "out-of-scope") for k in range(SHAPE[1])]  # S is the second axis
    say(kit, run, Opinion(first(0, 2), "ann", "unreadable"), *whole)
    written = overread.export(run, tmp_path / "out", "nnunet").record["written"]
    plan = check_integrity(tmp_path / "out")
    assert plan["labels"]["ignore"] == 3
    found = labels_in(tmp_path / "out")
    assert "liver_3.nii.gz" not in found
    assert (found["liver_0.nii.gz"][:, 2] == 3).all()
    assert not (found["liver_0.nii.gz"][:, [0, 1, 3, 4, 5, 6]] == 3).any()
    assert written["ignored_pixels"] == SHAPE[0] * SHAPE[2]
    assert (written["cases"], written["left_out"]) == (5, SHAPE[1])


def test_what_was_ignored_stays_ignored(kit, volumes, tmp_path, check_integrity):
    data = volumes({"background": 0, "liver": 1, "ignore": 2}, numbers=(2, 1))
    overread.export(kit.make_run(data, tmp_path / "run"), tmp_path / "out", "nnunet")
    assert check_integrity(tmp_path / "out")["labels"] == {"background": 0, "liver": 1, "ignore": 2}
    for name, before in labels_in(data).items():
        assert np.array_equal(labels_in(tmp_path / "out")[name], before)


def test_regions_stay_regions(kit, volumes, tmp_path, check_integrity):
    labels = {"background": 0, "whole": [1, 2], "core": 1}
    data = volumes(labels, regions_class_order=[2, 1])
    overread.export(kit.make_run(data, tmp_path / "run"), tmp_path / "out", "nnunet")
    plan = check_integrity(tmp_path / "out")
    assert (plan["labels"], plan["regions_class_order"]) == (labels, [2, 1])
    for name, before in labels_in(data).items():
        assert np.array_equal(labels_in(tmp_path / "out")[name], before)


def doubts(run, ids, shape, where):
    from overread.file_names import names_of_files

    (run / "doubt").mkdir()
    picture = np.full(shape, 127, np.uint8)
    picture[where] = 128
    for name in names_of_files(ids):
        Image.fromarray(picture).save(run / "doubt" / f"{name}.png")


def test_pictures_doubt_and_weights(kit, cases, tmp_path, check_integrity):
    """Three pictures whose structures do not touch; the third is out of scope, the first is verified."""
    run = kit.make_run(cases, tmp_path / "run")
    ids = [f"images/{k}.png" for k in range(3)]
    doubts(run, ids, (8, 10), (slice(0, 2), slice(0, 2)))
    pd.DataFrame(
        [(name, s, p) for name in ids for s, p in (("heart", 0.5), ("lungs", 0.25))],
        columns=["id", "structure", "p_wrong"],
    ).to_csv(run / "suspects.csv", index=False)
    say(
        kit,
        run,
        *(Opinion(ids[0], "ann", "keep", structure=name) for name in ("heart", "lungs")),
        Opinion(ids[1], "ann", "keep", structure="heart"),
        Opinion(ids[2], "ann", "out-of-scope"),
    )
    written = overread.export(run, tmp_path / "out", "nnunet", doubt="ignore").record["written"]
    assert written["ignored_pixels"] == 4
    plan = check_integrity(tmp_path / "out")
    assert plan["labels"] == {"background": 0, "heart": 1, "lungs": 2, "ignore": 3}
    assert plan["channel_names"] == {"0": "image"}
    first, second = (load(tmp_path / "out" / "labelsTr" / f"{k}.png")[0] for k in range(2))
    assert np.array_equal(first == 1, kit.boxes(0)["heart"])
    assert np.array_equal(first == 2, kit.boxes(0)["lungs"])
    assert not (first == 3).any()
    assert (second[:2, :2] == 3).all()
    weights = pd.read_csv(tmp_path / "out" / "case_weights.csv", dtype={"case": str})
    assert weights.values.tolist() == [["0", 1.0, 2, 2], ["1", 0.75, 1, 2]]
    plain = overread.export(run, tmp_path / "plain", "nnunet").record["written"]
    assert plain["labels"] == {"background": 0, "heart": 1, "lungs": 2}


def test_colour_among_grey(kit, cases, tmp_path, check_integrity):
    Image.fromarray(np.arange(240, dtype=np.uint8).reshape(8, 10, 3)).save(cases / "images" / "1.png")
    overread.export(kit.make_run(cases, tmp_path / "run"), tmp_path / "out", "nnunet")
    plan = check_integrity(tmp_path / "out")
    assert plan["channel_names"] == {"0": "R", "1": "G", "2": "B"}
    assert load(tmp_path / "out" / "imagesTr" / "1_0000.png")[0].ravel().tolist() == list(range(240))


def redraw(cases, structure, masks):
    for number, mask in enumerate(masks):
        Image.fromarray(mask * np.uint8(255)).save(cases / structure / f"{number}.png")


def test_structures_that_lie_in_one_another_become_regions(kit, cases, tmp_path, check_integrity):
    """A heart inside the lungs, as a tumour in its organ."""
    inner = [np.pad(np.ones((1, 2 + k), bool), ((3, 4), (5, 3 - k))) for k in range(2)]
    redraw(cases, "heart", inner)
    overread.export(kit.make_run(cases, tmp_path / "run"), tmp_path / "out", "nnunet")
    plan = check_integrity(tmp_path / "out")
    assert plan["labels"] == {"background": 0, "lungs": [1, 2], "heart": 2}
    assert plan["regions_class_order"] == [1, 2]
    after = read(tmp_path / "out", DataOptions()).manifest
    for number, mask in enumerate(inner):
        found = dict(zip(after.classes, read_masks(after.masks, after.root, number), strict=True))
        assert np.array_equal(found["heart"], mask)
        assert np.array_equal(found["lungs"], kit.boxes(number)["lungs"])


def test_structures_that_cross_are_refused(kit, cases, tmp_path):
    redraw(cases, "heart", [np.eye(8, 10, dtype=bool)] * 2)
    with pytest.raises(
        InputError, match=r"without one holding the other(.|\n)*'heart' and 'lungs'(.|\n)*--to coco"
    ):
        overread.export(kit.make_run(cases, tmp_path / "run"), tmp_path / "out", "nnunet")
    assert not (tmp_path / "out").exists()


def test_what_is_refused(kit, cases, run, tmp_path):
    with pytest.raises(InputError, match=r"has labels of whole images, and no masks"):
        overread.export(run, tmp_path / "out", "nnunet")
    masks = kit.make_run(cases, tmp_path / "masks")
    with pytest.raises(InputError, match=r"3 of 3 images of .* have no doubt map.*`overread audit` of masks"):
        overread.export(masks, tmp_path / "out", "nnunet", doubt="ignore")
    with pytest.raises(InputError, match=r"--doubt ignore is for --to nnunet, which can ignore pixels"):
        overread.export(masks, tmp_path / "out", "masks", doubt="ignore")
    with pytest.raises(InputError, match=r"Unknown --doubt 'ignored'. Did you mean 'ignore'"):
        overread.export(masks, tmp_path / "out", "nnunet", doubt="ignored")
    for number in range(3):
        say(kit, masks, Opinion(f"images/{number}.png", "ann", "unreadable"))
    with pytest.raises(InputError, match=r"No image of .* has a mask to learn from"):
        overread.export(masks, tmp_path / "out", "nnunet")


def test_a_run_on_several_channels_gives_all_of_them_back(kit, volumes, tmp_path, check_integrity):
    data = volumes()
    options = DataOptions(channel="PET,CT")
    overread.export(kit.make_run(data, tmp_path / "run", options), tmp_path / "out", "nnunet")
    check_integrity(tmp_path / "out")
    for file in sorted((data / "imagesTr").iterdir()):
        assert (tmp_path / "out" / "imagesTr" / file.name).read_bytes() == file.read_bytes()
    for name, before in labels_in(data).items():
        assert np.array_equal(labels_in(tmp_path / "out")[name], before)


def test_and_so_do_pictures(kit, tmp_path):
    root, rng = tmp_path / "set", np.random.default_rng(0)
    for folder in ("imagesTr", "labelsTr"):
        (root / folder).mkdir(parents=True)
    for case in range(3):
        for channel in range(2):
            grey = rng.integers(0, 60000, (7, 9)).astype(np.uint16)
            Image.fromarray(grey).save(root / "imagesTr" / f"c_{case}_{channel:04d}.png")
        drawn = (np.arange(63).reshape(7, 9) > 30 + case).astype(np.uint8)
        Image.fromarray(drawn).save(root / "labelsTr" / f"c_{case}.png")
    plan = {"channel_names": {"0": "A", "1": "B"}, "labels": {"background": 0, "a": 1}, "file_ending": ".png"}
    (root / "dataset.json").write_text(json.dumps(plan))
    run = kit.make_run(root, tmp_path / "run", DataOptions(channel="all"))
    overread.export(run, tmp_path / "out", "nnunet")
    for folder in ("imagesTr", "labelsTr"):
        for file in sorted((root / folder).iterdir()):
            found = (load(path)[0] for path in (file, tmp_path / "out" / folder / file.name))
            assert np.array_equal(*found), file.name
    assert (
        json.loads((tmp_path / "out" / "dataset.json").read_text())["channel_names"] == plan["channel_names"]
    )
    overread.export(run, tmp_path / "coco", "coco")  # there they are pictures of three colours, written anew
    with Image.open(sorted((tmp_path / "coco" / "images").iterdir())[0]) as picture:
        assert picture.mode == "RGB"
