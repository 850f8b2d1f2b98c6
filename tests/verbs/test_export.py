"""`overread export` of a run of cleaning, and training on what it wrote."""

from __future__ import annotations

import pandas as pd

import overread
from overread.cli.main import main


def cells(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def test_labels_that_were_bought_are_learned_from(cleaning, colours, tmp_path, capsys):
    run, out = tmp_path / "run", tmp_path / "out"
    cleaning.run(colours, run)
    assert main(["export", str(run), "-o", str(out)]) == 0
    assert "8 verified" in capsys.readouterr().out
    before, after = cells(colours / "labels.csv"), cells(out / "labels.csv")
    assert after["id"].tolist() == before["image"].tolist()
    bought = after["status"] != "given"
    assert (bought.sum(), set(after["who"][bought]), set(after["verified"][bought])) == (8, {"oracle"}, {"1"})
    assert (after["label"][bought] == before["true_label"][bought]).all()
    assert (after["label"][~bought] == before["label"][~bought]).all()
    assert after["true_label"].tolist() == before["true_label"].tolist()
    more = [
        "--effort",
        "fast",
        "--network",
        "tiny",
        "--size",
        "16",
        "--epochs",
        "2",
        "--device",
        "cpu",
        "--quiet",
    ]
    assert main(["train", str(out / "labels.csv"), "-o", str(tmp_path / "model"), *more]) == 0
    assert cells(tmp_path / "model" / "manifest.csv")["verified"].tolist() == after["verified"].tolist()
    again = overread.export(tmp_path / "model", tmp_path / "again").record["written"]
    assert (again["status"], again["verified"], again["changed"]) == ({"given": 72}, 8, 0)
