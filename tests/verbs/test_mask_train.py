"""A training on masks as a whole, with a tiny network: what it writes, that it resumes, what it must not see."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.numpy import load_file

import overread
from overread.data.options import DataOptions
from overread.engine.evidence import Evidence
from overread.errors import InputError
from overread.mask_quality import dice
from overread.run import RunFolder
from overread.verbs.config import AuditConfig, TrainConfig
from overread.verbs.masks import share
from overread.verbs.masks.train_summary import not_learned
from overread.verbs.setting_up import settled
from overread.verbs.train import train

FILES = {
    "run.json", "config.toml", "manifest.csv", "evidence.npz", "metrics.json", "predictions.csv", "summary.json",
    "log.jsonl", "report.html", "model", "suggested", "corrected.csv", "gallery", "gallery.json",
}  # fmt: skip
SAME = ("manifest.csv", "config.toml", "evidence.npz", "metrics.json", "predictions.csv", "corrected.csv")
SAME += ("model/weights.safetensors", "model/model.json", "suggested/disk/03.png", "gallery.json")


def config(folder, **more):
    plain = {"network": "unet-tiny", "size": 16, "epochs": 3, "batch_size": 8, "lr": 0.01, "device": "cpu"}
    return TrainConfig(**{**plain, "cache": str(folder.parent / "cache"), **more})


def change(shapes, **columns):
    """Other columns in the table; a value of None takes one out."""
    table = pd.read_csv(shapes / "labels.csv", dtype=str)
    for name, values in columns.items():
        table = table.drop(columns=name) if values is None else table.assign(**{name: values})
    table.to_csv(shapes / "labels.csv", index=False)
    return table


def read(run, name):
    return json.loads((run / name).read_text(encoding="utf-8"))


def stages(run):
    return {json.loads(line)["stage"] for line in (run / "log.jsonl").read_text().splitlines()}


def assert_same(a, b, names=SAME):
    for name in names:
        same = (a / name).read_bytes() == (b / name).read_bytes()
        assert same, name


def test_writes_every_file_and_a_good_model(trained_on_masks):
    run = trained_on_masks / "run"
    assert {path.name for path in run.iterdir()} == FILES
    assert read(run, "run.json")["state"] == "done"
    metrics = read(run, "metrics.json")
    assert metrics["val"] == metrics["last"]["val"]
    assert (metrics["last"]["epoch"], metrics["best"]["epoch"]) == (16, metrics["best_epoch"])
    true, given = metrics["val"]["true"], metrics["val"]["given"]
    assert true["dice"] > 0.85
    assert set(true["per_structure"]) == {"disk", "bar"}
    assert true["dice"] == pytest.approx(
        np.mean([one["dice"] for one in true["per_structure"].values()]), abs=1e-6
    )
    assert given["per_structure"]["bar"] == true["per_structure"]["bar"]
    assert given["per_structure"]["disk"]["hd95"] > true["per_structure"]["disk"]["hd95"]
    assert true["intervals"]["dice"][0] <= true["dice"] <= true["intervals"]["dice"][1]
    manifest = pd.read_csv(run / "manifest.csv", dtype=str)
    held = manifest["split"] == "val"
    predictions = pd.read_csv(run / "predictions.csv", dtype={"id": str})
    assert list(predictions) == ["id", "split", "dice_disk", "hd95_disk", "dice_bar", "hd95_bar"]
    assert list(predictions["id"]) == list(manifest["id"][held])
    assert predictions["dice_disk"].mean() == pytest.approx(given["per_structure"]["disk"]["dice"], abs=1e-4)
    evidence = Evidence.load(run / "evidence.npz")
    assert (list(evidence.ids), evidence.losses.shape) == (list(manifest["id"][~held]), ((~held).sum(), 16))
    course = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in course] == list(range(1, 17))
    assert {"val_dice", "val_loss", "val_dice_of"} <= set(course[0])
    assert course[-1]["val_dice"] == pytest.approx(given["dice"], abs=1e-6)


def test_corrected_masks_are_better_than_the_given_ones(trained_on_masks):
    run, shapes = trained_on_masks / "run", trained_on_masks / "shapes"
    found = read(run, "metrics.json")["corrected"]
    disk = found["per_structure"]["disk"]
    assert disk["images"] == found["wrong"]["images"]
    assert disk["corrected_dice"] > disk["given_dice"] + 0.1
    assert found["wrong"]["images"] + found["right"]["images"] == found["samples"]
    assert found["per_structure"]["bar"]["images"] == 0
    assert found["right"]["given_dice"] == 1.0
    table = pd.read_csv(run / "corrected.csv", dtype={"id": str})
    assert len(table) == found["samples"] == len(list((run / "suggested" / "bar").iterdir()))
    better = []
    for row in table.to_dict("records"):
        suggested = np.asarray(Image.open(run / row["mask_disk"]))
        assert suggested.shape == np.asarray(Image.open(row["image"])).shape
        assert set(np.unique(suggested)) <= {0, 255}
        name = row["image"].rpartition("/")[2]
        true, given = (
            np.asarray(Image.open(shapes / kind / name)) > 0 for kind in ("true_mask_disk", "mask_disk")
        )
        assert row["agreement_disk"] == pytest.approx(dice(suggested > 0, given), abs=0.12)
        if (true != given).any():
            better.append(dice(suggested > 0, true) - dice(given, true))
    assert np.mean(better) > 0.1


def test_the_corrected_masks_are_data(trained_on_masks, monkeypatch):
    from overread.data.read import read as read_data

    monkeypatch.setenv("OVERREAD_CACHE", str(trained_on_masks / "cache"))
    manifest = read_data(trained_on_masks / "run" / "corrected.csv").manifest
    assert (manifest.classes, set(manifest.split)) == (("disk", "bar"), {"train"})


def test_the_summary_says_what_was_learned_from(trained_on_masks):
    summary = read(trained_on_masks / "run", "summary.json")
    samples = summary["parts"]["train"]["samples"]
    assert summary["task"] == "segmentation"
    assert summary["per_structure"]["disk"]["train"] == samples
    assert 0.05 < summary["per_structure"]["disk"]["covers"] < 0.3
    assert summary["noise_rate"] == {"truth": pytest.approx(0.25, abs=0.06)}
    assert "There is no test part" in " ".join(summary["warnings"])


@pytest.mark.parametrize(("method", "stop"), [("co-teaching", 3), ("co-teaching", 6), ("ss-jo", 2)])
def test_interrupted_and_resumed_is_undisturbed(shapes, tmp_path, monkeypatch, method, stop):
    """Ctrl-C in the second half of the first look (co-teaching alone has one), and in the training."""
    monkeypatch.setattr(share, "EPOCHS", 2)
    chosen = config(shapes, method=method, keep="best")
    train(shapes, tmp_path / "whole", None, chosen, quiet=True)
    told = iter(range(1, 100))
    log = RunFolder.log

    def interrupted(self, line):
        log(self, line)
        if next(told) == stop:
            raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "log", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(shapes, tmp_path / "broken", None, chosen, quiet=True)
    assert read(tmp_path / "broken", "run.json")["state"] == "interrupted"
    train(shapes, tmp_path / "broken", None, chosen, quiet=True, resume=True)
    assert_same(tmp_path / "whole", tmp_path / "broken")
    assert {path.name for path in (tmp_path / "broken").iterdir()} == FILES


def test_a_finished_run_is_read_back(shapes, tmp_path):
    first = train(shapes, tmp_path / "run", None, config(shapes, epochs=2), quiet=True)
    again = train(shapes, tmp_path / "run", None, config(shapes, epochs=2), quiet=True, resume=True)
    assert (again.metrics, again.summary) == (first.metrics, first.summary)
    with pytest.raises(InputError, match="loss was 'ce', now 'dice'"):
        train(shapes, tmp_path / "run", None, config(shapes, epochs=2, loss="dice"), quiet=True, resume=True)


def test_the_truth_changes_nothing_but_the_measurement(shapes, tmp_path):
    first = train(shapes, tmp_path / "a", None, config(shapes), quiet=True)
    table = change(shapes)
    moved = np.concatenate([np.roll(range(k, 40, 3), 1) for k in range(3)])[
        np.argsort(np.r_[0:40:3, 1:40:3, 2:40:3])
    ]
    change(shapes, true_mask_disk=table["mask_disk"], true_mask_bar=table["mask_bar"].to_numpy()[moved])
    second = train(shapes, tmp_path / "b", None, config(shapes), quiet=True)
    others = [name for name in SAME if name not in ("metrics.json", "manifest.csv")]
    assert_same(tmp_path / "a", tmp_path / "b", others)
    assert first.metrics["val"]["given"] == second.metrics["val"]["given"]
    assert first.metrics["val"]["true"] != second.metrics["val"]["true"]
    change(shapes, true_mask_disk=None, true_mask_bar=None)
    third = train(shapes, tmp_path / "c", None, config(shapes), quiet=True)
    assert list(third.metrics["val"]) == ["given"]
    assert list(third.metrics["corrected"]) == ["samples", "agreement"]
    assert third.summary["noise_rate"] == {}
    assert_same(tmp_path / "a", tmp_path / "c", ["model/weights.safetensors"])


def test_only_training_rows_are_learned_from(shapes, tmp_path):
    split = ["train" if number // 2 % 4 < 2 else ("val", "test")[number // 2 % 2] for number in range(40)]
    table = change(shapes, split=split)
    first = train(shapes, tmp_path / "a", None, config(shapes), quiet=True)
    assert [first.metrics[part]["true"]["samples"] for part in ("val", "test")] == [10, 10]
    other = (table["split"] != "train").to_numpy()
    change(shapes, mask_disk=np.where(other, table["mask_bar"], table["mask_disk"]))
    second = train(shapes, tmp_path / "b", None, config(shapes), quiet=True)
    assert_same(
        tmp_path / "a", tmp_path / "b", ["model/weights.safetensors", "evidence.npz", "corrected.csv"]
    )
    assert first.metrics["val"] != second.metrics["val"]
    change(shapes, mask_disk=table["mask_bar"])
    train(shapes, tmp_path / "c", None, config(shapes), quiet=True)
    with pytest.raises(AssertionError, match="weights"):
        assert_same(tmp_path / "b", tmp_path / "c", ["model/weights.safetensors"])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"method": "elr"}, "The method 'elr' is for classification, not for segmentation"),
        ({"network": "resnet18"}, "Unknown network 'resnet18'"),
        ({"balance": "sampler"}, "--balance sampler is for labels of whole images"),
        ({"effort": "fast"}, "--effort fast is for labels of whole images: masks are learned end to end"),
        ({"method": "ousm", "settings": {"rank": "run", "rebalance": "0.5"}}, "rebalance is for labels"),
        ({"method": "co-teaching", "settings": {"quota": "yes"}}, "quota is for labels"),
        ({"method": "qam", "settings": {"lam": "1"}}, "unknown field 'lam'"),
    ],
)
def test_a_wrong_flag_leaves_no_folder(shapes, tmp_path, wrong, says):
    with pytest.raises(InputError, match=says):
        train(shapes, tmp_path / "run", None, config(shapes, **wrong), quiet=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"method": "qam"}, "The method 'qam' is for segmentation, not for classification"),
        ({"network": "unet"}, "Unknown network 'unet'"),
        ({"loss": "dice"}, "--loss dice is for masks"),
    ],
)
def test_what_is_for_masks_is_refused_for_labels(colours, tmp_path, wrong, says):
    chosen = TrainConfig(**{"network": "tiny", "size": 16, "cache": str(tmp_path / "cache"), **wrong})
    with pytest.raises(InputError, match=says):
        train(colours, tmp_path / "run", None, chosen, quiet=True)
    assert not (tmp_path / "run").exists()


def test_a_structure_that_is_never_drawn_in_training_leaves_no_folder(shapes, tmp_path):
    table = change(shapes, split=["train"] * 30 + ["val"] * 10)
    change(shapes, mask_bar=np.where(table["split"] == "train", "", table["mask_bar"]))
    change(shapes, true_mask_bar=None, true_mask_disk=None)
    with pytest.raises(
        InputError, match=r"In the training part 'bar' is drawn in no image.*leave its column out"
    ):
        train(shapes, tmp_path / "run", None, config(shapes), quiet=True)
    assert not (tmp_path / "run").exists()


def test_too_few_images_leave_no_folder(shapes, tmp_path):
    pd.read_csv(shapes / "labels.csv", dtype=str)[:12].to_csv(shapes / "labels.csv", index=False)
    with pytest.raises(InputError, match="There are 12 images in 6 groups to train on; at least 20"):
        train(shapes, tmp_path / "run", None, config(shapes), quiet=True)
    assert not (tmp_path / "run").exists()


def test_methods_that_need_no_share_of_wrong_masks_are_not_charged_for_it(shapes, tmp_path, monkeypatch):
    monkeypatch.setattr(share, "EPOCHS", 2)
    plain = train(shapes, tmp_path / "a", None, config(shapes, method="qam-ocm", epochs=2), quiet=True)
    assert stages(tmp_path / "a") == {"train"}
    assert list(plain.summary["noise_rate"]) == ["truth"]
    told = train(shapes, tmp_path / "b", None, config(shapes, method="ousm", epochs=2), quiet=True)
    assert stages(tmp_path / "b") == {"prior-1-of-2", "prior-2-of-2", "train"}
    rate = told.summary["noise_rate"]
    assert 0 <= rate["low"] <= rate["estimate"] <= rate["high"] <= 1
    given = config(shapes, method="ousm", epochs=2, noise_rate=0.3)
    told = train(shapes, tmp_path / "c", None, given, quiet=True)
    assert stages(tmp_path / "c") == {"train"}
    assert (told.summary["noise_rate"]["estimate"], told.summary["noise_rate"]["how"][:5]) == (0.3, "Given")
    own = config(shapes, method="ousm", epochs=2, settings={"drop": "0.25"})
    train(shapes, tmp_path / "d", None, own, quiet=True)
    assert stages(tmp_path / "d") == {"train"}


def test_structures_that_exclude_each_other(shapes, tmp_path):
    (shapes / "both").mkdir()
    for number in range(40):
        disk, bar = (
            np.asarray(Image.open(shapes / f"mask_{k}" / f"{number:02d}.png")) > 0 for k in ("disk", "bar")
        )
        Image.fromarray(np.where(disk, 2, bar).astype(np.uint8)).save(shapes / "both" / f"{number:02d}.png")
    masks = [f"both/{number:02d}.png" for number in range(40)]
    change(shapes, mask=masks, **dict.fromkeys(("mask_disk", "mask_bar", "true_mask_disk", "true_mask_bar")))
    options = DataOptions(map_labels={"1": "bar", "2": "disk"}, spacing=0.5)
    chosen = config(shapes, method="ss", loss="dice-ce", epochs=6)
    result = train(shapes, tmp_path / "run", options, chosen, quiet=True)
    given = result.metrics["val"]["given"]
    assert given["hd95_mm"] == pytest.approx(0.5 * given["hd95"], abs=1e-5)
    assert result.summary["exclusive"] is True
    model = overread.load(tmp_path / "run")
    assert (len(model.networks), model.exclusive, model.classes) == (3, True, ("bar", "disk"))
    for masks in model.masks([str(shapes / "images" / "00.png"), str(shapes / "images" / "01.png")]):
        assert masks.sum(0).max() <= 1
    assert "0.5 mm a pixel" in (tmp_path / "run" / "report.html").read_text("utf-8")


@pytest.mark.parametrize("more", [{"augment": "none"}, {"loss": "dice"}, {"balance": "none"}, {"seed": 1}])
def test_flags_reach_the_training(shapes, tmp_path, more):
    for name, flags in (("plain", {}), ("other", more)):
        train(shapes, tmp_path / name, None, config(shapes, epochs=2, **flags), quiet=True)
    one, other = (load_file(tmp_path / name / "model" / "weights.safetensors") for name in ("plain", "other"))
    assert not all(np.array_equal(one[name], other[name]) for name in one)


def test_weights_to_start_from(trained_on_masks, shapes, tmp_path):
    file = str(trained_on_masks / "run" / "model" / "weights.safetensors")
    chosen = config(shapes, epochs=2, weights=file, lr=1e-6, size=24)
    result = train(shapes, tmp_path / "run", None, chosen, quiet=True)
    assert result.metrics["val"]["given"]["dice"] > 0.7  # two epochs at that rate learn nothing
    change(shapes, mask_bar=None, true_mask_bar=None)
    result = train(shapes, tmp_path / "one", None, chosen, quiet=True)
    assert list(result.metrics["val"]["given"]["per_structure"]) == ["disk"]


def test_a_network_and_a_method_of_the_users_own(shapes, tmp_path, monkeypatch):
    (tmp_path / "net.py").write_text("from overread.engine.networks.segmenter import tiny_unet as make\n")
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\n"
        "from overread.engine.method import Method\n"
        "@dataclass(frozen=True)\n"
        "class Mine(Method):\n"
        "    def loss(self, nets, batch, run):\n"
        "        return run.task.losses(nets[0](batch.x)[0], batch.y).median()\n"
    )
    monkeypatch.chdir(tmp_path)
    chosen = config(shapes, network="net.py:make", method="mine.py:Mine", epochs=2)
    result = train(shapes, tmp_path / "run", None, chosen, quiet=True)
    assert 0 <= result.metrics["val"]["given"]["dice"] <= 1
    monkeypatch.chdir("/")
    assert len(overread.load(tmp_path / "run").predict([shapes / "images" / "00.png"])) == 1


def test_it_tells_what_it_does(shapes, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(share, "EPOCHS", 2)
    train(shapes, tmp_path / "run", None, config(shapes, method="ousm", epochs=2))
    told = capsys.readouterr().err
    assert "Noise: the masks of about" in told
    assert "validation Dice" in told


def test_a_structure_that_is_not_learned_is_told():
    figures = {"lungs": {"drawn": 18, "predicted": 18}, "clavicles": {"drawn": 17, "predicted": 8}}
    [told] = not_learned({"per_structure": figures})
    assert told.startswith(
        "The model draws 'clavicles' in 8 validation images, and 17 have it. It has not been"
    )


def test_an_audit_is_no_training(shapes, tmp_path):
    train(shapes, tmp_path / "run", None, config(shapes, epochs=2), quiet=True)
    audit = AuditConfig(network="unet-tiny", size=16, device="cpu", cache=str(tmp_path / "cache"))
    with pytest.raises(InputError, match="holds a run of `overread train`"):
        overread.audit(shapes, tmp_path / "run", None, audit, quiet=True, resume=True)


@pytest.mark.parametrize(
    ("flags", "loss"),
    [
        ({}, "ce"),
        ({"method": "qam"}, "dice-ce"),
        ({"method": "qam-ocm"}, "dice-ce"),
        ({"method": "ss"}, "dice-ce"),
        ({"method": "ss-jo"}, "dice-ce"),
        ({"method": "ousm"}, "dice-ce"),
        ({"method": "co-teaching"}, "dice-ce"),
        ({"method": "ss-jo", "loss": "ce"}, "ce"),
    ],
)
def test_methods_that_select_descend_on_dice_too_unless_told_otherwise(flags, loss):
    assert settled(TrainConfig(**flags), "segmentation").loss == loss
