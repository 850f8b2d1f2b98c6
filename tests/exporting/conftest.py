"""Run folders as an audit leaves them, made by hand: images, a manifest, run.json."""

from __future__ import annotations

import io
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from overread.data.kept import options_as_json
from overread.data.options import DataOptions
from overread.data.read import read
from overread.store import LabelStore, Opinion

LABELS = ("nv", "mel", "=mel", "nv", "mel", "=mel", "nv", "mel")  # one of them looks like a formula


def make_run(data, run, options=None, verified=None):
    """A run folder on `data`, as far as an export looks at it."""
    options = options or DataOptions()
    manifest = read(data, options).manifest
    if verified is not None:
        manifest = replace(manifest, verified=np.array(verified, bool))
    run.mkdir()
    manifest.save(run / "manifest.csv")
    about = {"source": str(data), "path": str(data.absolute()), "options": options_as_json(options)}
    info = {"verb": "audit", "state": "done", "data": about, "identity": {}}
    (run / "run.json").write_text(json.dumps(info), encoding="utf-8")
    return run


def open_store(run, **more):
    """The run's label store, its samples registered as the review page does."""
    from overread.data.kept import read_kept

    kept = read_kept(run / "manifest.csv")
    store = LabelStore.open(more.get("url") or run / "labels.sqlite")
    given = None if kept.structures else [label or None for label in kept.given]
    store.register(list(kept.ids), given, list(kept.groups), kept.structures)
    return store


@pytest.fixture
def data(tmp_path):
    """Eight images of four patients, three classes, with true labels and splits."""
    folder = tmp_path / "my data"
    (folder / "images").mkdir(parents=True)
    rows = []
    for number, label in enumerate(LABELS):
        name = f"images/{number} é.png"
        Image.fromarray(np.full((6, 6), number * 20, np.uint8)).save(folder / name)
        rows.append(
            (
                name,
                label,
                "nv" if number == 1 else label,
                f"p{number // 2}",
                "train" if number < 6 else "test",
            )
        )
    pd.DataFrame(rows, columns=["image", "label", "true_label", "group", "split"]).to_csv(
        folder / "labels.csv", index=False
    )
    return folder


@pytest.fixture
def run(data, tmp_path):
    return make_run(data, tmp_path / "run")


@pytest.fixture
def said(run):
    """The run with a store in which something was said."""
    store = open_store(run)
    name = "images/{} é.png".format
    store.append(
        [
            Opinion(name(1), "ann", "label", "nv", reason='no network, "quoted"\nsecond line'),
            Opinion(name(1), "bob", "keep", "nv", reason="=cmd|' /C calc'!A0"),
            Opinion(name(0), "ann", "keep"),
            Opinion(name(2), "ann", "label", "mel"),
            Opinion(name(2), "bob", "label", "nv"),
            Opinion(name(3), "ann", "unreadable", reason="blurred"),
            Opinion(name(6), "+eve", "label", "@new", authority=True),
        ]
    )
    store.close()
    return run


STRUCTURES = ("heart", "lungs")


def boxes(number, size=(8, 10)):
    """Masks of a heart and of lungs."""
    heart, lungs = np.zeros(size, bool), np.zeros(size, bool)
    heart[1 : 3 + number % 3, 1:4] = True
    lungs[2:7, 5:9] = True
    return {"heart": heart, "lungs": lungs}


def png(mask):
    out = io.BytesIO()
    Image.fromarray(np.asarray(mask, np.uint8) * np.uint8(255)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def cases(tmp_path):
    """Three images with a file a structure; of the last image no heart is drawn."""
    folder = tmp_path / "cases"
    rows = []
    for number in range(3):
        files = {"images": np.full((8, 10), number * 50, np.uint8)}
        files |= {name: mask * np.uint8(255) for name, mask in boxes(number).items()}
        for name, plane in files.items():
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(plane).save(folder / name / f"{number}.png")
        heart = f"heart/{number}.png" if number < 2 else ""
        rows.append((f"images/{number}.png", heart, f"lungs/{number}.png", f"p{number}"))
    columns = ["image", "mask_heart", "mask_lungs", "group"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "cases.csv", index=False)
    return folder


@pytest.fixture
def indexed(tmp_path):
    """Three images with one file for both structures: 1 is the heart, 2 and 4 are the lungs."""
    folder = tmp_path / "indexed"
    rows = []
    for number in range(3):
        mask = np.zeros((8, 10), np.uint8)
        drawn = boxes(number)
        mask[drawn["heart"]], mask[drawn["lungs"]] = 1, 2
        mask[5:7, 5:9] = 4
        for name, plane in {"images": np.full((8, 10), number * 50, np.uint8), "masks": mask}.items():
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(plane).save(folder / name / f"{number}.png")
        rows.append((f"images/{number}.png", f"masks/{number}.png"))
    pd.DataFrame(rows, columns=["image", "mask"]).to_csv(folder / "cases.csv", index=False)
    return folder


def accepted_by_nnunet(folder):
    """nnU-Net's own integrity check of a data set, where OVERREAD_NNUNET names a Python that has nnunetv2."""
    if python := os.environ.get("OVERREAD_NNUNET"):
        script = Path(__file__).parents[2] / "scripts" / "nnunet_integrity.py"
        done = subprocess.run(
            [python, script, folder], capture_output=True, text=True, timeout=200, env=CLEAN
        )
        assert done.returncode == 0, done.stdout + done.stderr


CLEAN = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@pytest.fixture
def kit():
    """The functions above, for tests."""
    known = {"accepted_by_nnunet": accepted_by_nnunet, "make_run": make_run, "open_store": open_store}
    return SimpleNamespace(**known, boxes=boxes, png=png, labels=LABELS)
