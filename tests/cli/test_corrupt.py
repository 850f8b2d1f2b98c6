"""`overread corrupt`: what it writes is DATA again, with the truth beside it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import overread
from overread.cli.main import main
from overread.data.images import decode
from overread.data.options import DataOptions
from overread.data.read import read
from overread.errors import InputError
from overread.noise.choose import make, name_of, parameters_of
from overread.noise.symmetric import Symmetric

N = 40
COLUMNS = ["image", "label", "true_label", "group", "split"]
OWN = """
from dataclasses import dataclass

@dataclass(frozen=True)
class First:
    to: int = 1

    def draw(self, labels, rng, images=None):
        given = labels.codes.copy()
        given[0] = self.to
        return given
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of 40 images, three classes, two images a patient, names that are hard to handle."""
    folder = tmp_path / "my data, ünicode"
    (folder / "images").mkdir(parents=True)
    rows = []
    for row in range(N):
        name = f"images/{row:02d} =x.png"
        Image.fromarray(np.full((4, 4), row * 6, dtype=np.uint8)).save(folder / name)
        split = "train" if row < 30 else "test"
        rows.append((name, ["NA", "=mel", "nv, naevus"][row % 3], f"p{row // 2}", split))
    pd.DataFrame(rows, columns=["image", "label", "group", "split"]).to_csv(folder / "data.csv", index=False)
    return folder / "data.csv"


def run(table: Path, out: Path, *more: str) -> int:
    return main(["corrupt", str(table), "-o", str(out), "--quiet", *more])


def labels(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "labels.csv", dtype=str, keep_default_na=False)


def test_what_is_written(table, tmp_path, capsys):
    out = tmp_path / "noisy"
    assert run(table, out, "--rate", "0.2", "--seed", "3") == 0
    assert "8 of 40 labels are wrong now (20.0%)" in capsys.readouterr().out
    assert sorted(os.listdir(out)) == ["labels.csv", "noise.json"]
    written, source = labels(out), pd.read_csv(table, dtype=str, keep_default_na=False)
    assert list(written) == COLUMNS
    assert list(written["true_label"]) == list(source["label"])
    assert list(written["group"]) == list(source["group"])
    assert list(written["split"]) == list(source["split"])
    assert (written["label"] != written["true_label"]).sum() == 8
    record = json.loads((out / "noise.json").read_text(encoding="utf-8"))
    assert (record["noise"], record["parameters"], record["seed"]) == ("symmetric", {"rate": 0.2}, 3)
    assert record["changed"]["changed"] == 8
    assert list(record["changed"]["per_class"]) == ["=mel", "NA", "nv, naevus"]


def test_it_is_data_again_from_anywhere(table, tmp_path, monkeypatch):
    out = tmp_path / "deep" / "er" / "noisy"
    assert run(table, out, "--rate", "0.2") == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    before, after = read(table).manifest, read(out).manifest
    assert after.classes == before.classes
    np.testing.assert_array_equal(after.truth, before.given)
    assert (after.given != after.truth).sum() == 8
    assert [after.path(row).resolve() for row in range(N)] == [before.path(row).resolve() for row in range(N)]


def test_the_folders_can_move_together(table, tmp_path):
    assert run(table, tmp_path / "noisy", "--rate", "0.2") == 0
    (tmp_path / "new").mkdir()
    for name in (table.parent.name, "noisy"):
        (tmp_path / name).rename(tmp_path / "new" / name)
    assert len(read(tmp_path / "new" / "noisy").manifest) == N


def test_a_linked_output_folder(table, tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b", target_is_directory=True)
    assert run(table, tmp_path / "link" / "noisy", "--rate", "0.2") == 0
    assert len(read(tmp_path / "link" / "noisy").manifest) == N


def test_the_seed_decides(table, tmp_path):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert run(table, tmp_path / name, "--rate", "0.3", "--seed", seed) == 0
    first, again, other = (labels(tmp_path / name)["label"] for name in "abc")
    assert first.equals(again)
    assert not first.equals(other)


def test_a_split_and_renamed_classes(table, tmp_path):
    out = tmp_path / "noisy"
    assert run(table, out, "--split", "train", "--map-labels", "NA=other,*=mine", "--rate", "0.1") == 0
    assert set(labels(out)["split"]) == {"train"}
    assert set(labels(out)["true_label"]) == {"mine", "other"}


def test_class_noise_from_a_file_is_recorded_with_what_it_says(table, tmp_path):
    matrix = tmp_path / "t.csv"
    matrix.write_text('t,NA,=mel,"nv, naevus"\nNA,1,0,0\n=mel,0,1,0\n"nv, naevus",1,0,0\n')
    assert run(table, tmp_path / "noisy", "--noise", "class", "--set", f"matrix={matrix}") == 0
    changed = labels(tmp_path / "noisy")
    assert (changed["label"] == changed["true_label"].replace("nv, naevus", "NA")).all()
    record = json.loads((tmp_path / "noisy" / "noise.json").read_text(encoding="utf-8"))
    assert record["parameters"]["matrix"]["text"] == matrix.read_text()


def test_a_noise_of_the_users_own(table, tmp_path):
    own = tmp_path / "own.py"
    own.write_text(OWN)
    assert run(table, tmp_path / "noisy", "--noise", f"{own}:First", "--set", "to=2") == 0
    record = json.loads((tmp_path / "noisy" / "noise.json").read_text())
    assert record["noise"] == f"{own}:First"
    assert record["parameters"] == {"to": 2}
    assert record["changed"]["changed"] == 1


def test_pixels_of_an_npz_stay_in_it(tmp_path):
    rng = np.random.default_rng(0)
    pixels, codes = rng.integers(0, 256, (12, 5, 6, 3), dtype=np.uint8), np.arange(12).reshape(12, 1) % 2
    np.savez(tmp_path / "mini.npz", train_images=pixels, train_labels=codes)
    result = overread.corrupt(tmp_path / "mini.npz", tmp_path / "noisy", Symmetric(0.25), quiet=True)
    assert result.record["changed"]["changed"] == 3
    manifest = read(tmp_path / "noisy").manifest
    assert sorted(path.name for path in (tmp_path / "noisy").iterdir()) == ["labels.csv", "noise.json"]
    for row in range(12):
        np.testing.assert_array_equal(decode(manifest.path(row), 6)[:5], decode(pixels[row], 6)[:5])
    assert list(labels(tmp_path / "noisy")) == [*COLUMNS, "id"]


def test_noise_on_noise_is_refused_and_the_way_out_works(table, tmp_path, capsys):
    first, second = tmp_path / "first", tmp_path / "second"
    assert run(table, first, "--rate", "0.2") == 0
    assert run(first, second, "--rate", "0.2") == 2
    assert "in 8 of 40 rows the true label differs" in capsys.readouterr().err
    assert not second.exists()
    assert run(first, second, "--rate", "0.3", "--label-col", "true_label") == 0
    assert (labels(second)["true_label"] == labels(first)["true_label"]).all()
    assert (labels(second)["label"] != labels(second)["true_label"]).sum() == 12


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--noise", "symetric", "--rate", "0.2"], "Unknown noise 'symetric'. Did you mean 'symmetric'?"),
        (["--rate", "0.2", "--set", "raet=1"], "Symmetric: unknown field 'raet'. Did you mean 'rate'?"),
        (["--rate", "0.2", "--set", "rate=0.3"], "The rate is given twice"),
        (["--noise", "symmetric"], "needs --rate"),
        (["--noise", "class"], "'matrix' needs a value"),
        (["--rate", "1.5"], "1.5 is not in the range"),
        (["--noise", "balanced", "--rate", "0.9", "--map-labels", "NA=a,*=b"], "The rate can be 0.7 at most"),
    ],
)
def test_wrong_choices_write_nothing(table, tmp_path, more, message, capsys):
    assert run(table, tmp_path / "noisy", *more) == 2
    assert message in capsys.readouterr().err
    assert os.listdir(tmp_path) == [table.parent.name]


def test_an_output_folder_that_holds_something(table, tmp_path, capsys):
    out = tmp_path / "noisy"
    out.mkdir()
    (out / "precious.txt").write_text("mine")
    assert run(table, out, "--rate", "0.2") == 2
    assert "already holds precious.txt" in capsys.readouterr().err
    assert os.listdir(out) == ["precious.txt"]


def test_an_empty_output_folder_is_taken_and_a_file_is_not(table, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert run(table, tmp_path / "empty", "--rate", "0.2") == 0
    (tmp_path / "file").write_text("")
    assert run(table, tmp_path / "file", "--rate", "0.2") == 2
    assert "is a file" in capsys.readouterr().err


def test_an_interruption_leaves_nothing(table, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("overread.verbs.corrupt._write_labels", interrupted)
    assert run(table, tmp_path / "noisy", "--rate", "0.2") == 130
    assert os.listdir(tmp_path) == [table.parent.name]


def test_json_is_the_record(table, tmp_path, capsys):
    assert run(table, tmp_path / "noisy", "--rate", "0.2", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "noisy" / "noise.json").read_text(encoding="utf-8"))


def test_a_noise_and_its_name():
    assert make("symmetric", 0.2) == Symmetric(0.2)
    assert name_of(Symmetric(0.2)) == "symmetric"
    assert parameters_of(make("loss-ranked", 0.1)) == {"rate": 0.1, "scored": 0.72, "scorer": "frozen_probe"}
    with pytest.raises(InputError, match="The rate is given twice"):
        make("pair", 0.1, {"rate": "0.2"})


def test_options_reach_the_reader(table, tmp_path):
    only = DataOptions(split="test")
    assert (
        overread.corrupt(table, tmp_path / "noisy", Symmetric(0.5), only).record["changed"]["samples"] == 10
    )


def test_only_some_splits_are_changed(table, tmp_path, capsys):
    out = tmp_path / "noisy"
    assert run(table, out, "--only", "train", "--rate", "0.2", "--seed", "3") == 0
    assert "6 of 30 labels of train are wrong now (20.0%)" in capsys.readouterr().out
    written = labels(out)
    assert len(written) == N
    wrong = written["label"] != written["true_label"]
    assert wrong[written["split"] == "train"].sum() == 6
    assert not wrong[written["split"] == "test"].any()
    record = json.loads((out / "noise.json").read_text(encoding="utf-8"))
    assert record["only"] == ["train"]
    assert record["changed"]["samples"] == 30


def test_all_splits_by_name_are_the_same_as_none(table, tmp_path):
    assert run(table, tmp_path / "a", "--rate", "0.2") == 0
    assert run(table, tmp_path / "b", "--rate", "0.2", "--only", "test, train") == 0
    assert labels(tmp_path / "a").equals(labels(tmp_path / "b"))


def test_noise_that_looks_at_images_sees_those_of_its_splits_alone(table, tmp_path):
    seen = {}

    @dataclass(frozen=True)
    class Looking:
        image_size: int = 8

        def draw(self, labels, rng, images=None):
            seen["images"], seen["labels"] = np.asarray(images), labels
            return labels.codes

    overread.corrupt(table, tmp_path / "noisy", Looking(), only=["test"], quiet=True)
    assert seen["images"].shape == (10, 8, 8, 3)
    assert (seen["images"][:, 0, 0, 0] == np.arange(30, 40) * 6).all()
    assert len(seen["labels"]) == 10


@pytest.mark.parametrize(
    ("only", "says"),
    [
        (
            "tset",
            "--only 'tset' does not occur. Did you mean 'test'? The splits of the data are: test (10), train (30).",
        ),
        ("train,val", "--only 'val' does not occur."),
    ],
)
def test_a_split_that_is_not_there(table, tmp_path, capsys, only, says):
    assert run(table, tmp_path / "noisy", "--only", only, "--rate", "0.2") == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "noisy").exists()


def test_a_long_tail_is_cut_from_the_splits_that_are_named(table, tmp_path):
    out = tmp_path / "tail"
    assert run(table, out, "--only", "train", "--long-tail", "5", "--rate", "0", "--seed", "3") == 0
    before, after = (
        pd.read_csv(file, dtype=str, keep_default_na=False) for file in (table, out / "labels.csv")
    )
    test = before["split"] == "test"
    assert (after["split"] == "test").sum() == test.sum()
    counts = after[after["split"] == "train"]["label"].value_counts()
    smallest = before[~test]["label"].value_counts().min()
    assert counts.max() == smallest
    assert counts.min() == round(smallest / 5)
    assert json.loads((out / "noise.json").read_text())["long_tail"] == 5
