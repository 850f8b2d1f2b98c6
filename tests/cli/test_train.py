"""`overread train` and `predict` as commands: which flag reaches what, what is printed. The verbs are stubs."""

from __future__ import annotations

import errno
import json
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from overread.cli.main import main
from overread.data.options import DataOptions
from overread.verbs.config import TrainConfig, save_config
from overread.verbs.predict import Computing

QUALITY = {
    "accuracy": 0.8124,
    "balanced_accuracy": 0.5,
    "macro_f1": 0.25,
    "intervals": {"accuracy": [0.7, 0.9], "balanced_accuracy": None, "macro_f1": [0.2, 0.3]},
}
SUMMARY: dict[str, Any] = {
    "samples": 6989,
    "groups": 5229,
    "classes": ["mel", "nv"],
    "epochs": 20,
    "parts": {"train": {"samples": 5000}, "val": {"samples": 989}, "test": {"samples": 1000}},
    "noise_rate": {"estimate": 0.186, "low": 0.17, "high": 0.2, "level": 0.95},
    "read": {"left_out": [{"image": "x", "why": "y"}], "duplicates": [], "conflicts": []},
    "warnings": ["Class 'mel' is small."],
}
METRICS: dict[str, Any] = {
    "kept": "last",
    "epoch": 20,
    "best_epoch": 7,
    "val": {"given": QUALITY},
    "test": {"given": QUALITY, "true": {**QUALITY, "accuracy": 0.9}},
}
RECORD: dict[str, Any] = {
    "model": {"task": "classification"},
    "samples": 1000,
    "predicted": {"mel\x1b[31m": 200, "nv": 800},
    "notes": ["10 images have labels that the model does not know."],
    "read": {"left_out": []},
}


@dataclass(frozen=True)
class Trained:
    out: Path
    summary: dict[str, Any]
    metrics: dict[str, Any]


@dataclass(frozen=True)
class Predicted:
    out: Path
    metrics: dict[str, Any]
    record: dict[str, Any]


@pytest.fixture
def calls(monkeypatch):
    """Stands in for the two verbs, and remembers how they were called."""
    seen: list[dict[str, Any]] = []

    def train(source, out, options, config, **more):
        seen.append({"source": source, "out": out, "options": options, "config": config, **more})
        return Trained(out, SUMMARY, METRICS)

    def predict(run, source, out, options, computing, **more):
        seen.append(
            {"run": run, "source": source, "out": out, "options": options, "computing": computing, **more}
        )
        return Predicted(out, {"given": QUALITY}, RECORD)

    for verb, members in (
        ("train", {"train": train}),
        ("predict", {"predict": predict, "Computing": Computing}),
    ):
        module = ModuleType(f"overread.verbs.{verb}")
        for name, member in members.items():
            setattr(module, name, member)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return seen


def test_no_flags_are_the_defaults(calls):
    assert main(["train", "data", "-o", "run"]) == 0
    assert calls[0]["config"] == TrainConfig()
    assert calls[0]["options"] == DataOptions()
    assert (calls[0]["source"], calls[0]["out"]) == (Path("data"), Path("run"))
    assert (calls[0]["resume"], calls[0]["quiet"]) == (False, False)
    assert calls[0]["command"] == ["overread", "train", "data", "-o", "run"]


FLAGS = {
    "effort": ("fast", "fast"),
    "method": ("my.py:CE", "my.py:CE"),
    "network": ("tiny", "tiny"),
    "weights": ("none", "none"),
    "size": ("32", 32),
    "epochs": ("3", 3),
    "batch_size": ("16", 16),
    "lr": ("0.1", 0.1),
    "balance": ("loss", "loss"),
    "augment": ("rotate=5", "rotate=5"),
    "loss": ("dice", "dice"),
    "noise_rate": ("0.2", 0.2),
    "seed": ("7", 7),
    "device": ("cpu", "cpu"),
    "precision": ("bf16", "bf16"),
    "cache": ("there", "there"),
    "keep": ("best", "best"),
    "val_share": ("0.3", 0.3),
    "curves": (None, True),
}


