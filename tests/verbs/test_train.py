"""A training as a whole, with a tiny network: what it writes, that it resumes, and what it must not see."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.numpy import load_file

import overread
from overread.data.options import DataOptions
from overread.engine.evidence import Evidence
from overread.errors import InputError
from overread.run import RunFolder
from overread.verbs.config import AuditConfig, TrainConfig, load_config, save_config
from overread.verbs.setting_up import eyes, settled
from overread.verbs.train import train

COUNT = 72  # of the fixture `colours`
FILES = {
    "run.json", "config.toml", "manifest.csv", "evidence.npz", "metrics.json", "predictions.csv", "summary.json",
    "log.jsonl", "report.html", "model",
}  # fmt: skip
SAME = ("manifest.csv", "config.toml", "evidence.npz", "metrics.json", "predictions.csv")
SAME += ("model/weights.safetensors", "model/model.json")
LABELS = ("samples", "accuracy", "balanced_accuracy", "macro_f1", "auroc", "log_loss", "ece", "per_class")


def config(folder, effort="fast", **more):
    values = {
        "network": "tiny",
        "size": 16,
        "epochs": 4,
        "batch_size": 12,
        "lr": 0.05,
        "device": "cpu",
        **more,
    }
    return TrainConfig(effort=effort, cache=str(folder.parent / "cache"), **values)


def split(colours, names=("train", "train", "val", "test")):
    """Gives the table of colours a split column, whole patients in each."""
    table = pd.read_csv(colours / "labels.csv", dtype=str)
    table["split"] = [names[row // 2 % len(names)] for row in range(COUNT)]
    table.to_csv(colours / "labels.csv", index=False)
    return table


def change(colours, rows, column, values):
    """Writes other values into some cells of the table."""
    table = pd.read_csv(colours / "labels.csv", dtype=str)
    table.loc[rows, column] = values
    table.to_csv(colours / "labels.csv", index=False)


def weights(run):
    return load_file(run / "model" / "weights.safetensors")


def assert_same(a, b, names=SAME):
    for name in names:  # compared first: pytest would spend minutes on showing how long bytes differ
        same = (a / name).read_bytes() == (b / name).read_bytes()
        assert same, name


def read(run, name):
    return json.loads((run / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("effort", ["fast", "full"])
def test_writes_every_file_and_a_good_model(trained, effort):
    run = trained / effort
    assert {path.name for path in run.iterdir()} == FILES
    assert read(run, "run.json")["state"] == "done"
    assert read(run, "run.json")["verb"] == "train"
    metrics = read(run, "metrics.json")
    assert metrics["kept"] == "last"
    assert metrics["val"] == metrics["last"]["val"]
    assert metrics["last"]["epoch"] == 8
    assert metrics["best"]["epoch"] == metrics["best_epoch"]
    for labels in ("given", "true"):
        assert set(LABELS) <= set(metrics["val"][labels])
    assert metrics["val"]["true"]["accuracy"] == 1.0
    manifest = pd.read_csv(run / "manifest.csv", dtype=str)
    predictions = pd.read_csv(run / "predictions.csv", dtype=str)
    assert manifest["split"].value_counts().to_dict() == {"train": 64, "val": 8}
    assert list(predictions["id"]) == list(manifest["id"][manifest["split"] == "val"])
    assert list(predictions) == [
        "id",
        "split",
        "given",
        "predicted",
        "confidence",
        "p_blue",
        "p_green",
        "p_red",
    ]
    right = (predictions["predicted"] == predictions["given"]).mean()
    assert right == pytest.approx(metrics["val"]["given"]["accuracy"])
    evidence = Evidence.load(run / "evidence.npz")
    assert list(evidence.ids) == list(manifest["id"][manifest["split"] == "train"])
    assert evidence.losses.shape == (64, 8)
    assert {"training_probs", "final_probs"} <= set(evidence.columns)
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    course = [line for line in lines if line["stage"] == "train"]
    assert [line["epoch"] for line in course] == list(range(1, 9))
    assert {"val_accuracy", "val_balanced_accuracy", "val_macro_f1", "val_loss"} <= set(course[0])


def test_the_summary_says_what_was_learned_from(trained):
    summary = read(trained / "fast", "summary.json")
    assert summary["parts"] == {"train": {"samples": 64, "groups": 32}, "val": {"samples": 8, "groups": 4}}
    assert sum(row["train"] for row in summary["per_class"].values()) == 64
    assert summary["noise_rate"]["truth"] == pytest.approx(8 / 64, abs=0.02)
    assert "There is no test part" in " ".join(summary["warnings"])


@pytest.mark.parametrize("effort", ["fast", "full"])
@pytest.mark.parametrize("stop", [3, 5 * 10 + 2])
def test_interrupted_and_resumed_is_undisturbed(colours, tmp_path, monkeypatch, effort, stop):
    """Ctrl-C in the pre-pass, and in the second epoch of the training, while it is being logged."""
    chosen = config(colours, effort, keep="best", epochs=5)
    train(colours, tmp_path / "whole", None, chosen, quiet=True)
    told = iter(range(1, 1000))
    log = RunFolder.log

    def interrupted(self, line):
        log(self, line)
        if next(told) == stop:
            raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "log", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(colours, tmp_path / "broken", None, chosen, quiet=True)
    assert read(tmp_path / "broken", "run.json")["state"] == "interrupted"
    assert not (tmp_path / "broken" / "metrics.json").exists()
    train(colours, tmp_path / "broken", None, chosen, quiet=True, resume=True)
    assert_same(tmp_path / "whole", tmp_path / "broken")
    assert {path.name for path in (tmp_path / "broken").iterdir()} == FILES


def test_a_crash_after_the_training_loses_nothing(colours, tmp_path, monkeypatch):
    train(colours, tmp_path / "whole", None, config(colours), quiet=True)
    with monkeypatch.context() as patch:
        patch.setattr("overread.verbs.label_train.measured", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(colours, tmp_path / "broken", None, config(colours), quiet=True)
    assert read(tmp_path / "broken", "run.json")["state"] == "failed"
    lines = (tmp_path / "broken" / "log.jsonl").read_text()
    train(colours, tmp_path / "broken", None, config(colours), quiet=True, resume=True)
    assert (tmp_path / "broken" / "log.jsonl").read_text() == lines  # nothing was trained again
    assert_same(tmp_path / "whole", tmp_path / "broken")


def test_a_finished_run_is_read_back_and_an_occupied_folder_refused(colours, tmp_path):
    first = train(colours, tmp_path / "run", None, config(colours), quiet=True)
    again = train(colours, tmp_path / "run", None, config(colours), quiet=True, resume=True)
    assert (again.metrics, again.summary) == (first.metrics, first.summary)
    with pytest.raises(InputError, match="already holds a run"):
        train(colours, tmp_path / "run", None, config(colours), quiet=True)
    with pytest.raises(InputError, match=r"val_share was 0\.15, now 0\.3"):
        train(colours, tmp_path / "run", None, config(colours, val_share=0.3), quiet=True, resume=True)
    audit = AuditConfig(network="tiny", size=16, device="cpu", cache=str(tmp_path / "cache"))
    with pytest.raises(InputError, match="holds a run of `overread train`"):
        overread.audit(colours, tmp_path / "run", None, audit, quiet=True, resume=True)


def test_the_truth_changes_nothing_but_the_measurement(colours, tmp_path):
    first = train(colours, tmp_path / "a", None, config(colours), quiet=True)
    change(colours, [1, 2, 3, 4], "true_label", ["red", "red", "blue", "blue"])
    second = train(colours, tmp_path / "b", None, config(colours), quiet=True)
    assert_same(
        tmp_path / "a",
        tmp_path / "b",
        [name for name in SAME if name not in ("metrics.json", "manifest.csv")],
    )
    assert first.metrics["val"]["given"] == second.metrics["val"]["given"]
    assert first.summary["noise_rate"]["truth"] != second.summary["noise_rate"]["truth"]
    table = pd.read_csv(colours / "labels.csv", dtype=str).drop(columns="true_label")
    table.to_csv(colours / "labels.csv", index=False)
    third = train(colours, tmp_path / "c", None, config(colours), quiet=True)
    assert list(third.metrics["val"]) == ["given", "corrected"]
    assert "truth" not in third.summary["noise_rate"]


@pytest.mark.parametrize("effort", ["fast", "full"])
def test_only_training_rows_are_learned_from(colours, tmp_path, effort):
    """Other labels and other images in the validation and test part leave the weights as they are."""
    table = split(colours)
    train(colours, tmp_path / "a", None, config(colours, effort, epochs=2), quiet=True)
    others = np.flatnonzero(table["split"] != "train")
    change(colours, others, "label", np.roll(table["label"][others], 1))
    for row in others[:6]:
        Image.fromarray(np.full((20, 24, 3), 7 * row, np.uint8)).save(colours / table["image"][row])
    train(colours, tmp_path / "b", None, config(colours, effort, epochs=2), quiet=True)
    assert_same(tmp_path / "a", tmp_path / "b", ["model/weights.safetensors", "evidence.npz"])
    assert (tmp_path / "a" / "metrics.json").read_bytes() != (tmp_path / "b" / "metrics.json").read_bytes()
    change(colours, [0], "label", "red" if table["label"][0] != "red" else "blue")
    train(colours, tmp_path / "c", None, config(colours, effort, epochs=2), quiet=True)
    with pytest.raises(AssertionError, match="weights"):
        assert_same(tmp_path / "a", tmp_path / "c", ["model/weights.safetensors"])


def test_given_splits_are_measured_each(colours, tmp_path):
    table = split(colours)
    result = train(colours, tmp_path / "run", None, config(colours), quiet=True)
    assert [result.metrics[part]["given"]["samples"] for part in ("val", "test")] == [18, 18]
    predictions = pd.read_csv(tmp_path / "run" / "predictions.csv", dtype=str)
    assert predictions["split"].value_counts().to_dict() == {"val": 18, "test": 18}
    assert list(predictions["id"][:18]) == list(table["image"][table["split"] == "val"])
    assert "There is no test part" not in " ".join(result.summary["warnings"])


def test_one_split_alone_and_renamed_ones(colours, tmp_path):
    split(colours, ("odd", "even", "even", "even"))
    with pytest.raises(InputError, match=r"odd \(18\).*--split-map even=train,odd=val"):
        train(colours, tmp_path / "run", None, config(colours), quiet=True)
    alone = train(colours, tmp_path / "alone", DataOptions(split="even"), config(colours), quiet=True)
    assert set(alone.summary["parts"]) == {"train", "val"}
    renamed = DataOptions(split_map={"odd": "test", "even": "train"})
    both = train(colours, tmp_path / "both", renamed, config(colours), quiet=True)
    assert both.summary["parts"]["test"]["samples"] == 18


def test_copies_and_groups_across_splits_are_told(colours, tmp_path):
    table = split(colours)
    change(colours, [0], "split", "test")  # its patient stays in train
    of = {part: table["image"][table["split"] == part].iloc[-1] for part in ("train", "val")}
    shutil.copy(colours / of["train"], colours / of["val"])
    warned = train(colours, tmp_path / "run", None, config(colours), quiet=True).summary["warnings"]
    assert "1 groups stand in more than one split" in " ".join(warned)
    assert "1 images of other parts are exact copies of training images" in " ".join(warned)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"method": "cee"}, "Did you mean 'ce'"),
        ({"network": "tin"}, "Did you mean 'tiny'"),
        ({"settings": {"drop": "0.1"}}, "unknown field 'drop'"),
        ({"weights": "imagenet"}, "'default' \\(ImageNet\\) or 'none'"),
    ],
)
def test_a_wrong_flag_leaves_no_folder(colours, tmp_path, wrong, says):
    with pytest.raises(InputError, match=says):
        train(colours, tmp_path / "run", None, config(colours, **wrong), quiet=True)
    assert not (tmp_path / "run").exists()


def test_a_class_without_training_images_leaves_no_folder(colours, tmp_path):
    split(colours)
    table = pd.read_csv(colours / "labels.csv", dtype=str)
    change(colours, table.index[table["split"] == "test"][:2], "label", "yellow")
    with pytest.raises(InputError, match="no image that is given as 'yellow'"):
        train(colours, tmp_path / "run", None, config(colours), quiet=True)
    assert not (tmp_path / "run").exists()


def test_the_users_noise_rate_is_taken_as_given(colours, tmp_path, capsys):
    result = train(colours, tmp_path / "run", None, config(colours, noise_rate=0.25, epochs=2))
    assert result.summary["noise_rate"]["estimate"] == 0.25
    told = capsys.readouterr().err
    assert "Noise: 25.0 % of the training labels are taken to be wrong, by --noise-rate." in told
    assert "validation accuracy" in told


@pytest.mark.parametrize("more", [{"balance": "sampler"}, {"balance": "loss"}, {"augment": "flip,crop=0.2"}])
def test_balance_and_augmentation_reach_the_training(colours, tmp_path, more):
    train(colours, tmp_path / "plain", None, config(colours, "full", epochs=2), quiet=True)
    train(colours, tmp_path / "other", None, config(colours, "full", epochs=2, **more), quiet=True)
    assert not np.array_equal(*(weights(tmp_path / run)["head.weight"] for run in ("plain", "other")))


METHOD = """
from dataclasses import dataclass
from overread.engine.method import Method

