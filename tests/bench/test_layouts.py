"""Data sets as their owners hand them out; what is wrong is told in a sentence, before anything trains."""

from __future__ import annotations

import csv
from collections import Counter

import pytest

from overread.benches import layouts
from overread.benches.running import bench
from overread.benches.sources import prepare
from overread.errors import InputError


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(lines)


def isic2017(root):
    for part, table in (("Training", "Training"), ("Validation", "Validation"), ("Test_v2", "Test_v2")):
        names = [f"ISIC_{table}{number}" for number in range(4)]
        truth = [
            ("image_id", "melanoma", "seborrheic_keratosis"),
            *((n, i % 2, 0) for i, n in enumerate(names)),
        ]
        write(root / f"ISIC-2017_{table}_Part3_GroundTruth.csv", truth)
        touch(*(root / f"ISIC-2017_{part}_Data" / f"{name}.jpg" for name in names))


def test_isic2017_keeps_its_owners_parts(tmp_path):
    isic2017(tmp_path)
    rows = layouts.isic2017(tmp_path)
    assert Counter(one["split"] for one in rows) == {"train": 4, "val": 4, "test": 4}
    assert [one["label"] for one in rows[:2]] == ["benign", "malignant"]


def test_all_that_is_missing_is_told_at_once(tmp_path):
    isic2017(tmp_path)
    (tmp_path / "ISIC-2017_Test_v2_Part3_GroundTruth.csv").unlink()
    (tmp_path / "ISIC-2017_Training_Data" / "ISIC_Training0.jpg").unlink()
    write(tmp_path / "ISIC-2017_Validation_Part3_GroundTruth.csv", [("image", "melanoma"), ("a", 1)])
    with pytest.raises(InputError) as told:
        layouts.isic2017(tmp_path)
    text = str(told.value)
    assert "Test_v2_Part3_GroundTruth.csv is not there" in text
    assert "Validation_Part3_GroundTruth.csv has no image_id" in text
    assert "1 of 4 files are not there" in text
    assert "ISIC_Training0.jpg" in text


def test_isic2019_parts_by_lesion(tmp_path):
    names = [f"ISIC_{number:04d}" for number in range(200)]
    truth = [("image", "MEL", "NV"), *((name, i % 2, 1 - i % 2) for i, name in enumerate(names))]
    write(tmp_path / "ISIC_2019_Training_GroundTruth.csv", truth)
    about = [("image", "lesion_id"), *((name, f"L{i // 4}") for i, name in enumerate(names))]
    write(tmp_path / "ISIC_2019_Training_Metadata.csv", about)
    touch(*(tmp_path / "ISIC_2019_Training_Input" / f"{name}.jpg" for name in names))
    rows = layouts.isic2019(tmp_path)
    counts = Counter(one["split"] for one in rows)
    assert counts["test"] == pytest.approx(40, abs=4)
    assert counts["val"] == pytest.approx(20, abs=4)
    split_of = {}
    for one in rows:
        assert split_of.setdefault(one["group"], one["split"]) == one["split"]
    assert {one["label"] for one in rows} == {"MEL", "NV"}


def test_nct_measures_on_the_owners_second_set(tmp_path):
    touch(*(tmp_path / "NCT-CRC-HE-100K" / kind / f"{n}.tif" for kind in ("ADI", "TUM") for n in range(20)))
    touch(*(tmp_path / "CRC-VAL-HE-7K" / kind / f"v{n}.tif" for kind in ("ADI", "TUM") for n in range(3)))
    rows = layouts.nct_crc(tmp_path)
    assert Counter(one["split"] for one in rows) == {"train": 36, "val": 4, "test": 6}
    with pytest.raises(InputError, match="holds no images in folders of classes"):
        layouts.nct_crc(tmp_path / "NCT-CRC-HE-100K")


def test_kaggle_dr_is_balanced_and_keeps_both_eyes_together(tmp_path):
    lines = [(f"{n}_{side}", 3 if n % 5 == 0 else 0) for n in range(100) for side in ("left", "right")]
    write(tmp_path / "trainLabels.csv", [("image", "level"), *lines])
    touch(*(tmp_path / "train" / f"{name}.jpeg" for name, _ in lines))
    rows = layouts.kaggle_dr(tmp_path)
    assert Counter(one["label"] for one in rows) == {"referable": 40, "not-referable": 40}
    eyes = {}
    for one in rows:
        assert eyes.setdefault(one["group"], one["split"]) == one["split"]