@pytest.mark.parametrize("field", [field.name for field in fields(TrainConfig) if field.name != "settings"])
def test_every_field_has_its_flag(calls, field):
    text, value = FLAGS[field]
    flag = [f"--{field.replace('_', '-')}", *([] if text is None else [text])]
    assert main(["train", "data", "-o", "run", *flag]) == 0
    assert calls[0]["config"] == TrainConfig(**{field: value})


def test_the_help_tells_the_defaults_of_this_verb(capsys):
    assert main(["train", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for words in (
        "--keep [last|best]",
        "default: 0.15",
        "auto: flip to audit labels, none to train on them; masks are turned and cropped a little, together with "
        "the image. [default: auto]",
    ):
        assert words in shown, words


def test_flags_win_over_the_file_and_resume_takes_the_runs_own(calls, tmp_path):
    file = tmp_path / "config.toml"
    save_config(TrainConfig(effort="fast", epochs=4, keep="best", settings={"a": "1", "b": "2"}), file)
    assert main(["train", "data", "-o", "run", "--config", str(file), "--epochs", "5", "--set", "b=3"]) == 0
    assert calls[0]["config"] == TrainConfig(
        effort="fast", epochs=5, keep="best", settings={"a": "1", "b": "3"}
    )
    assert main(["train", "data", "-o", str(tmp_path), "--resume", "--quiet"]) == 0
    assert calls[1]["config"].keep == "best"
    assert (calls[1]["resume"], calls[1]["quiet"]) == (True, True)
    assert main(["train", "data", "-o", "run", "--config", str(file), "--method", "ousm"]) == 0
    assert calls[2]["config"].settings == {}


def test_the_answer_is_about_ten_lines(calls, capsys):
    assert main(["train", "data", "-o", "run"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Read     6,989 images, 5,229 groups, 2 classes, 1 left out: train 5,000, val 989, test 1,000",
        "Wrong    about 18.6 % of the labels (95 % interval 17.0 % to 20.0 %)",
        "Val      accuracy 0.812 (0.700 to 0.900), balanced accuracy 0.500, macro f1 0.250 (0.200 to 0.300), "
        "by the given labels",
        "Test     accuracy 0.900 (0.700 to 0.900), balanced accuracy 0.500, macro f1 0.250 (0.200 to 0.300), "
        "by the true labels",
        "Warning  Class 'mel' is small.",
        "Kept     the last epoch (20 of 20)",
        f"Model    {Path('run/model')}",
        f"Report   {Path('run/report.html')}",
    ]


def test_json_is_the_summary_and_the_metrics(calls, capsys):
    assert main(["train", "data", "-o", "run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {**SUMMARY, "metrics": METRICS}


def test_predict_and_its_flags(calls, capsys):
    assert main(["predict", "run", "data", "-o", "out"]) == 0
    assert calls[0]["computing"] == Computing()
    assert (calls[0]["run"], calls[0]["source"], calls[0]["out"]) == (Path("run"), Path("data"), Path("out"))
    assert capsys.readouterr().out.splitlines() == [
        "Read     1,000 images",
        "Classes  mel\\x1b[31m 200, nv 800",
        "Labels   accuracy 0.812 (0.700 to 0.900), balanced accuracy 0.500, macro f1 0.250 (0.200 to 0.300), "
        "by the given labels",
        "Note     10 images have labels that the model does not know.",
        f"Table    {Path('out/predictions.csv')}",
    ]
    flags = ["--batch-size", "7", "--device", "cpu", "--cache", "there", "--quiet", "--on-bad-image", "skip"]
    assert main(["predict", "run", "data", "-o", "out", *flags, "--split", "test"]) == 0
    assert calls[1]["computing"] == Computing(7, "cpu", "there")
    assert calls[1]["options"] == DataOptions(on_bad_image="skip", split="test")
    assert calls[1]["quiet"] is True
    capsys.readouterr()
    assert main(["predict", "run", "data", "-o", "out", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {**RECORD, "metrics": {"given": QUALITY}}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "data", "-o", "run", "--keep", "first"], "'first' is not one of 'last', 'best'"),
        (["train", "data", "-o", "run", "--val-share", "2", "--lr", "0"], "--lr must be above 0"),
        (["train", "data", "-o", "run", "--folds", "3"], "No such option"),
        (["train", "data", "-o", "run", "--augment", "leftright"], "Did you mean 'left-right'?"),
        (["predict", "run", "data", "-o", "out", "--batch-size", "0"], "--batch-size must be at least 1"),
        (["predict", "run", "-o", "out"], "Missing argument 'DATA'"),
    ],
)
def test_wrong_flags_are_answered_with_code_2(calls, capsys, arguments, says):
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert says in told.err
    assert not calls


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (KeyboardInterrupt(), 130, "the same command with --resume goes on"),
        (
            OSError(errno.ENOSPC, "No space left on device", "run/x"),
            1,
            "audit, train, clean and bench then go on",
        ),
    ],
)
def test_interrupted_and_a_full_disk(monkeypatch, capsys, error, code, says):
    module = ModuleType("overread.verbs.train")

    def train(*_, **__):
        raise error

    module.train = train
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert main(["train", "data", "-o", "run"]) == code
    assert says in capsys.readouterr().err


FIT = {
    "samples": 40,
    "dice": 0.9124,
    "hd95": 6.25,
    "intervals": {"dice": [0.9, 0.93], "hd95": [5.0, 7.0]},
    "per_structure": {"lungs": {"dice": 0.95}, "heart\x1b[31m": {"dice": 0.87}},
}


def test_a_training_on_masks_tells_dice_and_where_the_corrected_masks_are(calls, capsys, monkeypatch):
    pair = {"images": 30, "given_dice": 0.711, "corrected_dice": 0.855}
    summary = {**SUMMARY, "task": "segmentation", "noise_rate": {"truth": 0.25}}
    metrics = {"kept": "last", "epoch": 20, "val": {"given": FIT}, "test": {"true": {**FIT, "hd95_mm": 1.09}}}
    corrected = {"samples": 100, "agreement": 0.9, "wrong": pair}
    module = sys.modules["overread.verbs.train"]
    found = {**metrics, "corrected": corrected}
    monkeypatch.setattr(module, "train", lambda source, out, *_, **__: Trained(out, summary, found))
    assert main(["train", "data", "-o", "run"]) == 0
    told = capsys.readouterr().out.splitlines()
    each = "(lungs 0.950, heart\\x1b[31m 0.870)"
    assert told[0].startswith("Read     6,989 images, 5,229 groups, 2 structures")
    assert told[1] == f"Val      Dice 0.912 (0.900 to 0.930) {each}, HD95 6.2 pixels, by the given masks"
    assert told[2] == f"Test     Dice 0.912 (0.900 to 0.930) {each}, HD95 1.1 mm, by the true masks"
    where = Path("run/suggested")
    assert (
        f"Masks    {where}, corrected; where given masks are wrong: Dice with the truth 0.711, now 0.855"
        in told
    )
    found["corrected"] = {"samples": 100, "agreement": 0.9}
    assert main(["train", "data", "-o", "run"]) == 0
    assert f"Masks    {where}, corrected; Dice with the given ones 0.900" in capsys.readouterr().out


def test_predictions_of_masks_are_told(calls, capsys, monkeypatch):
    record = {**RECORD, "model": {"task": "segmentation"}, "predicted": {"lungs": 40}}
    module = sys.modules["overread.verbs.predict"]
    monkeypatch.setattr(
        module, "predict", lambda run, source, out, *_, **__: Predicted(out, {"given": FIT}, record)
    )
    assert main(["predict", "run", "data", "-o", "out"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[1] == "Drawn    lungs 40"
    assert told[2].startswith("Fit      Dice 0.912")
    assert told[-2:] == [f"Masks    {Path('out/masks')}", f"Table    {Path('out/predictions.csv')}"]
