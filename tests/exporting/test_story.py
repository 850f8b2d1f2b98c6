"""The story of docs/export.md, line by line: from `imagesTr` with wrong masks to a corrected nnU-Net folder.

The check that is nnU-Net's own runs where OVERREAD_NNUNET names a Python that has it (scripts/nnunet_integrity.py).
"""

from __future__ import annotations

import csv
import json
import re
import shlex
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from overread.cli.main import main
from overread.data.address import split_address
from overread.data.phantom import draw, draw_view, render
from overread.reviewing.app import application, names_for
from overread.reviewing.opening import opened
from overread.reviewing.settings import ReviewSettings

nibabel = pytest.importorskip("nibabel")
DOCS = Path(__file__).parent.parent.parent / "docs" / "export.md"
ADDRESS = "http://127.0.0.1:8765"
COUNT, SIZE, DEPTH, EMPTY = 10, 32, 2, 3
AFFINE = np.diag([2.0, 2.0, 5.0, 1.0])
SMALL = [
    "--size",
    "32",
    "--epochs",
    "6",
    "--folds",
    "2",
    "--batch-size",
    "4",
    "--seed",
    "1",
    "--device",
    "cpu",
]


def documented():
    """The five lines, each as its arguments."""
    block = re.search(
        r"^```\n(overread audit Dataset.*?)^```$", DOCS.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    return [shlex.split(line) for line in block[1].splitlines()]


def write_set(root):
    """Thoraces of ten patients as volumes of two slices, in the numbers of CT; no lungs are drawn of patient 3."""
    rng, right = np.random.default_rng(0), {}
    for number in range(COUNT):
        slices = [render(draw(rng, "normal"), draw_view(rng), SIZE) for _ in range(DEPTH)]
        masks = [one.masks["left_lung"] | one.masks["right_lung"] for one in slices]
        right[number] = np.stack(masks, -1).astype(np.uint8)
        given = np.zeros_like(right[number]) if number == EMPTY else right[number]
        grey = np.stack([np.asarray(one.image).reshape(SIZE, SIZE, -1)[..., 0] for one in slices], -1)
        image = (grey.astype(np.float32) / 255 * 400 - 160).astype(np.int16)  # what --window 40:400 shows
        for name, values in ((f"imagesTr/p{number}_0000", image), (f"labelsTr/p{number}", given)):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(values, AFFINE), root / f"{name}.nii.gz")
    plan = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "lungs": 1}}
    plan |= {"numTraining": COUNT, "file_ending": ".nii.gz"}
    (root / "dataset.json").write_text(json.dumps(plan))
    return right


def shown(volume, index):
    """An axial slice as it is shown."""
    return np.ascontiguousarray(volume[::-1, ::-1, index].T)


def read_as_expert(run, right, png):
    """Somebody who knows keeps what is right and draws what is missing, on the page that `overread review` serves."""
    review, _ = opened(run, ReviewSettings())
    app = application(review, ADDRESS, names_for("127.0.0.1", None))
    page = TestClient(app, base_url=ADDRESS, headers={"origin": ADDRESS})
    token, _ = review.accounts.invite("ann", ("reader",))
    assert page.post("/api/session", json={"token": token}).status_code == 200
    page.headers["x-csrf-token"] = page.get("/api/session").json()["csrf"]
    images = {str(item): str(name) for item, name in enumerate(review.source.images)}
    drawn = []
    while items := page.get("/api/next", params={"ahead": 0}).json()["items"]:
        image, part = split_address(images[items[0]["item"].partition(".")[0]])
        case, index = int(re.search(r"p(\d+)_0000", image)[1]), int(part["axial"])
        answer = {"ticket": items[0]["ticket"], "outcome": "keep"}
        if case == EMPTY:
            mask = b64encode(png(shown(right[case], index))).decode()
            answer |= {"outcome": "label", "mask": mask}
            drawn.append(index)
        assert page.post("/api/answers", json=answer).status_code == 200
    review.close()
    return drawn


def test_the_documented_lines(kit, tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    audit, review, export, nnunet, copy = documented()
    data, out = tmp_path / audit[2], tmp_path / export[export.index("-o") + 1]
    right = write_set(data)
    assert main([*audit[1:], *SMALL, "--quiet"]) == 0
    with (tmp_path / "run" / "suspects.csv").open(newline="") as file:
        suspects = list(csv.DictReader(file))
    found = {line["id"] for line in suspects[:DEPTH]}
    assert found == {f"imagesTr/p{EMPTY}_0000.nii.gz#axial={k}" for k in range(DEPTH)}  # the wrong ones lead
    assert review == ["overread", "review", "run"]
    assert sorted(read_as_expert(tmp_path / "run", right, kit.png)) == [0, 1]
    assert main(export[1:]) == 0
    ignore = json.loads((out / "dataset.json").read_text())["labels"].get("ignore", -1)
    for number in range(COUNT):
        label = nibabel.load(out / "labelsTr" / f"p{number}.nii.gz")
        values = np.asarray(label.dataobj)
        assert np.array_equal(label.affine, AFFINE)
        assert np.array_equal(values[values != ignore], right[number][values != ignore])
        image = f"imagesTr/p{number}_0000.nii.gz"
        assert (out / image).read_bytes() == (data / image).read_bytes()
    corrected = np.asarray(nibabel.load(out / "labelsTr" / f"p{EMPTY}.nii.gz").dataobj)
    assert np.array_equal(corrected, right[EMPTY])
    weights = (out / "case_weights.csv").read_text().splitlines()
    assert len(weights) == COUNT + 1
    assert weights[1 + EMPTY].startswith(f"p{EMPTY},1.0,2,2")  # verified by ann
    kit.accepted_by_nnunet(out)
    assert nnunet[:3] == ["nnUNetv2_plan_and_preprocess", "-d", out.name[7:10].lstrip("0")]
    assert (tmp_path / copy[1]).is_file()  # the folds of patients


def test_nothing_but_the_documented_lines_is_needed(tmp_path):
    assert [line[0] for line in documented()] == ["overread"] * 3 + ["nnUNetv2_plan_and_preprocess", "cp"]
