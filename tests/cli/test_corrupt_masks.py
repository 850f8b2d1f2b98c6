"""`overread corrupt` on masks: what it writes is DATA again, with the true masks beside the given ones."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import overread
from overread.cli.main import main
from overread.data.masks import read_masks
from overread.data.options import DataOptions
from overread.data.read import read
from overread.noise.masks import dice
from overread.noise.morphology import ErodeDilate
from overread.noise.structures import Missing

N, SHAPE = 12, (40, 48)
NAMES = ("left lung", "right lung", "heart.v2")
OWN = """
from dataclasses import dataclass
from typing import ClassVar

@dataclass(frozen=True)
class Everything:
    rate: float
    task: ClassVar[str] = "segmentation"

    def draw(self, mask, rng):
        return mask | True, {"note": "all"}
"""


def box(row: int, structure: int) -> np.ndarray:
    """The true mask: squares of their own size, and a small heart that is not drawn in every third image."""
    mask = np.zeros(SHAPE, bool)
    y, x, side = ((4, 4, 18), (4, 26, 16), (28, 20, 7))[structure]
    mask[y : y + side, x : x + side + row % 3] = structure < 2 or row % 3 > 0
    return mask


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("OVERREAD_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """12 images whose names are hard to handle, three structures, two images a patient; empty cells are no file."""
    folder = tmp_path / "my data, ünicode"
    rows = []
    for row in range(N):
        image = f"{'ab'[row % 2]}/scan {row // 2}.v1.png"
        cells = {"image": image}
        for number, name in enumerate(NAMES):
            mask, file = box(row, number), f"m{number}/{row}.png"
            for path, pixels in ((image, np.full(SHAPE, row * 9)), (file, mask * 255)):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels.astype(np.uint8)).save(folder / path)
            cells[f"mask_{name}"] = file if mask.any() else ""
        rows.append({**cells, "group": f"p{row // 2}", "split": "train" if row < 8 else "test"})
    pd.DataFrame(rows).to_csv(folder / "data.csv", index=False)
    return folder / "data.csv"


def run(table: Path, out: Path, *more: str) -> int:
    return main(["corrupt", str(table), "-o", str(out), "--quiet", *more])


def labels(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "labels.csv", dtype=str, keep_default_na=False)


def record(out: Path) -> dict:
    return json.loads((out / "noise.json").read_text(encoding="utf-8"))


def masks(source: Path, **options) -> tuple[list, list | None]:
    """Given and true masks of every row, as read from disk."""
    manifest = read(source, DataOptions(**options)).manifest
    kinds = (manifest.masks, manifest.true_masks)
    return tuple(
        None if files is None else [read_masks(files, manifest.root, row) for row in range(len(manifest))]
        for files in kinds
    )


def test_what_is_written(table, tmp_path, capsys):
    out = tmp_path / "noisy"
    more = ["--set", "direction=dilate", "--set", "pixels=6,13"]
    assert run(table, out, "--noise", "erode-dilate", "--rate", "0.5", *more) == 0
    assert "6 of 12 images have wrong masks now (50.0%)." in capsys.readouterr().out
    assert sorted(os.listdir(out)) == ["labels.csv", "masks", "noise.json", "true_masks"]
    written, source = labels(out), pd.read_csv(table, dtype=str, keep_default_na=False)
    given, true = ([f"{kind}_{name}" for name in NAMES] for kind in ("mask", "true_mask"))
    assert list(written) == ["image", *given, *true, "group", "split"]
    assert written[["group", "split"]].equals(source[["group", "split"]])
    cells = written[[*given, *true]].to_numpy().ravel()
    assert len(set(cells)) == len(cells) == 6 * N
    for cell in cells:
        picture = Image.open(out / cell)
        assert (picture.mode, picture.size) == ("L", SHAPE[::-1])
        assert set(np.unique(picture)) <= {0, 255}
    assert cells[0] == "masks/left_lung/a_scan_0.v1.png"


def test_it_is_data_again_with_the_truth(table, tmp_path, monkeypatch):
    out = tmp_path / "deep" / "er" / "noisy"
    assert run(table, out, "--noise", "erode-dilate", "--rate", "0.25", "--seed", "2") == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    before, after = read(table).manifest, read(out).manifest
    assert after.task == "segmentation"
    assert after.classes == before.classes == NAMES
    assert [after.path(row).resolve() for row in range(N)] == [before.path(row).resolve() for row in range(N)]
    given, true = masks(out)
    for row in range(N):
        np.testing.assert_array_equal(true[row], [box(row, number) for number in range(3)])
    wrong = {str(before.ids[row]) for row in range(N) if (given[row] != true[row]).any()}
    assert wrong == set(record(out)["images"])
    assert len(wrong) == 3


def test_the_record_is_what_happened(table, tmp_path):
    out = tmp_path / "noisy"
    assert run(table, out, "--noise", "erode-dilate", "--rate", "1", "--set", "pixels=13,13") == 0
    found = record(out)
    assert (found["noise"], found["seed"], found["structures"]) == ("erode-dilate", 0, list(NAMES))
    assert found["parameters"] == {"rate": 1.0, "pixels": [13, 13], "direction": "both", "element": "disk"}
    given, true = masks(out)
    emptied = np.zeros(3, int)
    for row, image in enumerate(found["images"].values()):
        assert image["pixels"] == 13
        assert image["mask_pixels"] == pytest.approx(13 * (40 * 48) ** 0.5 / 256)
        grows = given[row].sum() > true[row].sum()
        assert image["direction"] == ("dilate" if grows else "erode")
        assert list(image["dice"].values()) == pytest.approx(dice(given[row], true[row]), abs=1e-4)
        gone = true[row].any((1, 2)) & ~given[row].any((1, 2))
        assert image["emptied"] == [name for name, flag in zip(NAMES, gone, strict=True) if flag]
        emptied += gone
    assert {image["direction"] for image in found["images"].values()} == {"erode", "dilate"}
    counts = found["changed"]["per_structure"]
    assert [counts[name]["emptied"] for name in NAMES] == emptied.tolist()
    means = np.mean([list(image["dice"].values()) for image in found["images"].values()], axis=0)
    assert [counts[name]["dice"] for name in NAMES] == pytest.approx(means.tolist())
    assert counts["heart.v2"]["changed"] == 8  # of the others nothing was drawn


def test_structures_that_vanish_are_counted_and_told(table, tmp_path, capsys):
    more = ["--set", "pixels=25,25", "--set", "direction=erode"]
    assert run(table, tmp_path / "noisy", "--noise", "erode-dilate", "--rate", "1", *more) == 0
    shown = capsys.readouterr().out
    assert "Nothing is left of heart.v2 in 8 of them." in shown
    assert "mean of those drawn: left lung 0." in shown


def test_images_in_which_nothing_could_change_are_told(table, tmp_path, capsys):
    more = ["--noise", "erode-dilate", "--set", "pixels=0,0", "--rate", "0.5", "--json"]
    assert run(table, tmp_path / "json", *more) == 0
    changed = json.loads(capsys.readouterr().out)["changed"]
    assert (changed["drawn"], changed["changed"], changed["rate"]) == (6, 0, 0.0)
    assert run(table, tmp_path / "noisy", *more[:-1]) == 0
    assert "6 more were drawn, but there the noise finds nothing to change." in capsys.readouterr().out


def test_rate_zero_changes_nothing(table, tmp_path, capsys):
    assert run(table, tmp_path / "same", "--noise", "shift", "--rate", "0") == 0
    assert "0 of 12 images have wrong masks now (0.0%).\nLabels" in capsys.readouterr().out
    given, true = masks(tmp_path / "same")
    np.testing.assert_array_equal(given, true)
    assert record(tmp_path / "same")["images"] == {}


def test_only_the_training_part_is_changed(table, tmp_path, capsys):
    out = tmp_path / "noisy"
    assert run(table, out, "--noise", "swap", "--rate", "0.5", "--only", "train") == 0
    assert "4 of 8 images of train have wrong masks now (50.0%)." in capsys.readouterr().out
    given, true = masks(out)
    wrong = [bool((g != t).any()) for g, t in zip(given, true, strict=True)]
    assert sum(wrong[:8]) == 4
    assert not any(wrong[8:])
    assert all(
        sorted(image["structures"]) == ["left lung", "right lung"] for image in record(out)["images"].values()
    )


def test_only_the_test_part_is_changed(table, tmp_path):
    out = tmp_path / "noisy"
    assert run(table, out, "--noise", "shift", "--rate", "1", "--only", "test") == 0
    given, true = masks(out)
    assert [bool((g != t).any()) for g, t in zip(given, true, strict=True)] == [False] * 8 + [True] * 4


def test_the_seed_decides_and_rates_are_nested(table, tmp_path):
    found = {}
    for name, rate, seed in (("a", "0.25", "1"), ("b", "0.25", "1"), ("c", "0.25", "2"), ("d", "0.5", "1")):
        assert run(table, tmp_path / name, "--noise", "shift", "--rate", rate, "--seed", seed) == 0
        found[name] = record(tmp_path / name)["images"]
    assert found["a"] == found["b"] != found["c"]
    assert found["a"].items() < found["d"].items()


def test_merged_structures_get_one_mask(table, tmp_path):
    out = tmp_path / "noisy"
    merge = ["--merge", "lungs=left lung+right lung"]
    assert run(table, out, "--noise", "missing", "--rate", "0", *merge) == 0
    assert read(out).manifest.classes == ("lungs", "heart.v2")
    _, true = masks(out)
    np.testing.assert_array_equal(true[1][0], box(1, 0) | box(1, 1))


def test_structures_that_exclude_each_other_stay_so(table, tmp_path, capsys):
    out = tmp_path / "noisy"
    more = ["--structures", "exclusive", "--set", "direction=dilate", "--set", "pixels=30,30"]
    assert run(table, out, "--noise", "erode-dilate", "--rate", "1", *more) == 0
    assert "exclude each other: read OUT with --structures exclusive" in capsys.readouterr().out
    given, true = masks(out)
    assert np.sum(given, axis=1).max() == 1
    assert np.sum(given) > 2 * np.sum(true)
    assert record(out)["exclusive"]
    again, _ = masks(out, structures="exclusive")
    np.testing.assert_array_equal(given, again)


def test_an_indexed_mask(tmp_path):
    rows = ["image,mask"]
    for row in range(4):
        indexed = sum((number + 1) * box(row, number).astype(np.uint8) for number in range(3))
        for name, pixels in ((f"{row}.png", np.full(SHAPE, row)), (f"m{row}.png", indexed)):
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / name)
        rows.append(f"{row}.png,m{row}.png")
    (tmp_path / "data.csv").write_text("\n".join(rows))
    result = overread.corrupt(tmp_path / "data.csv", tmp_path / "noisy", Missing(0.5), quiet=True)
    assert result.record["exclusive"]
    assert read(tmp_path / "noisy").manifest.classes == ("1", "2", "3")
    assert result.record["changed"]["changed"] == 2
    given, true = masks(tmp_path / "noisy")
    assert np.sum([(g != t).any((1, 2)) for g, t in zip(given, true, strict=True)]) == 2


def test_a_noise_of_the_users_own(table, tmp_path, capsys):
    own = tmp_path / "own.py"
    own.write_text(OWN)
    assert run(table, tmp_path / "noisy", "--noise", f"{own}:Everything", "--rate", "0.5") == 0
    for image in record(tmp_path / "noisy")["images"].values():
        assert (image["note"], image["changed"], image["emptied"]) == ("all", list(NAMES), [])
    own.write_text(OWN.replace("Everything", "Half").replace("mask | True", "mask[:, ::2]"))
    (tmp_path / "half.py").write_text(own.read_text())
    assert run(table, tmp_path / "half", "--noise", f"{tmp_path}/half.py:Half", "--rate", "0.5") == 2
    assert "Half.draw returned bool (3, 20, 48), expected bool (3, 40, 48)" in capsys.readouterr().err


def test_the_noise_of_ones_own_in_the_docs(table, tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "noise.md").read_text("utf-8")
    (source,) = re.findall(r"^```python holes.py\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "holes.py").write_text(source)
    own = f"{tmp_path}/holes.py:Holes"
    assert run(table, tmp_path / "noisy", "--noise", own, "--rate", "1", "--set", "share=0.3") == 0
    given, true = masks(tmp_path / "noisy")
    assert np.sum(given) / np.sum(true) == pytest.approx(0.7, abs=0.03)
    lost = [image["lost"] for image in record(tmp_path / "noisy")["images"].values()]
    assert sum(lost) == np.sum(true) - np.sum(given)


def test_noise_on_noise_is_refused(table, tmp_path, capsys):
    assert run(table, tmp_path / "first", "--noise", "shift", "--rate", "0.25") == 0
    assert run(tmp_path / "first", tmp_path / "second", "--noise", "shift", "--rate", "0.25") == 2
    assert "in 3 of 12 images a true mask differs from the given one" in capsys.readouterr().err
    assert not (tmp_path / "second").exists()
    assert run(table, tmp_path / "clean", "--noise", "shift", "--rate", "0") == 0
    assert run(tmp_path / "clean", tmp_path / "third", "--noise", "shift", "--rate", "0.25") == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ["--rate", "0.2"],
            "Noise 'symmetric' makes labels wrong, and these data have masks. Noises for masks: erode",
        ),
        (["--noise", "shift"], "Noise 'shift' needs --rate, the share of images to make wrong"),
        (
            ["--noise", "shift", "--rate", "0.2", "--long-tail", "10"],
            "--long-tail counts the labels of images",
        ),
        (["--noise", "shift", "--rate", "0.2", "--only", "tain"], "Did you mean 'train'?"),
        (["--noise", "erode-dilate", "--rate", "0.2", "--set", "pixel=3,4"], "Did you mean 'pixels'?"),
        (
            ["--noise", "swap", "--rate", "0.2", "--merge", "all=left lung+right lung+heart.v2"],
            "'swap' exchanges two structures, and these masks have one",
        ),
    ],
)
def test_wrong_choices_write_nothing(table, tmp_path, more, message, capsys):
    assert run(table, tmp_path / "noisy", *more) == 2
    assert message in capsys.readouterr().err
    assert os.listdir(tmp_path) == [table.parent.name]


def test_a_noise_of_masks_on_labels(table, tmp_path, capsys):
    rows = pd.read_csv(table)[["image"]].assign(label=["a", "b"] * 6)
    rows.to_csv(table.parent / "labels.csv", index=False)
    assert run(table.parent, tmp_path / "noisy", "--noise", "swap", "--rate", "0.2") == 2
    shown = capsys.readouterr().err
    assert "Noise 'swap' makes masks wrong, and these data have labels. Noises for labels: symmetric" in shown


def test_masks_that_cannot_be_read(table, tmp_path, capsys):
    (table.parent / "m0" / "3.png").write_bytes(b"nothing")
    (table.parent / "m1" / "5.png").write_bytes((table.parent / "m1" / "5.png").read_bytes()[:40])
    choice = ("--noise", "erode-dilate", "--set", "direction=dilate", "--rate", "0.5")
    assert run(table, tmp_path / "noisy", *choice) == 2
    shown = capsys.readouterr().err
    assert "m0/3.png" in shown
    assert "m1/5.png" in shown
    assert not (tmp_path / "noisy").exists()
    assert run(table, tmp_path / "noisy", *choice, "--on-bad-image", "skip") == 0
    assert len(labels(tmp_path / "noisy")) == N - 2
    assert record(tmp_path / "noisy")["changed"]["drawn"] == 5


def test_a_disk_that_is_too_small(table, tmp_path, monkeypatch, capsys):
    """12 images with 3 structures, given and true: 72 files of at least 4 KiB."""
    choice = ("--noise", "shift", "--rate", "0.5")
    for room, code in ((72 * 4096 - 1, 2), (72 * 4096, 0)):
        with monkeypatch.context() as patch:
            disk = SimpleNamespace(free=room)
            patch.setattr("overread.verbs.corrupt_masks.disk_usage", lambda _, disk=disk: disk)
            assert run(table, tmp_path / "noisy", *choice) == code
        assert (tmp_path / "noisy").exists() == (code == 0)
    assert f"The masks in {tmp_path / 'noisy'} need about 0 MiB" in capsys.readouterr().err


def test_an_interruption_leaves_nothing(table, tmp_path, monkeypatch):
    @dataclass(frozen=True)
    class Interrupting(ErodeDilate):
        task: ClassVar[str] = "segmentation"

        def draw(self, mask, rng):
            raise KeyboardInterrupt

    monkeypatch.setattr("overread.noise.choose.make", lambda *_: Interrupting(1.0))
    assert run(table, tmp_path / "noisy", "--rate", "1") == 130
    assert os.listdir(tmp_path) == [table.parent.name]
