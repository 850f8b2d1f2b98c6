"""The audit as a whole, with a tiny network: what it finds, writes, refuses, and that it never sees the truth."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from overread.data.options import DataOptions
from overread.engine.evidence import Evidence
from overread.errors import InputError
from overread.verbs.audit import audit
from overread.verbs.config import AuditConfig, load_config, save_config

COUNT, WRONG = 72, 8  # of the fixture `colours`

FILES = {
    "run.json", "config.toml", "manifest.csv", "suspects.csv", "evidence.npz", "summary.json", "gallery.json",
    "gallery", "log.jsonl", "report.html",
}  # fmt: skip


def config(tmp_path, effort="full", **more):
    values = {"network": "tiny", "size": 16, "epochs": 8, "batch_size": 12, "lr": 0.05, **more}
    return AuditConfig(effort=effort, cache=str(tmp_path / "cache"), **values)


@pytest.mark.parametrize("effort", ["full", "fast"])
def test_finds_the_wrong_labels_and_writes_every_file(colours, tmp_path, effort):
    result = audit(colours, tmp_path / "run", DataOptions(), config(tmp_path, effort), quiet=True)
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    table = pd.read_csv(colours / "labels.csv", dtype=str)
    wrong = set(table["image"][table["label"] != table["true_label"]])
    assert len(wrong) == WRONG
    assert len(wrong & set(result.suspects["id"][:WRONG])) >= 7
    assert list(result.suspects["rank"]) == list(range(1, COUNT + 1))
    assert result.suspects["score"].is_monotonic_decreasing
    assert result.summary["groups"] == COUNT // 2
    assert result.summary["detection"]["consensus"]["auroc"] > 0.95
    assert {"consensus", "rarity", "confident-learning"} <= set(result.summary["detection"])
    evidence = Evidence.load(tmp_path / "run" / "evidence.npz")
    assert evidence.losses.shape == (COUNT, 8)
    np.testing.assert_allclose(evidence.probs.sum(1), 1, atol=1e-5)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["state"] == "done"


def test_the_truth_changes_nothing_but_the_measurement(colours, tmp_path):
    audit(colours, tmp_path / "a", DataOptions(), config(tmp_path, epochs=3), quiet=True)
    table = pd.read_csv(colours / "labels.csv", dtype=str)
    table["true_label"] = np.random.default_rng(1).permutation(table["true_label"])
    table.to_csv(colours / "labels.csv", index=False)
    audit(colours, tmp_path / "b", DataOptions(), config(tmp_path, epochs=3), quiet=True)
    for name in ("suspects.csv", "evidence.npz", "gallery.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    a, b = (json.loads((tmp_path / run / "summary.json").read_text()) for run in "ab")
    assert a["detection"] != b["detection"]
    for summary in (a, b):
        for key in ("detection", "calibration", "seconds"):
            summary.pop(key)
    assert a == b


def test_without_a_truth_nothing_is_measured(colours, tmp_path):
    table = pd.read_csv(colours / "labels.csv", dtype=str).drop(columns="true_label")
    table.to_csv(colours / "labels.csv", index=False)
    result = audit(colours, tmp_path / "run", DataOptions(), config(tmp_path, epochs=2), quiet=True)
    assert "detection" not in result.summary
    assert "true" not in pd.read_csv(tmp_path / "run" / "manifest.csv").columns


def test_cross_fitting_the_network_gives_out_of_sample_probabilities(colours, tmp_path):
    result = audit(colours, tmp_path / "run", DataOptions(), config(tmp_path, folds=3), quiet=True)
    stages = {json.loads(line)["stage"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()}
    assert {"network", "network-1-of-3", "network-2-of-3", "network-3-of-3"} <= stages
    assert result.summary["detection"]["self-confidence"]["auroc"] > 0.9


def test_the_second_read_learns_from_trusted_labels_of_other_groups_alone(colours, tmp_path, monkeypatch):
    from overread.engine.gather import Gathering

    seen = {}
    train = Gathering.train

    def spy(self, name, x, rows, *rest):
        seen[name] = (rows, self.folds(5), self.manifest.group_codes)
        return train(self, name, x, rows, *rest)

    monkeypatch.setattr(Gathering, "train", spy)
    monkeypatch.setattr("overread.verbs.learning.doubt", lambda *_: (None, np.arange(COUNT) % 2 * 1.0))
    audit(colours, tmp_path / "run", DataOptions(), config(tmp_path, "fast", epochs=2), quiet=True)
    for k in range(5):
        rows, fold, groups = seen[f"second-{k + 1}-of-5"]
        assert (rows % 2 == 0).all()
        assert not set(groups[rows]) & set(groups[fold == k])


def test_a_finished_run_is_read_back_and_an_occupied_folder_refused(colours, tmp_path):
    first = audit(colours, tmp_path / "run", DataOptions(), config(tmp_path, epochs=2), quiet=True)
    with pytest.raises(InputError, match="already holds a run \\(state: done\\)"):
        audit(colours, tmp_path / "run", DataOptions(), config(tmp_path, epochs=2), quiet=True)
    again = audit(
        colours, tmp_path / "run", DataOptions(), config(tmp_path, epochs=2), quiet=True, resume=True
    )
    pd.testing.assert_frame_equal(first.suspects, again.suspects, check_dtype=False)
    with pytest.raises(InputError, match="epochs was 2, now 3"):
        audit(colours, tmp_path / "run", DataOptions(), config(tmp_path, epochs=3), quiet=True, resume=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(InputError, match="not empty and holds no run"):
        audit(colours, tmp_path / "mine", DataOptions(), config(tmp_path), quiet=True)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"method": "cee"}, "Did you mean 'ce'"),
        ({"network": "efficientnet"}, "Did you mean 'efficientnet-lite0'"),
        ({"settings": {"drop": "0.1"}}, "unknown field 'drop'"),
        ({"weights": "imagenet"}, "'default' \\(ImageNet\\) or 'none'"),
    ],
)
def test_a_wrong_flag_leaves_no_folder(colours, tmp_path, wrong, says):
    with pytest.raises(InputError, match=says):
        audit(colours, tmp_path / "run", DataOptions(), config(tmp_path, **wrong), quiet=True)
    assert not (tmp_path / "run").exists()


def test_too_few_images_to_compare_are_refused(colours, tmp_path):
    table = pd.read_csv(colours / "labels.csv", dtype=str).head(12)
    table.to_csv(colours / "labels.csv", index=False)
    with pytest.raises(InputError, match="12 images in 6 groups; an audit needs at least 20"):
        audit(colours, tmp_path / "run", DataOptions(), config(tmp_path), quiet=True)
    assert not (tmp_path / "run").exists()


def test_three_groups_and_a_class_of_two_images_are_enough(colours, tmp_path):
    table = pd.read_csv(colours / "labels.csv", dtype=str).head(24)
    table["group"] = [f"patient-{number % 3}" for number in range(24)]
    table.loc[[4, 9], "label"] = "yellow"
    table.to_csv(colours / "labels.csv", index=False)
    result = audit(colours, tmp_path / "run", DataOptions(), config(tmp_path, epochs=2), quiet=True)
    assert len(result.suspects) == 24
    assert "yellow (2)" in " ".join(result.summary["warnings"])
    with pytest.raises(InputError, match="there are 3"):
        audit(colours, tmp_path / "four", DataOptions(), config(tmp_path, folds=4), quiet=True)
    assert not (tmp_path / "four").exists()


def test_a_configuration_survives_its_file(tmp_path):
    one = AuditConfig(effort="fast", epochs=3, noise_rate=0.1, settings={"a": "b"})
    save_config(one, tmp_path / "config.toml")
    assert load_config(tmp_path / "config.toml", AuditConfig) == one
    (tmp_path / "bad.toml").write_text('efort = "fast"\nepochs = "3"\n')
    with pytest.raises(InputError, match=r"Did you mean 'effort'.*epochs = '3' is not int"):
        load_config(tmp_path / "bad.toml", AuditConfig)


def test_the_users_noise_rate_is_taken_as_given(colours, tmp_path):
    result = audit(colours, tmp_path / "run", DataOptions(), config(tmp_path, noise_rate=0.25), quiet=True)
    assert result.summary["noise_rate"]["estimate"] == 0.25
    assert "Given by --noise-rate" in result.summary["noise_rate"]["how"]


def test_a_medmnist_file_is_audited(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    images = (rng.integers(0, 90, (60, 28, 28)) + 120 * labels[:, None, None]).astype(np.uint8)
    given = labels.copy()
    given[:5] = 1 - given[:5]
    np.savez(tmp_path / "data.npz", train_images=images, train_labels=given[:, None])
    result = audit(tmp_path / "data.npz", tmp_path / "run", DataOptions(), config(tmp_path), quiet=True)
    assert len(list((tmp_path / "run" / "gallery").glob("*.jpg"))) >= 48
    suspects = pd.read_csv(tmp_path / "run" / "suspects.csv", dtype=str)
    assert len(suspects) == 60
    wrong = {f"train/{row}" for row in range(5)}
    assert len(wrong & set(result.suspects["id"][:5])) >= 4
