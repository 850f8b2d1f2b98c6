"""`--to fiftyone`: the layout that FiftyOne documents, and a script that hands it everything."""

from __future__ import annotations

import json
import runpy
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
from PIL import Image

import overread


def test_labels(said, tmp_path, monkeypatch):
    row = {"id": "images/1 é.png", "p_wrong": 0.75, "suggested": "nv"}
    pd.DataFrame([row]).to_csv(said / "suspects.csv", index=False)
    out = tmp_path / "out"
    overread.export(said, out, "fiftyone")
    whole = json.loads((out / "labels.json").read_text("utf-8"))
    named = {stem: whole["classes"][number] for stem, number in whole["labels"].items()}
    assert sorted(f"{stem}.png" for stem in named) == sorted(path.name for path in (out / "data").iterdir())
    assert list(named.values()) == ["nv", "nv", "=mel", "mel", "=mel", "@new", "mel"]  # one is unreadable
    made = opened(out, monkeypatch)
    assert len(made) == 7
    assert made[1].fields["p_wrong"] == 0.75
    assert made[1].labels == {"given": "mel", "current": "nv", "suggested": "nv"}
    assert made[1].tags == ["train"]


def opened(out, monkeypatch):
    """What the script hands to FiftyOne, which stands in the user's environment and not in ours."""
    made = []

    class Sample:
        def __init__(self, filepath, tags, **fields):
            Image.open(filepath).close()
            self.tags, self.fields, self.labels = tags, fields, {}

        def __setitem__(self, name, value):
            self.labels[name] = value

    stand_in = SimpleNamespace(
        Dataset=lambda name, overwrite: SimpleNamespace(add_sample=made.append),
        Sample=Sample,
        Classification=lambda label: label,
        Segmentation=lambda mask_path: mask_path,
    )
    monkeypatch.setitem(sys.modules, "fiftyone", stand_in)
    runpy.run_path(str(out / "open_in_fiftyone.py"))
    return made


def test_masks(kit, cases, tmp_path, monkeypatch):
    out = tmp_path / "out"
    overread.export(kit.make_run(cases, tmp_path / "run"), out, "fiftyone")
    for number, one in enumerate(opened(out, monkeypatch)):
        expected = kit.boxes(number) | ({"heart": np.zeros((8, 10), bool)} if number == 2 else {})
        for name, mask in expected.items():
            with Image.open(one.labels[f"mask_{name}"]) as picture:
                assert np.array_equal(np.asarray(picture), mask * 255)
