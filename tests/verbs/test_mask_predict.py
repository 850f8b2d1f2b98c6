"""`overread predict` with a model of masks: files, table, measures; other structures, other tasks."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from overread.data.options import DataOptions
from overread.errors import InputError
from overread.mask_quality import dice
from overread.verbs.predict import Computing, predict


@pytest.fixture
def model(trained_on_masks, monkeypatch):
    """The run folder of a model of masks; decoded images go to its cache."""
    monkeypatch.setenv("OVERREAD_CACHE", str(trained_on_masks / "cache"))
    return trained_on_masks / "run"


def table(out):
    return pd.read_csv(out / "predictions.csv", dtype={"id": str})


def mask(path):
    return np.asarray(Image.open(path))


def change(shapes, **columns):
    frame = pd.read_csv(shapes / "labels.csv", dtype=str)
    for name, values in columns.items():
        frame = frame.drop(columns=name) if values is None else frame.assign(**{name: values})
    frame.to_csv(shapes / "labels.csv", index=False)


def test_masks_are_written_at_the_size_of_each_image_and_measured(model, shapes, tmp_path):
    result = predict(model, shapes, tmp_path / "out", quiet=True, command=["overread", "predict"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "masks", "metrics.json", "predict.json", "predictions.csv",
    ]  # fmt: skip
    frame = table(tmp_path / "out")
    columns = [f"{what}_{name}" for name in ("disk", "bar") for what in ("mask", "area", "certainty")]
    assert list(frame) == ["id", "image", *columns]
    fits = []
    for row in frame.to_dict("records"):
        disk = mask(tmp_path / "out" / row["mask_disk"])
        assert disk.shape == mask(row["image"]).shape
        assert set(np.unique(disk)) <= {0, 255}
        assert row["area_disk"] == (disk > 0).sum()
        assert 0.5 < row["certainty_disk"] <= 1.0
        fits.append(dice(disk > 0, mask(shapes / "true_mask_disk" / row["image"].rpartition("/")[2]) > 0))
    true = result.metrics["true"]
    assert true["samples"] == 40
    assert true["per_structure"]["disk"]["dice"] > 0.85
    assert np.mean(fits) == pytest.approx(true["per_structure"]["disk"]["dice"], abs=0.05)
    assert json.loads((tmp_path / "out" / "metrics.json").read_text()) == result.metrics
    record = json.loads((tmp_path / "out" / "predict.json").read_text())
    assert record["predicted"]["disk"] == 40
    assert record["model"]["task"] == "segmentation"


def test_it_says_what_training_said(model, shapes, tmp_path):
    """The run's own validation part once more: the same figures, to rounding."""
    held = pd.read_csv(model / "predictions.csv", dtype={"id": str})
    rows = pd.read_csv(shapes / "labels.csv", dtype=str)
    rows[rows["image"].isin(held["id"])].to_csv(shapes / "labels.csv", index=False)
    again = predict(model, shapes, tmp_path / "out", quiet=True).metrics
    own = json.loads((model / "metrics.json").read_text())["val"]
    for labels in ("given", "true"):
        for figure, near in (("dice", 0.01), ("hd95", 0.5)):
            assert again[labels][figure] == pytest.approx(own[labels][figure], abs=near)


def test_the_predictions_are_data(model, shapes, tmp_path):
    from overread.data.read import read

    predict(model, shapes, tmp_path / "out", quiet=True)
    manifest = read(tmp_path / "out" / "predictions.csv").manifest
    assert (len(manifest), manifest.classes) == (40, ("disk", "bar"))


def test_a_folder_of_images_needs_no_masks_and_one_image_will_do(model, shapes, tmp_path):
    whole = predict(model, shapes / "images", tmp_path / "all", computing=Computing(batch_size=3), quiet=True)
    assert whole.metrics == {}
    assert not (tmp_path / "all" / "metrics.json").exists()
    predict(model, shapes / "images" / "07.png", tmp_path / "one", quiet=True)
    one, many = table(tmp_path / "one"), table(tmp_path / "all")
    assert list(one["mask_bar"]) == ["masks/bar/07.png"]
    files = [out / "masks" / "bar" / "07.png" for out in (tmp_path / "one", tmp_path / "all")]
    assert (mask(files[0]) != mask(files[1])).sum() <= 1  # batches of another size round otherwise
    assert len(many) == 40


def test_only_structures_that_both_know_are_measured(model, shapes, tmp_path):
    frame = pd.read_csv(shapes / "labels.csv", dtype=str)
    change(shapes, mask_rod=frame["mask_bar"], mask_bar=None, true_mask_disk=None, true_mask_bar=None)
    result = predict(model, shapes, tmp_path / "out", quiet=True)
    assert list(result.metrics["given"]["per_structure"]) == ["disk"]
    assert result.record["notes"] == [
        "The model does not know 'rod'; its structures are 'disk', 'bar'. "
        "To join or rename structures: --merge NEW=A+B.",
        "The data have no masks of 'bar': drawn, and not measured.",
    ]
    merged = DataOptions(merge={"bar": ("rod",)})
    again = predict(model, shapes, tmp_path / "merged", merged, quiet=True)
    assert list(again.metrics["given"]["per_structure"]) == ["disk", "bar"]
    change(shapes, mask_ball=frame["mask_disk"], mask_disk=None)
    nothing = predict(model, shapes, tmp_path / "nothing", quiet=True)
    assert nothing.metrics == {}
    assert "none is the same, so that it is not measured" in nothing.record["notes"][0]


def test_a_model_of_masks_on_labels_and_a_model_of_labels_on_masks(model, trained, colours, shapes, tmp_path):
    drawn = predict(model, colours, tmp_path / "drawn", quiet=True)
    assert (drawn.metrics, drawn.record["notes"]) == ({}, [])
    asked = predict(model, colours, tmp_path / "asked", DataOptions(task="classification"), quiet=True)
    assert asked.metrics == {}
    assert asked.record["notes"] == ["The data have labels, and this model draws masks: it is not measured."]
    said = predict(trained / "full", shapes, tmp_path / "said", quiet=True)
    assert (said.metrics, said.record["notes"]) == ({}, [])
    asked = predict(trained / "full", shapes, tmp_path / "too", DataOptions(task="segmentation"), quiet=True)
    assert asked.metrics == {}
    assert asked.record["notes"] == [
        "The data have masks, and this model says classes of whole images: it is not measured."
    ]


def test_a_table_with_masks_and_labels_is_read_for_what_the_model_draws(model, shapes, tmp_path):
    change(shapes, label=["a", "b"] * 20)
    result = predict(model, shapes, tmp_path / "out", quiet=True)
    assert set(result.metrics) == {"given", "true"}


def test_broken_images_stop_it_and_nothing_is_left_half_written(model, shapes, tmp_path, monkeypatch):
    (shapes / "images" / "08.png").write_text("no image")
    with pytest.raises(InputError, match=r"08\.png"):
        predict(model, shapes, tmp_path / "here" / "out", quiet=True)
    result = predict(model, shapes, tmp_path / "skipped", DataOptions(on_bad_image="skip"), quiet=True)
    assert len(result.predictions) == len(list((tmp_path / "skipped" / "masks" / "disk").iterdir())) == 39
    monkeypatch.setattr("overread.verbs.predict.write_json", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        predict(model, shapes / "images" / "07.png", tmp_path / "here" / "out", quiet=True)
    assert list((tmp_path / "here").iterdir()) == []
