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
        *("report.html", "rounds.csv", "run.json", "summary.json"),
    }
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


STARTS = {
    "none": {"start": "none"},
    "none, all": {"start": "none", "update": "all", "method": "ousm"},
    "ce, nothing trusted": {"trust": "none"},
    "ce, its small losses": {"trust": "method", "retrain": True},
    "P4": {"start": "co-teaching-vog", "trust": "method", "settings": {"mix": "0.5", "window": "2"}},
    "P4, consensus": {"start": "co-teaching-vog", "trust": "consensus", "noise_rate": 0.2},
    "ousm": {"start": "ousm", "sampler": "random"},
    "Bernhardt": {
        "start": "co-teaching",
        "trust": "none",
        "update": "all",
        "sampler": "bernhardt",
        "readers": 3,
    },
    "all, by vog": {"start": "co-teaching-vog", "update": "all", "sampler": "margin"},
    "all, ousm of the run": {
        "update": "all",
        "method": "ousm",
        "settings": {"rank": "run", "rebalance": "0.5"},
        "sampler": "entropy",
        "balanced": True,
    },
}


@pytest.mark.parametrize("flags", STARTS.values(), ids=STARTS)
def test_first_phases_and_updates(cleaning, flags, colours, tmp_path):
    result = cleaning.run(colours, tmp_path / "run", **flags)
    assert result.rounds["verified"].iloc[-1] + result.summary["labels"]["closed"] <= 8
    assert result.rounds["asked"].tolist() == [0, 4, 4]
    assert 0 <= result.rounds["val_given_accuracy"].iloc[-1] <= 1
    learned = result.rounds["learned_from"].tolist()
    if flags.get("update") == "all":
        assert learned == [64, 64, 64]
    elif flags.get("start") == "none" or flags.get("trust") == "none":
        assert learned == [0, 4, 8]
    else:
        assert 0 < learned[0] <= learned[-1] + 8


@pytest.mark.parametrize(
    "sampler", ["random", "entropy", "least-confidence", "margin", "coreset", "bernhardt"]
)
def test_samplers(cleaning, sampler, colours, tmp_path):
    result = cleaning.run(colours, tmp_path / "run", sampler=sampler, budget=4, rounds=1, trust="none")
    assert len(cleaning.picked(tmp_path / "run")) == 4
    assert "not" in result.summary["stop"]["words"]
    assert cleaning.table(tmp_path / "run")["confirmed_in_a_row"].tolist() == ["", ""]


def test_a_sampler_of_ones_own(cleaning, colours, tmp_path):
    own = tmp_path / "own.py"
    own.write_text(
        "import numpy as np\n\ndef last(pool, budget, rng):\n    return np.flatnonzero(pool.askable)[::-1][:budget]\n"
    )
    cleaning.run(colours, tmp_path / "run", sampler=f"{own}:last", trust="none", rounds=2, budget=4)
    ids = Evidence.load(tmp_path / "run" / "evidence.npz").ids.tolist()
    assert [sample for _, _, sample in cleaning.picked(tmp_path / "run")] == ids[::-1][:4]


def test_balanced_asks_about_every_class(cleaning, colours, tmp_path):
    cleaning.run(colours, tmp_path / "run", sampler="random", balanced=True, start="none", rounds=1, budget=6)
    given = pd.read_csv(colours / "labels.csv", index_col="image")["label"]
    assert given[[sample for _, _, sample in cleaning.picked(tmp_path / "run")]].value_counts().tolist() == [
        2,
        2,
        2,
    ]


def test_several_readers_are_charged_one_by_one(cleaning, colours, tmp_path):
    result = cleaning.run(colours, tmp_path / "run", readers=3, expert_error=0.3)
    assert result.summary["bought"] == 8
    assert result.summary["cost"] == len(cleaning.said(tmp_path / "run")) > 8


def test_an_expert_who_errs_spoils_right_labels(cleaning, colours, tmp_path):
    result = cleaning.run(
        colours, tmp_path / "run", expert_error=0.9, sampler="random", trust="none", budget=30
    )
    assert result.rounds["spoiled"].iloc[-1] > 10
    assert result.rounds["changed"].sum() == result.summary["changed"] > 10


def test_the_experts_confusion_of_classes(cleaning, colours, tmp_path):
    confusion = tmp_path / "confusion.csv"
    confusion.write_text("true,blue,green,red\nblue,1,0,0\ngreen,1,0,0\nred,1,0,0\n")  # all is blue to him
    cleaning.run(colours, tmp_path / "run", expert_confusion=str(confusion))
    assert {label for _, _, _, label, _ in cleaning.said(tmp_path / "run")} == {"blue"}


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


def test_set_reaches_the_first_phase_and_the_rounds(cleaning, colours, tmp_path):
    flags = {"start": "co-teaching-vog", "update": "all", "method": "ousm", "rounds": 1, "budget": 2}
    cleaning.run(colours, tmp_path / "run", **flags, settings={"mix": "0.3", "rank": "run", "drop": "0.2"})
    model = json.loads((tmp_path / "run" / "model" / "model.json").read_text())
    assert (model["method"], model["settings"]) == ("ousm", {"rank": "run", "drop": "0.2"})


def test_the_noise_rate_where_it_is_known(cleaning, colours, tmp_path):
    result = cleaning.run(colours, tmp_path / "run", noise_rate=0.25, start="co-teaching", trust="method")
    assert result.summary["noise_rate"]["estimate"] == 0.25
    assert result.rounds["learned_from"].iloc[0] == 48  # three quarters of 64