@dataclass(frozen=True)
class Mine(Method):
    power: float = 0.7

    def loss(self, nets, batch, run):
        p = run.task.probabilities(nets[0](batch.x)[0]).gather(1, batch.y[:, None])
        return ((1 - p ** self.power) / self.power).mean()

class NoMethod: ...

class Half(Method): ...

NUMBER = 3
"""


def test_a_method_of_the_users_own(colours, tmp_path):
    (tmp_path / "mine.py").write_text(METHOD)
    mine = config(colours, method=f"{tmp_path / 'mine.py'}:Mine", settings={"power": "0.5"})
    result = train(colours, tmp_path / "run", None, mine, quiet=True)
    assert result.metrics["val"]["true"]["accuracy"] > 0.9
    (tmp_path / "mine.py").unlink()
    assert overread.load(tmp_path / "run").info["settings"] == {"power": "0.5"}
    (tmp_path / "other.py").write_text(METHOD)
    for name, says in (
        ("NoMethod", "no class of methods"),
        ("NUMBER", "no class of"),
        ("Half", "lacks loss"),
    ):
        with pytest.raises(InputError, match=says):
            train(colours, tmp_path / "no", None, config(colours, method=f"{tmp_path / 'other.py'}:{name}"))


NETWORK = """
from overread.engine.networks import Classifier, tiny

