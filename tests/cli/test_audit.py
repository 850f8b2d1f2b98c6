"""`overread audit` and `demo` as commands: which flag reaches what, what is printed. The verbs are stubs."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from overread.cli.main import main
from overread.cli.show import show_audit
from overread.data.options import DataOptions
from overread.verbs.config import AuditConfig, save_config

SUMMARY: dict[str, Any] = {
    "samples": 6989,
    "groups": 5229,
    "classes": ["mel", "nv"],
    "flagged": 1312,
    "noise_rate": {"estimate": 0.186, "low": 0.17, "high": 0.2, "level": 0.95},
    "per_class": {"mel": {"flagged": 200}, "nv": {"flagged": 1112}},
    "read": {"left_out": [{"image": "x", "why": "y"}], "duplicates": [], "conflicts": [["a", "b"]]},
    "warnings": ["Class 'mel' is small."],
}

CLEANED: dict[str, Any] = {
    **{name: SUMMARY[name] for name in ("samples", "groups", "classes", "noise_rate", "read", "warnings")},
    "bought": 60,
    "rounds": 3,
    "cost": 60,
    "guard": {"words": "24 of 60 labels changed; 16 expected."},
    "forecast": {"remaining": {"expected": 6.0, "low": 1.0, "high": 17.0}},
    "stop": {"words": "go on"},
    "end": "The budget is spent.",
}


@dataclass(frozen=True)
class Result:
    out: Path
    summary: dict[str, Any]
    suspects: pd.DataFrame


def result(out: Path, **more: Any) -> Result:
    names = ["a", "b\x1b[31m", "c", "d"]
    columns = {"id": names, "given": ["nv"] * 4, "suggested": ["mel"] * 4, "p_wrong": [0.99, 0.9, 0.8, 0.7]}
    return Result(out, {**SUMMARY, **more}, pd.DataFrame(columns))


@pytest.fixture
def calls(monkeypatch):
    """Stands in for the two verbs that train, and remembers how they were called."""
    seen: list[dict[str, Any]] = []

    def audit(source, out, options, config, **more):
        seen.append({"source": source, "out": out, "options": options, "config": config, **more})
        return result(out)

    def demo(out, **more):
        seen.append({"out": out, **more})
        rounds = pd.DataFrame({"round": [1], "test_true_macro_f1": [0.75]})
        cleaned = SimpleNamespace(out=out / "cleaned", state="done", summary=CLEANED, rounds=rounds)
        exported = SimpleNamespace(out=out / "labels", record={"to": "csv"})
        return SimpleNamespace(audit=result(out / "run"), clean=cleaned, export=exported)

    for verb, function in (("audit", audit), ("demo", demo)):
        module = ModuleType(f"overread.verbs.{verb}")
        setattr(module, verb, function)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return seen


def test_no_flags_are_the_defaults(calls):
    assert main(["audit", "data", "-o", "run"]) == 0
    assert calls[0]["config"] == AuditConfig()
    assert calls[0]["options"] == DataOptions()
    assert (calls[0]["source"], calls[0]["out"]) == (Path("data"), Path("run"))
    assert (calls[0]["resume"], calls[0]["quiet"]) == (False, False)
    assert calls[0]["command"] == ["overread", "audit", "data", "-o", "run"]


TRAINING = {
    "effort": ("fast", "fast"),
    "method": ("my.py:CE", "my.py:CE"),
    "network": ("tiny", "tiny"),
    "weights": ("none", "none"),
    "size": ("32", 32),
    "epochs": ("3", 3),
    "batch_size": ("16", 16),
    "lr": ("0.1", 0.1),
    "folds": ("4", 4),
    "rank_by": ("mean-loss", "mean-loss"),
    "balance": ("loss", "loss"),
    "loss": ("dice", "dice"),
    "augment": ("rotate=5", "rotate=5"),
    "noise_rate": ("0.2", 0.2),
    "seed": ("7", 7),
    "device": ("cpu", "cpu"),
    "precision": ("bf16", "bf16"),
    "cache": ("there", "there"),
}


@pytest.mark.parametrize("field", [field.name for field in fields(AuditConfig) if field.name != "settings"])
def test_every_field_has_its_flag(calls, field):
    text, value = TRAINING[field]
    assert main(["audit", "data", "-o", "run", f"--{field.replace('_', '-')}", text]) == 0
    assert calls[0]["config"] == AuditConfig(**{field: value})


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        (["--task", "classification"], {"task": "classification"}),
        (["--image-col", "a", "--label-col", "b"], {"image_col": "a", "label_col": "b"}),
        (["--group-col", "c", "--split-col", "d"], {"group_col": "c", "split_col": "d"}),
        (["--split", "train"], {"split": "train"}),
        (["--split-map", "odd=train"], {"split_map": {"odd": "train"}}),
        (["--groups", "g.csv"], {"groups": Path("g.csv")}),
        (["--map-labels", "a+b=c"], {"map_labels": {"a": "c", "b": "c"}}),
        (["--on-bad-image", "skip"], {"on_bad_image": "skip"}),
    ],
)
def test_data_flags_reach_the_reader(calls, flags, options):
    assert main(["audit", "data", "-o", "run", *flags]) == 0
    assert calls[0]["options"] == DataOptions(**options)


def test_switches_and_settings(calls):
    arguments = ["--resume", "--quiet", "--set", "drop=0.2", "--set", "k=5"]
    assert main(["audit", "data", "-o", "run", *arguments]) == 0
    assert (calls[0]["resume"], calls[0]["quiet"]) == (True, True)
    assert calls[0]["config"].settings == {"drop": "0.2", "k": "5"}


def test_flags_win_over_the_file_and_defaults_do_not(calls, tmp_path):
    file = tmp_path / "c.toml"
    save_config(AuditConfig(effort="fast", epochs=4, noise_rate=0.3, settings={"a": "1", "b": "2"}), file)
    more = ["--epochs", "5", "--noise-rate", "auto", "--set", "b=3"]
    assert main(["audit", "data", "-o", "run", "--config", str(file), *more]) == 0
    expected = AuditConfig(effort="fast", epochs=5, settings={"a": "1", "b": "3"})
    assert calls[0]["config"] == expected


def test_another_method_drops_the_fields_of_the_files(calls, tmp_path):
    file = tmp_path / "c.toml"
    save_config(AuditConfig(settings={"a": "1"}), file)
    assert main(["audit", "data", "-o", "run", "--config", str(file), "--method", "x.py:X"]) == 0
    assert calls[0]["config"] == AuditConfig(method="x.py:X")


def test_resume_goes_on_with_the_configuration_of_the_run(calls, tmp_path):
    save_config(AuditConfig(epochs=3, seed=5), tmp_path / "config.toml")
    assert main(["audit", "data", "-o", str(tmp_path), "--resume"]) == 0
    assert calls[0]["config"] == AuditConfig(epochs=3, seed=5)


def test_a_configuration_that_is_not_there(calls, capsys):
    assert main(["audit", "data", "-o", "run", "--config", "gone.toml"]) == 2
    assert "gone.toml" in capsys.readouterr().err
    assert not calls


def test_the_answer_is_about_ten_lines(calls, capsys):
    assert main(["audit", "data", "-o", "run"]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines() == [
        "Read     6,989 images, 5,229 groups, 2 classes, 1 left out, 1 in conflict",
        "Wrong    about 18.6 % of the labels (95 % interval 17.0 % to 20.0 %)",
        "Flagged  1,312 labels, most of them in nv (1,112), mel (200)",
        "Look at  a: given nv, rather mel (p 0.99)",
        "         b\\x1b[31m: given nv, rather mel (p 0.90)",
        "         c: given nv, rather mel (p 0.80)",
        "Warning  Class 'mel' is small.",
        f"Table    {Path('run/suspects.csv')}",
        f"Report   {Path('run/report.html')}",
    ]


def test_where_the_truth_is_known_it_is_measured(capsys):
    ours = {"auroc": 0.9694, "ap": 0.9, "auroc_within_class": None, "ap_within_class": 0.8}
    show_audit(result(Path("run"), detection={"consensus": ours, "rarity": {"ap": 0.5}}))
    line = "Truth    AUROC 0.969, AP 0.900; within classes undefined, 0.800 (rarity alone: AP 0.500)"
    assert line in capsys.readouterr().out


def test_json_is_the_summary(calls, capsys):
    assert main(["audit", "data", "-o", "run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == SUMMARY


def test_the_demo(calls, capsys):
    assert main(["demo", "-o", "run", "--seed", "3", "--quiet"]) == 0
    assert calls == [{"out": Path("run"), "seed": 3, "quiet": True}]
    out = capsys.readouterr().out
    assert "Report   run/run/report.html" in out
    assert "Bought   60 labels in 3 rounds, 60 answers" in out
    assert "Test     macro-F1 0.750, by the true labels" in out
    assert out.endswith("Table    run/labels/labels.csv\n")


def test_the_demo_as_json_has_all_three_parts(calls, capsys):
    assert main(["demo", "-o", "run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "audit": SUMMARY,
        "clean": CLEANED,
        "export": {"to": "csv"},
    }
