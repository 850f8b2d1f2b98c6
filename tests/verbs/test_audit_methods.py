"""Audits by other methods than cross-entropy: their columns are detectors, and can order the list."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from overread.data.options import DataOptions
from overread.detect import DETECTORS
from overread.engine.evidence import Evidence
from overread.errors import InputError
from overread.verbs.audit import audit
from overread.verbs.config import AuditConfig


def config(tmp_path, effort, **more):
    values = {"network": "tiny", "size": 16, "epochs": 8, "batch_size": 12, "lr": 0.05, **more}
    return AuditConfig(effort=effort, cache=str(tmp_path / "cache"), **values)


@pytest.mark.parametrize(
    ("method", "effort", "columns"),
    [
        ("co-teaching-vog", "full", {"kept", "vog"}),
        ("ousm-plof", "fast", {"kept", "weight"}),
        ("elr", "fast", {"trust"}),
    ],
)
def test_what_a_method_leaves_is_evidence_and_a_detector(colours, tmp_path, method, effort, columns):
    name = min(columns)
    result = audit(
        colours,
        tmp_path / "run",
        DataOptions(),
        config(tmp_path, effort, method=method, rank_by=name),
        quiet=True,
    )
    evidence = Evidence.load(tmp_path / "run" / "evidence.npz")
    assert columns <= set(evidence.columns)
    assert columns <= set(result.summary["detectors"])
    assert columns <= set(result.summary["detection"])
    assert result.summary["detection"][name]["auroc"] > 0.8
    assert result.suspects["score"].is_monotonic_decreasing
    order = np.argsort(-DETECTORS[name].load()(evidence).score, kind="stable")
    assert result.suspects["id"].tolist() == evidence.ids[order].tolist()
    assert json.loads((tmp_path / "run" / "run.json").read_text())["identity"]["rank_by"] == name
    truth = pd.read_csv(colours / "labels.csv", dtype=str)
    wrong = set(truth["image"][truth["label"] != truth["true_label"]])
    assert len(wrong & set(result.suspects["id"][:16])) >= 6


def test_cross_entropy_leaves_nothing_of_its_own_and_says_so(colours, tmp_path):
    def refused(says, **more):
        with pytest.raises(InputError, match=says):
            audit(colours, tmp_path / "run", DataOptions(), config(tmp_path, "fast", **more), quiet=True)

    refused(r"rank-by vog.*leaves none\. It leaves no column of its own", rank_by="vog")
    refused(r"rank-by vog.*It leaves kept", rank_by="vog", method="ousm")
    refused("Did you mean 'mean-loss'", rank_by="mean-los")
    assert not (tmp_path / "run").exists()