def make(classes, size, channels):
    return tiny(classes, size, channels)
"""


@pytest.mark.parametrize("effort", ["fast", "full"])
def test_a_network_of_the_users_own_is_found_from_anywhere(colours, tmp_path, monkeypatch, effort):
    (tmp_path / "net.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    train(colours, tmp_path / "run", None, config(colours, effort, network="net.py:make"), quiet=True)
    monkeypatch.chdir("/")
    assert overread.load(tmp_path / "run").info["network"] == f"{tmp_path / 'net.py'}:make"


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ({}, ("efficientnet-lite0", "default")),
        ({"weights": "none"}, ("efficientnet-lite0", "default")),
        ({"network": "resnet18"}, ("efficientnet-lite0", "default")),
        ({"network": "resnet18", "weights": "w.safetensors"}, ("resnet18", "w.safetensors")),
        ({"network": "resnet18", "effort": "fast"}, ("resnet18", "default")),
        ({"weights": "none", "effort": "fast"}, ("efficientnet-lite0", "none")),
    ],
)
def test_the_prior_looks_through_trained_eyes(flags, names):
    assert eyes(settled(TrainConfig(**flags), "classification")) == names


def test_a_configuration_survives_its_file(tmp_path):
    one = TrainConfig(
        keep="best", val_share=0.2, balance="loss", augment="up-down,rotate=15", settings={"a": "b"}
    )
    save_config(one, tmp_path / "config.toml")
    assert load_config(tmp_path / "config.toml", TrainConfig) == one
    (tmp_path / "bad.toml").write_text('keep = "first"\n')
    with pytest.raises(InputError, match="--keep is last or best, not 'first'"):
        load_config(tmp_path / "bad.toml", TrainConfig)
    (tmp_path / "bad.toml").write_text("folds = 3\n")
    with pytest.raises(InputError, match="unknown field 'folds'"):
        load_config(tmp_path / "bad.toml", TrainConfig)


def test_all_wrong_values_come_in_one_message():
    with pytest.raises(InputError) as failure:
        TrainConfig(keep="x", val_share=1.0, balance="y", epochs=1, augment="spin=3", batch_size=1)
    for words in ("--keep", "--val-share", "--balance", "--epochs", "--augment 'spin=3'", "--batch-size"):
        assert words in str(failure.value)
    with pytest.raises(InputError, match="--augment needs --effort full"):
        TrainConfig(effort="fast", augment="flip")


def test_curves_tell_the_test_part_in_every_epoch_and_change_nothing(colours, tmp_path):
    split(colours)
    plain = train(colours, tmp_path / "plain", config=config(tmp_path), quiet=True)
    curved = train(colours, tmp_path / "curved", config=config(tmp_path, curves=True), quiet=True)
    logs = [(one.out / "log.jsonl").read_text("utf-8").splitlines() for one in (plain, curved)]
    lines = [[json.loads(line) for line in log] for log in logs]
    told = [[line["test_accuracy"] for line in log if "test_accuracy" in line] for log in lines]
    assert told[0] == []
    assert len(told[1]) == curved.summary["epochs"]
    assert told[1][-1] == pytest.approx(curved.metrics["last"]["test"]["given"]["accuracy"], abs=1e-4)
    assert curved.metrics == plain.metrics
