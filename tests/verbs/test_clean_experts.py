"""The simulated expert in `overread clean`: several readers, mistakes, and what each answer costs."""

from __future__ import annotations

import pandas as pd


def test_several_readers_are_charged_one_by_one(cleaning, colours, tmp_path):
    result = cleaning.run(colours, tmp_path / "run", readers=3, expert_error=0.3)
    assert result.summary["bought"] == 8
    said = cleaning.said(tmp_path / "run")
    assert result.summary["cost"] == len(said) > 8
    second = [sample for sample, reader, _, _, _ in said if reader == "oracle-2"]
    assert second  # who are asked where the first one disagrees with the label
    words = f"Of {len(second)} changed labels that were read again"
    assert words in result.summary["guard"]["words"]


def test_second_readers_who_take_changes_back_are_heard(cleaning, colours, tmp_path):
    truth = pd.read_csv(colours / "labels.csv")
    truth.assign(label=truth["true_label"]).to_csv(colours / "labels.csv", index=False)
    flags = {"readers": 5, "expert_error": 0.4, "sampler": "random", "trust": "none", "budget": 40}
    result = cleaning.run(colours, tmp_path / "run", **flags)
    assert "Second readers take back" in result.summary["guard"]["warning"]
    assert result.summary["guard"]["warning"] in result.summary["warnings"]


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
