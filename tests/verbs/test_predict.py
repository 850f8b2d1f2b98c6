"""`overread predict`: tables for data with and without labels, and folders that appear whole or not at all."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from overread.data.options import DataOptions
from overread.errors import InputError
from overread.verbs.predict import Computing, predict


@pytest.fixture
def model(trained, monkeypatch):
    """The run folder of a model; decoded images go to its cache."""
    monkeypatch.setenv("OVERREAD_CACHE", str(trained / "cache"))
    return trained / "full"


def table(out):
    return pd.read_csv(out / "predictions.csv", dtype=str, keep_default_na=False)


def probabilities(frame):
    return frame[[name for name in frame if name.startswith("p_")]].to_numpy(float)


def test_data_with_labels_are_predicted_and_measured(model, colours, tmp_path):
    result = predict(model, colours, tmp_path / "out", quiet=True, command=["overread", "predict"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "metrics.json", "predict.json", "predictions.csv",
    ]  # fmt: skip
    frame = table(tmp_path / "out")
    assert list(frame)[:5] == ["id", "image", "given", "predicted", "confidence"]
    np.testing.assert_allclose(probabilities(frame).sum(1), 1, atol=1e-5)
    best = np.array(["blue", "green", "red"])[probabilities(frame).argmax(1)]
    assert (frame["predicted"] == best).all()
    assert result.metrics["true"]["accuracy"] == 1.0
    assert json.loads((tmp_path / "out" / "metrics.json").read_text()) == result.metrics
    record = json.loads((tmp_path / "out" / "predict.json").read_text())
    assert record["command"] == ["overread", "predict"]
    assert record["predicted"] == {"blue": 24, "green": 24, "red": 24}
    assert record["model"]["trained_on"]


def test_it_says_what_training_said(model, trained, tmp_path):
    """The same images once more: the predictions of the run's own validation part, to rounding."""
    own = table(model)
    predict(model, trained / "colours", tmp_path / "out", quiet=True)
    again = table(tmp_path / "out").set_index("id").loc[own["id"]]
    np.testing.assert_allclose(probabilities(again), probabilities(own), atol=2e-6)


def test_a_folder_of_images_needs_no_labels(model, colours, tmp_path):
    result = predict(model, colours / "images", tmp_path / "out", quiet=True)
    assert not (tmp_path / "out" / "metrics.json").exists()
    assert result.metrics == {}
    assert list(table(tmp_path / "out"))[:3] == ["id", "image", "predicted"]
    assert len(result.predictions) == 72


def test_one_image_and_batches_of_any_size(model, colours, tmp_path):
    predict(model, colours / "images", tmp_path / "all", computing=Computing(batch_size=5), quiet=True)
    predict(model, colours / "images" / "07.png", tmp_path / "one", quiet=True)
    one, many = table(tmp_path / "one"), table(tmp_path / "all")
    assert list(one["id"]) == ["07.png"]
    np.testing.assert_allclose(probabilities(one)[0], probabilities(many)[7], atol=2e-6)


def test_labels_that_the_model_does_not_know_are_said_and_not_measured(model, colours, tmp_path):
    frame = pd.read_csv(colours / "labels.csv", dtype=str).drop(columns="true_label")
    frame.loc[:9, "label"] = "yellow"
    frame.loc[10:11, "label"] = ""
    frame.to_csv(colours / "labels.csv", index=False)
    result = predict(model, colours, tmp_path / "out", quiet=True)
    assert result.metrics["given"]["samples"] == 60
    assert list(table(tmp_path / "out")["given"][8:12]) == ["yellow", "yellow", "", ""]
    [note] = result.record["notes"]
    assert note.startswith(
        "10 images have labels that the model does not know ('yellow'); its classes are 'blue'"
    )


def test_broken_images_stop_it_or_are_left_out(model, colours, tmp_path):
    (colours / "images" / "08.png").write_text("no image")
    with pytest.raises(InputError, match=r"images/08.png: not an image"):
        predict(model, colours, tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()
    result = predict(model, colours, tmp_path / "out", DataOptions(on_bad_image="skip"), quiet=True)
    assert len(result.predictions) == 71
    assert result.record["read"]["left_out"][0]["image"] == "images/08.png"


def test_a_folder_that_holds_something_and_one_that_is_no_model(model, colours, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(InputError, match="already holds x"):
        predict(model, colours, tmp_path / "full", quiet=True)
    with pytest.raises(
        InputError, match=r"holds no trained model: model.json and weights.safetensors missing"
    ):
        predict(colours, colours, tmp_path / "out", quiet=True)
    with pytest.raises(InputError, match="the folder of a run, not a data set"):
        predict(model, model, tmp_path / "out", quiet=True)
    with pytest.raises(InputError, match="--batch-size must be at least 1, not 0"):
        Computing(batch_size=0)


def test_nothing_is_left_half_written(model, colours, tmp_path, monkeypatch):
    monkeypatch.setattr("overread.verbs.predict.write_json", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        predict(model, colours, tmp_path / "here" / "out", quiet=True)
    assert list((tmp_path / "here").iterdir()) == []
