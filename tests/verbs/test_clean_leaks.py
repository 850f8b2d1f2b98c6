"""Only what was bought is known: true labels that nobody bought change nothing; verified labels are trusted."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import overread
from overread.engine.evidence import Evidence
from overread.verbs.config import AuditConfig, TrainConfig

PLAIN = {"effort": "fast", "network": "tiny", "size": 16, "device": "cpu"}


def permuted(source, kept):
    """Writes other true labels for all samples but `kept`."""
    labels = pd.read_csv(source / "labels.csv", index_col="image")
    others = ~labels.index.isin(kept)
    turned = {"blue": "green", "green": "red", "red": "blue"}
    labels.loc[others, "true_label"] = labels.loc[others, "true_label"].map(turned)
    assert others.sum() > 40
    labels.to_csv(source / "labels.csv")


RUNS = {
    "overread": {},
    "P4": {"start": "co-teaching-vog", "sampler": "coreset", "trust": "method"},
    "from nothing": {"start": "none", "sampler": "random", "balanced": True},
    "Bernhardt": {
        "start": "co-teaching",
        "trust": "none",
        "update": "all",
        "sampler": "bernhardt",
        "readers": 3,
    },
}


@pytest.mark.parametrize("flags", RUNS.values(), ids=RUNS)
def test_true_labels_that_nobody_bought_change_nothing(cleaning, flags, colours, tmp_path):
    cleaning.run(colours, tmp_path / "a", **flags)
    permuted(colours, {sample for _, _, sample in cleaning.picked(tmp_path / "a")})
    cleaning.run(colours, tmp_path / "b", **flags)
    a, b = tmp_path / "a", tmp_path / "b"
    assert cleaning.picked(a) == cleaning.picked(b)
    assert cleaning.said(a) == cleaning.said(b)
    assert cleaning.untold(a).equals(cleaning.untold(b))
    assert not cleaning.table(a).equals(cleaning.table(b))  # the truth did change, and is measured against
    for name in ("evidence.npz", "model/weights.safetensors"):
        assert (a / name).read_bytes() == (b / name).read_bytes(), name
    first, second = (json.loads((run / "summary.json").read_text()) for run in (a, b))
    for name in ("forecast", "stop", "guard", "bought", "cost", "changed"):
        assert first[name] == second[name], name


def test_every_bought_label_is_charged_and_none_is_bought_twice(cleaning, colours, tmp_path):
    result = cleaning.run(colours, tmp_path / "run", budget=64, rounds=4, trust="none")
    asked = [sample for _, _, sample in cleaning.picked(tmp_path / "run")]
    assert len(asked) == len(set(asked)) == 64 == result.summary["bought"] == result.summary["cost"]
    assert result.rounds["still_wrong"].iloc[-1] == 0  # the whole pool is bought


def verify(source, count=None):
    """Marks given labels as verified, the wrong ones first, and says of which images."""
    labels = pd.read_csv(source / "labels.csv")
    wrong = labels["label"] != labels["true_label"]
    rows = [*np.flatnonzero(wrong), *np.flatnonzero(~wrong)][:count]
    labels["verified"] = np.where(labels.index.isin(rows), "yes", "no")
    labels.to_csv(source / "labels.csv", index=False)
    return set(labels["image"][rows])


def test_verified_labels_are_never_asked_about_and_learned_from(cleaning, colours, tmp_path):
    verified = verify(colours, 8)
    result = cleaning.run(colours, tmp_path / "run", budget=20, sampler="random", trust="none")
    assert not {sample for _, _, sample in cleaning.picked(tmp_path / "run")} & verified
    evidence = Evidence.load(tmp_path / "run" / "evidence.npz")
    held = set(evidence.ids) & verified
    assert held <= set(evidence.ids[evidence.columns["verified"]])
    assert result.rounds["learned_from"].iloc[0] == result.rounds["verified"].iloc[0] == len(held)
    assert not evidence.columns["p_wrong"][evidence.columns["verified"]].any()


def test_verified_labels_are_never_flagged_by_an_audit(colours, tmp_path):
    verified = verify(colours, 8)
    config = AuditConfig(**PLAIN, cache=str(tmp_path / "cache"))
    suspects = overread.audit(colours, tmp_path / "run", config=config, quiet=True).suspects
    rows = suspects["id"].isin(verified)
    assert rows.sum() == 8
    assert not suspects[rows]["flagged"].any()
    assert suspects[rows]["rank"].min() == 65  # last in the list
    assert not suspects[rows]["p_wrong"].any()


@pytest.mark.parametrize("method", ["co-teaching", "ousm"])
def test_verified_labels_are_never_dropped_by_training(method, colours, tmp_path):
    verified = verify(colours, 8)
    config = TrainConfig(**PLAIN, method=method, epochs=6, noise_rate=0.3, cache=str(tmp_path / "cache"))
    overread.train(colours, tmp_path / "run", config=config, quiet=True)
    evidence = Evidence.load(tmp_path / "run" / "evidence.npz")
    rows = np.isin(evidence.ids, list(verified))
    kept = evidence.columns["kept"]
    assert 0 < rows.sum() < len(rows)
    assert (kept[rows] == 1).all()
    assert (kept[~rows] < 1).any()
