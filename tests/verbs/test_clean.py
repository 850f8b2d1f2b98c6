"""`overread clean` on a small set: what a run leaves, what each flag does, what is refused before it learns."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import overread
from overread.engine.evidence import Evidence
from overread.errors import InputError
from overread.verbs.cleaning.config import CleanConfig


def test_a_run_leaves_what_it_promises(cleaning, colours, tmp_path):
    out = tmp_path / "run"
    result = cleaning.run(colours, out)
    assert result.state == "done"
    assert {path.name for path in out.iterdir()} == {
        *(
            "config.toml",
            "evidence.npz",
            "gallery",
            "gallery.json",
            "labels.sqlite",
            "log.jsonl",
            "manifest.csv",
            "metrics.json",
            "model",
        ),
        *("predictions.csv", "report.html", "rounds.csv", "run.json", "summary.json"),
    }
    said = pd.read_csv(out / "predictions.csv")
    metrics = json.loads((out / "metrics.json").read_text())
    assert set(said["split"]) == set(metrics)
    for part, rows in said.groupby("split"):
        right = (rows["given"] == rows["predicted"]).mean()
        assert right == pytest.approx(metrics[part]["given"]["accuracy"], abs=1e-6)
    rounds, summary = result.rounds, result.summary
    assert rounds["round"].tolist() == [0, 1, 2]
    assert rounds["bought"].tolist() == rounds["cost"].tolist() == rounds["verified"].tolist() == [0, 4, 8]
    assert (rounds["changed"] + rounds["confirmed"]).tolist() == rounds["asked"].tolist() == [0, 4, 4]
    assert (rounds["still_wrong"] + rounds["repaired"]).nunique() == 1  # no right label was spoiled
    assert rounds["spoiled"].tolist() == [0, 0, 0]
    assert summary == json.loads((out / "summary.json").read_text())
    assert (summary["bought"], summary["cost"], summary["end"]) == (8, 8, "The budget is spent.")
    assert summary["head"]["number"] == len(cleaning.said(out)) == 8
    assert len({sample for _, _, sample in cleaning.picked(out)}) == 8


def test_evidence_says_where_the_labels_stand(cleaning, colours, tmp_path):
    result = cleaning.run(colours, tmp_path / "run")
    evidence = Evidence.load(tmp_path / "run" / "evidence.npz")
    verified = evidence.columns["verified"]
    assert verified.dtype == bool
    assert set(evidence.ids[verified]) == {sample for _, _, sample in cleaning.picked(tmp_path / "run")}
    assert (evidence.columns["p_wrong"][verified] == 0).all()
    answers = {sample: label for sample, _, _, label, _ in cleaning.said(tmp_path / "run")}
    names = np.array(evidence.classes, object)
    assert [answers[name] for name in evidence.ids[verified]] == names[evidence.given[verified]].tolist()
    assert result.summary["labels"]["verified"] == 8


def test_the_model_predicts(cleaning, colours, tmp_path):
    config = cleaning.small(colours, retrain=True, sampler="random")
    overread.clean(colours, tmp_path / "run", config=config, quiet=True)
    model = overread.load(tmp_path / "run")
    probs = model.predict([colours / "images" / "00.png", colours / "images" / "01.png"])
    assert np.asarray(probs).shape == (2, 3)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert set(metrics) == {"val"}
    assert "intervals" in metrics["val"]["true"]


def test_rounds_csv_has_the_figures_of_metrics_json(cleaning, colours, tmp_path):
    last = cleaning.run(colours, tmp_path / "run").rounds.iloc[-1]
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    for labels in ("given", "true"):
        for name in ("accuracy", "balanced_accuracy", "macro_f1", "auroc"):
            assert last[f"val_{labels}_{name}"] == metrics["val"][labels][name]


def test_every_round_foretells_what_is_left(cleaning, colours, tmp_path):
    result = cleaning.run(colours, tmp_path / "run")
    rounds, last = result.rounds, result.summary["forecast"]
    for name in ("wrong_left", "next_100"):
        assert (rounds[f"{name}_low"] <= rounds[name]).all()
        assert (rounds[name] <= rounds[f"{name}_high"]).all()
    assert rounds["wrong_left"].iloc[-1] == round(last["remaining"]["expected"], 1)
    assert last["unasked"] == 64 - result.summary["labels"]["verified"]
    assert rounds["confirmed_in_a_row"].iloc[-1] == result.summary["stop"]["run"]
    assert "labels changed" in result.summary["guard"]["words"]


def test_equal_seeds_equal_runs(cleaning, colours, tmp_path):
    for name in ("a", "b"):
        cleaning.run(colours, tmp_path / name)
    cleaning.run(colours, tmp_path / "c", seed=1)
    assert cleaning.table(tmp_path / "a").equals(cleaning.table(tmp_path / "b"))
    for file in ("evidence.npz", "model/weights.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert (
        cleaning.picked(tmp_path / "a") == cleaning.picked(tmp_path / "b") != cleaning.picked(tmp_path / "c")
    )


def test_stop_after_stops_and_says_so(cleaning, colours, tmp_path):
    truth = pd.read_csv(colours / "labels.csv")
    truth.assign(label=truth["true_label"]).to_csv(colours / "labels.csv", index=False)
    result = cleaning.run(colours, tmp_path / "run", stop_after=3, rounds=4, budget=16)
    assert result.summary["bought"] == 4
    assert "--stop-after" in result.summary["end"]
    assert result.summary["stop"]["stop"]
    assert (result.summary["stop"]["run"], result.summary["stop"]["needed"]) == (4, 3)
    assert result.summary["rounds"] == 1


@pytest.mark.parametrize("needed", [1, 2, 59, 1000, 100_000, 3_000_000])
def test_stop_after_counts_as_many_as_it_is_told(cleaning, needed):
    import math

    from overread.cleaning.stopping import CONFIDENCE, consecutive_needed

    assert consecutive_needed(-math.expm1(math.log1p(-CONFIDENCE) / needed), CONFIDENCE) == needed


def test_nothing_is_left_to_ask(cleaning, colours, tmp_path):
    labels = pd.read_csv(colours / "labels.csv")
    labels.assign(verified=(labels.index >= 3).astype(int)).to_csv(colours / "labels.csv", index=False)
    result = cleaning.run(colours, tmp_path / "run", budget=8, rounds=2)
    assert result.summary["end"] == "Nothing was left to ask about."
    assert 0 < result.summary["bought"] <= 3
    assert {sample for _, _, sample in cleaning.picked(tmp_path / "run")} <= {
        f"images/{n:02d}.png" for n in range(3)
    }


@pytest.mark.parametrize("flags", [{"balanced": True}, {"start": "co-teaching", "update": "all"}])
def test_a_class_with_two_images(cleaning, flags, colours, tmp_path):
    labels = pd.read_csv(colours / "labels.csv")
    labels.loc[[10, 40], ["label", "true_label"]] = "yellow"
    labels.to_csv(colours / "labels.csv", index=False)
    result = cleaning.run(colours, tmp_path / "run", **flags, budget=40)
    assert result.summary["classes"] == ["blue", "green", "red", "yellow"]
    assert result.rounds["bought"].iloc[-1] == 40
    assert result.rounds["spoiled"].iloc[-1] == 0
    assert any("yellow" in text for text in result.summary["warnings"])


def test_parts_that_the_data_name(cleaning, colours, tmp_path):
    labels = pd.read_csv(colours / "labels.csv")
    split = np.where(labels.index < 48, "train", np.where(labels.index < 60, "val", "test"))
    labels.assign(split=split).to_csv(colours / "labels.csv", index=False)
    result = cleaning.run(colours, tmp_path / "run")
    assert {part: about["samples"] for part, about in result.summary["parts"].items()} == {
        "train": 48,
        "val": 12,
        "test": 12,
    }
    assert "test_true_macro_f1" in result.rounds
    train = set(labels["image"][split == "train"])
    assert {sample for _, _, sample in cleaning.picked(tmp_path / "run")} <= train


def test_end_to_end(cleaning, colours, tmp_path):
    result = cleaning.run(colours, tmp_path / "run", effort="full", rounds=1, budget=4)
    assert result.rounds["bought"].tolist() == [0, 4]
    assert np.asarray(overread.load(tmp_path / "run").predict([colours / "images" / "00.png"])).shape == (
        1,
        3,
    )


REFUSED = {
    "masks": ({"options": None}, "for labels of whole images"),
    "a method that no round uses": ({"method": "ousm"}, "--method ousm is for --update all"),
    "more than there is": ({"budget": 65}, "--budget 65 is more than the 64 training images"),
    "a sampler that is not there": ({"sampler": "entropi"}, "Did you mean 'entropy'"),
    "a method that is not there": ({"start": "co-teachin"}, "Did you mean 'co-teaching'"),
    "a method of masks": ({"start": "qam"}, "--start qam is for masks"),
    "a field that is not there": ({"start": "ousm", "settings": {"ramps": "2"}}, "Did you mean 'ramp'"),
    "no fields at all": ({"settings": {"mix": "2"}}, "--set"),
    "a loss of masks": ({"loss": "dice"}, "--loss dice is for masks"),
    "a password": ({"db": "postgresql://me:secret@here/labels"}, "--db holds a password"),
    "no database": ({"db": "mysql://here/labels"}, "cannot hold a label store"),
    "no confusion": ({"expert_confusion": "nowhere.csv"}, "nowhere.csv"),
    "answers of the oracle": ({"answers": "queue.csv"}, "--answers is for --expert queue"),
    "waiting for the oracle": ({"wait": True}, "--wait is for --expert queue"),
}


@pytest.mark.parametrize(("flags", "words"), REFUSED.values(), ids=REFUSED)
def test_refused_before_anything_is_learned(cleaning, flags, words, request, tmp_path, monkeypatch):
    source = request.getfixturevalue("shapes" if "options" in flags else "colours")
    monkeypatch.setattr("overread.verbs.clean.prepared", lambda *_: pytest.fail("it has begun to learn"))
    more = {**flags, "options": overread_options()} if "options" in flags else flags
    with pytest.raises(InputError, match=words):
        cleaning.run(source, tmp_path / "run", **more)
    assert not (tmp_path / "run").exists()


def overread_options():
    from overread.data.options import DataOptions

    return DataOptions()


def test_the_oracle_needs_the_truth_before_anything_is_learned(cleaning, colours, tmp_path, monkeypatch):
    labels = pd.read_csv(colours / "labels.csv").drop(columns="true_label")
    labels.to_csv(colours / "labels.csv", index=False)
    monkeypatch.setattr("overread.verbs.clean.prepared", lambda *_: pytest.fail("it has begun to learn"))
    with pytest.raises(InputError, match="needs the true labels"):
        cleaning.run(colours, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"budget": 0}, "--budget must be at least 1"),
        ({"budget": 3, "rounds": 4}, "less than a label a round"),
        ({"rounds": 0}, "--rounds must be at least 1"),
        ({"trust": "me"}, "--trust is auto, none, method, consensus"),
        ({"start": "none", "trust": "method"}, "--trust method needs a first phase"),
        ({"update": "some"}, "--update is clean or all"),
        ({"round_epochs": 0}, "--round-epochs must be at least 1"),
        ({"retrain": True, "round_epochs": 3}, "--round-epochs is for rounds that go on"),
        ({"expert": "me"}, "--expert is oracle or queue"),
        ({"expert_error": 0.1}, "are for --expert oracle"),
        ({"expert": "oracle", "expert_error": 1.5}, "--expert-error is 0 or more"),
        ({"readers": 0}, "--readers must be at least 1"),
        ({"stop_after": 0}, "--stop-after must be at least 1"),
        ({"stop_after": 5, "sampler": "random"}, "--stop-after counts labels"),
        ({"val_share": 0.0}, "--val-share is above 0"),
    ],
)
def test_fields_that_are_wrong(fields, words):
    with pytest.raises(InputError, match=words):
        CleanConfig(**fields)