def test_shenzhen_splits_as_the_paper(tmp_path):
    for number in range(566):
        touch(
            tmp_path / "CXR_png" / f"CHNCXR_{number:04d}_0.png",
            tmp_path / "mask" / f"CHNCXR_{number:04d}_0_mask.png",
        )
    rows = layouts.shenzhen(tmp_path)
    assert Counter(one["split"] for one in rows) == {"train": 396, "test": 170}
    assert rows[0]["mask_lungs"].endswith("CHNCXR_0000_0_mask.png")
    with pytest.raises(InputError, match=r"there is no mask/\*_mask.png"):
        layouts.shenzhen(tmp_path / "CXR_png")


def test_jsrt_splits_as_the_paper_and_lungs_alone_are_lungs_alone(tmp_path):
    sides = ("left_lung", "right_lung", "heart", "left_clavicle", "right_clavicle")
    names = [f"{n:03d}.png" for n in range(247)]
    head = ("image", *(f"mask_{side}" for side in sides))
    write(tmp_path / "cases.csv", [head, *((name, *(f"{side}/{name}" for side in sides)) for name in names)])
    touch(*(tmp_path / name for name in names), *(tmp_path / side / name for side in sides for name in names))
    rows = layouts.jsrt(tmp_path)
    assert Counter(one["split"] for one in rows) == {"train": 165, "test": 82}
    assert [name for name in layouts.jsrt_lungs(tmp_path)[0] if name.startswith("mask_")] == [
        "mask_left_lung",
        "mask_right_lung",
    ]


def test_ham10000_and_chest_xray(tmp_path):
    ham, chest = tmp_path / "ham10000", tmp_path / "chest_xray"
    lines = [(f"images/{n}.jpg", ("mel", "nv")[n % 2], f"H{n}", "train") for n in range(4)]
    write(ham / "labels.csv", [("image", "diagnosis", "lesion_id", "split"), *lines])
    touch(*(ham / line[0] for line in lines))
    assert [one["label"] for one in layouts.ham10000_binary(ham)] == ["malignant", "benign"] * 2
    files = [f"train/{kind}/{n}.jpg" for kind in ("NORMAL", "PNEUMONIA_VIRAL") for n in range(20)]
    files += [f"test/{kind}/t{n}.jpg" for kind in ("NORMAL", "PNEUMONIA_VIRAL") for n in range(3)]
    touch(*(chest / file for file in files))
    patients = [
        (file, "shared" if file in ("train/NORMAL/0.jpg", "test/NORMAL/t0.jpg") else file) for file in files
    ]
    write(chest / "patients.csv", [("image", "patient"), *patients])
    rows = layouts.chest_xray(chest)
    assert {one["label"] for one in rows} == {"normal", "pneumonia"}
    assert len(rows) == len(files) - 1, "a patient of the test part does not train"
    assert {one["split"] for one in rows if one["group"] == "shared"} == {"test"}


def test_data_that_fit_no_layout_are_refused_before_anything_is_written(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(
        InputError, match=r"holds none of the folders .* isic2017/ \(ISIC 2017 part 3\), ham10000/"
    ):
        bench("ousm-table1", tmp_path / "out", data=tmp_path / "elsewhere", quiet=True)
    with pytest.raises(InputError, match="is no folder"):
        bench("ousm-table1", tmp_path / "out", data=tmp_path / "nowhere", quiet=True)
    (tmp_path / "elsewhere" / "isic2017").mkdir()
    with pytest.raises(InputError, match=r"Part3_GroundTruth.csv is not there"):
        bench("ousm-table1", tmp_path / "out", data=tmp_path / "elsewhere", quiet=True)
    assert not (tmp_path / "out").exists()


def test_a_part_or_a_class_that_lacks_is_told(tmp_path):
    isic2017(tmp_path / "isic2017")
    table = tmp_path / "isic2017" / "ISIC-2017_Test_v2_Part3_GroundTruth.csv"
    table.write_text(table.read_text().replace(",1,", ",0,"))
    with pytest.raises(InputError, match="The test part of ISIC 2017 part 3 lacks malignant"):
        prepare(layouts.ISIC2017, tmp_path / "out", tmp_path, {})
