"""The story of docs/export.md: from `imagesTr` with wrong masks to a corrected nnU-Net folder, from the shell."""

from __future__ import annotations

import json

import numpy as np
import pytest

from overread.cli.main import main
from overread.data.phantom import draw, draw_view, render
from overread.store import Opinion

nibabel = pytest.importorskip("nibabel")
COUNT, SIZE = 10, 32


def write_set(root):
    """Thoraces of ten patients as volumes of two slices; the lungs of patient 3 are missing."""
    rng = np.random.default_rng(0)
    right = {}
    for number in range(COUNT):
        slices = [render(draw(rng, "normal"), draw_view(rng), SIZE) for _ in range(2)]
        masks = [one.masks["left_lung"] | one.masks["right_lung"] for one in slices]
        right[number] = np.stack(masks, -1).astype(np.uint8)
        given = np.zeros_like(right[number]) if number == 3 else right[number]
        image = np.stack([np.asarray(one.image).reshape(SIZE, SIZE, -1)[..., 0] for one in slices], -1)
        affine = np.diag([2.0, 2.0, 5.0, 1.0])
        for name, values in ((f"imagesTr/p{number}_0000", image), (f"labelsTr/p{number}", given)):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(values.astype(np.uint8), affine), root / f"{name}.nii.gz")
    plan = {"channel_names": {"0": "X-ray"}, "labels": {"background": 0, "lungs": 1}}
    plan |= {"numTraining": COUNT, "file_ending": ".nii.gz"}
    (root / "dataset.json").write_text(json.dumps(plan))
    return right


@pytest.mark.slow
def test_from_images_to_a_corrected_folder(kit, tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    right = write_set(tmp_path / "Dataset001_Thorax")
    small = [
        "--size",
        "32",
        "--epochs",
        "2",
        "--folds",
        "2",
        "--batch-size",
        "8",
        "--seed",
        "1",
        "--device",
        "cpu",
        "--quiet",
    ]
    assert main(["audit", "Dataset001_Thorax", "-o", "run", *small]) == 0
    store = kit.open_store(tmp_path / "run")
    for k in range(2):
        drawn = np.ascontiguousarray(right[3][::-1, ::-1, k].T)  # an axial slice as it is shown
        name = f"imagesTr/p3_0000.nii.gz#axial={k}"
        store.append(Opinion(name, "ann", "label", structure="lungs", mask=kit.png(drawn)))
    store.close()
    export = ["export", "run", "-o", "Dataset101_ThoraxCorrected", "--to", "nnunet"]
    assert main([*export, "--doubt", "ignore"]) == 0
    out = tmp_path / "Dataset101_ThoraxCorrected"
    plan = json.loads((out / "dataset.json").read_text())
    ignore = plan["labels"].get("ignore", -1)
    for number in range(COUNT):
        found = nibabel.load(out / "labelsTr" / f"p{number}.nii.gz")
        values = np.asarray(found.dataobj)
        assert np.array_equal(found.affine, np.diag([2.0, 2.0, 5.0, 1.0]))
        assert np.array_equal(values[values != ignore], right[number][values != ignore])
    assert np.array_equal(np.asarray(nibabel.load(out / "labelsTr" / "p3.nii.gz").dataobj), right[3])
    weights = (out / "case_weights.csv").read_text().splitlines()
    assert len(weights) == COUNT + 1
    assert weights[4].startswith("p3,1.0,2,2")  # verified by ann
