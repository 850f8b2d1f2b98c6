"""The audit of masks as a whole, with a tiny network: what it finds, writes and refuses; it never sees the truth."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from overread.data.options import DataOptions, parse_map_labels
from overread.data.phantom import draw, draw_view, render
from overread.detect.masks.evidence import MaskEvidence
from overread.errors import InputError
from overread.noise.masks import corrupted
from overread.noise.morphology import ErodeDilate
from overread.verbs.audit import audit
from overread.verbs.config import AuditConfig

COUNT, SIZE, STRUCTURES = 48, 48, ("heart", "lungs")
WRONG = (1, 6, 9, 14, 20, 23, 30, 34, 41, 45)
FILES = {
    "run.json", "config.toml", "manifest.csv", "suspects.csv", "evidence.npz", "summary.json", "gallery.json",
    "gallery", "suggested", "doubt", "log.jsonl", "report.html",
}  # fmt: skip
COLUMNS = [
    "rank", "id", "image", "structure", "given", "suggested", "agreement", "score", "p_wrong", "flagged", "why",
]  # fmt: skip


def write_phantoms(folder, truth=True):
    """Images with `mask_heart` and `mask_lungs`, in groups of two; those of WRONG are far too large or too small."""
    rng, noise, rows = np.random.default_rng(0), ErodeDilate(1.0, (16, 24)), []
    for number in range(COUNT):
        phantom = render(draw(rng, "normal"), draw_view(rng), SIZE)
        true = np.stack([phantom.masks["heart"], phantom.masks["left_lung"] | phantom.masks["right_lung"]])
        given = corrupted(true, noise, rng)[0] if number in WRONG else true
        row = {"image": f"images/{number:02d}.png", "group": f"patient-{number // 2}"}
        save(folder / row["image"], phantom.image)
        for kind, masks in [("mask", given), *([("true_mask", true)] if truth else [])]:
            for structure, mask in zip(STRUCTURES, masks, strict=True):
                row[f"{kind}_{structure}"] = f"{kind}s/{structure}/{number:02d}.png"
                save(folder / row[f"{kind}_{structure}"], mask.astype(np.uint8) * 255)
        rows.append(row)
    pd.DataFrame(rows).to_csv(folder / "labels.csv", index=False)
    return folder


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_phantoms(tmp_path_factory.mktemp("phantoms"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def done(source, cache, tmp_path_factory):
    """An audit that all tests look at."""
    return audit(source, tmp_path_factory.mktemp("done") / "run", None, config(cache), quiet=True)


def config(cache, **more):
    return AuditConfig(**{"network": "unet-tiny", "size": 32, "epochs": 20, "cache": cache, **more})


def quick(cache, **more):
    return config(cache, **{"epochs": 3, **more})


def table_of(source):
    return pd.read_csv(source / "labels.csv", dtype=str)


def copied(source, tmp_path):
    shutil.copytree(source, tmp_path / "data")
    return tmp_path / "data"


def images_of(suspects):
    """Image numbers, the most suspicious first."""
    return [int(name[-6:-4]) for name in dict.fromkeys(suspects["id"])]


def test_finds_the_wrong_masks_and_writes_every_file(done):
    assert {path.name for path in done.out.iterdir()} == FILES
    assert list(done.suspects.columns) == COLUMNS
    assert len(done.suspects) == COUNT * len(STRUCTURES)
    assert len(set(images_of(done.suspects)[: len(WRONG)]) & set(WRONG)) >= 9
    assert list(done.suspects["rank"]) == list(range(1, len(done.suspects) + 1))
    assert done.suspects["score"].is_monotonic_decreasing
    flagged = {int(name[-6:-4]) for name in done.suspects["id"][done.suspects["flagged"] == 1]}
    assert len(flagged & set(WRONG)) >= 8
    assert len(flagged - set(WRONG)) <= 2
    assert json.loads((done.out / "run.json").read_text())["state"] == "done"


def test_the_summary_says_what_was_found(done):
    summary = json.loads((done.out / "summary.json").read_text())
    assert summary["task"] == "segmentation"
    assert (summary["samples"], summary["groups"], summary["reads"]) == (COUNT, COUNT // 2, 2)
    assert summary["classes"] == list(STRUCTURES)
    assert summary["flagged"] == done.suspects[done.suspects["flagged"] == 1]["id"].nunique()
    assert summary["flagged_masks"] == done.suspects["flagged"].sum()
    rate = summary["noise_rate"]
    assert rate["low"] <= rate["estimate"] <= rate["high"]
    for k, name in enumerate(STRUCTURES):
        row = summary["per_structure"][name]
        assert row["flagged"] == row["too_large"] + row["too_small"] + row["missing"] + row["not_seen"]
        assert row["drawn"] >= COUNT - len(WRONG), k
    detection = summary["detection"]
    assert detection["consensus"]["auroc"] > 0.97
    assert {"consensus", "agreement", "contour", "mean-loss", "pixel-quality", "area"} <= set(detection)
    assert summary["calibration"]["wrong"] == len(WRONG)
    assert summary["doubt"]["iou"] > 0.5


def test_masks_and_doubt_maps_have_the_size_of_their_image(done):
    for _, row in done.suspects.iterrows():
        assert row["suggested"] == f"suggested/{row['structure']}/{row['id'][-6:]}"
        with Image.open(done.out / row["suggested"]) as mask:
            assert mask.size == (SIZE, SIZE)
            assert set(np.unique(mask)) <= {0, 255}
    doubt = np.asarray(Image.open(done.out / "doubt" / "06.png"))
    assert doubt.shape == (SIZE, SIZE)
    assert doubt.dtype == np.uint8
    assert len(list((done.out / "doubt").iterdir())) == COUNT


def test_a_doubted_pixel_is_where_given_and_suggested_differ(done, source):
    for number in (1, 2, 6):
        name = f"{number:02d}.png"
        differ = np.zeros((SIZE, SIZE), bool)
        for structure in STRUCTURES:
            given, ours = (
                np.asarray(Image.open(path / structure / name)) > 127
                for path in (source / "masks", done.out / "suggested")
            )
            differ |= given != ours
        np.testing.assert_array_equal(
            np.asarray(Image.open(done.out / "doubt" / name)) >= 128, differ, err_msg=name
        )


def test_the_evidence_is_kept_without_pictures(done):
    evidence = MaskEvidence.load(done.out / "evidence.npz")
    assert evidence.agreement.shape == (COUNT, 2)
    assert evidence.losses.shape[0] == COUNT
    assert evidence.structures == STRUCTURES
    assert (done.out / "evidence.npz").stat().st_size < 100_000
    rows = done.suspects.set_index(["id", "structure"])
    found = [rows.loc[(name, "lungs"), "agreement"] for name in evidence.ids]
    np.testing.assert_allclose(found, evidence.agreement[:, 1], atol=1e-4)


def test_the_gallery_shows_24_images(done):
    entries = json.loads((done.out / "gallery.json").read_text())
    assert [entry["rank"] for entry in entries] == list(range(1, 25))
    assert [int(entry["id"][-6:-4]) for entry in entries] == images_of(done.suspects)[:24]
    for entry in entries:
        for kind in ("contours", "doubt"):
            with Image.open(done.out / entry[kind]) as picture:
                assert max(picture.size) == 320
        assert {one["structure"] for one in entry["structures"]} == set(STRUCTURES)


def test_resumed_it_ends_as_if_it_had_never_stopped(source, cache, tmp_path):
    whole = audit(source, tmp_path / "whole", None, quick(cache), quiet=True)
    from overread.engine import stage

    stopped = {"left": 4}  # epochs
    real = stage.Stage.line

    def line(self, training, epoch, **more):
        stopped["left"] -= 1
        if not stopped["left"]:
            raise KeyboardInterrupt
        return real(self, training, epoch, **more)

    for left in (4, 7):
        stopped["left"] = left
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stage.Stage, "line", line)
            with pytest.raises(KeyboardInterrupt):
                audit(source, tmp_path / "run", None, quick(cache), resume=left != 4, quiet=True)
    again = audit(source, tmp_path / "run", None, quick(cache), resume=True, quiet=True)
    for name in ("suspects.csv", "gallery.json", "doubt/07.png", "suggested/heart/07.png"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "run" / name).read_bytes(), name
    one, other = (np.load(run.out / "evidence.npz") for run in (whole, again))
    for name in one.files:
        np.testing.assert_array_equal(one[name], other[name])
    assert not (tmp_path / "run" / "checkpoint").exists()


def test_the_truth_changes_nothing_but_the_measurement(source, cache, tmp_path):
    data, bare = copied(source, tmp_path), table_of(source)
    bare.drop(columns=["true_mask_heart", "true_mask_lungs"]).to_csv(data / "labels.csv", index=False)
    with_truth = audit(source, tmp_path / "a", None, quick(cache), quiet=True)
    without = audit(data, tmp_path / "b", None, quick(cache), quiet=True)
    assert not {"detection", "calibration", "doubt"} & set(without.summary)
    compared = ["rank", "id", "structure", "agreement", "score", "p_wrong", "flagged", "why"]
    pd.testing.assert_frame_equal(with_truth.suspects[compared], without.suspects[compared])
    for name in ("doubt/07.png", "suggested/heart/07.png", "gallery.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert "Measured against the truth" not in (tmp_path / "b" / "report.html").read_text(encoding="utf-8")


def test_indexed_masks_stay_apart(source, cache, tmp_path):
    data, table = copied(source, tmp_path), table_of(source)
    for number in range(COUNT):
        heart, lungs = (
            np.asarray(Image.open(data / "masks" / name / f"{number:02d}.png")) > 0 for name in STRUCTURES
        )
        save(
            data / "indexed" / f"{number:02d}.png", np.where(heart, 1, np.where(lungs, 2, 0)).astype(np.uint8)
        )
    table["mask"] = [f"indexed/{number:02d}.png" for number in range(COUNT)]
    table[["image", "mask", "group"]].to_csv(data / "labels.csv", index=False)
    options = DataOptions(map_labels=parse_map_labels("1=heart,2=lungs"))
    result = audit(data, tmp_path / "run", options, quick(cache, epochs=8), quiet=True)
    assert result.summary["exclusive"]
    for number in range(0, COUNT, 7):
        heart, lungs = (
            np.asarray(Image.open(tmp_path / "run" / "suggested" / name / f"{number:02d}.png")) > 0
            for name in STRUCTURES
        )
        assert not (heart & lungs).any()


def test_masks_that_are_not_drawn_are_found(source, cache, tmp_path):
    data, table = copied(source, tmp_path), table_of(source)
    table = table.drop(columns=["true_mask_heart", "true_mask_lungs"])
    table.loc[[3, 17], "mask_lungs"] = ""
    table.to_csv(data / "labels.csv", index=False)
    result = audit(data, tmp_path / "run", None, config(cache), quiet=True)
    rows = result.suspects.set_index(["id", "structure"])
    for number in (3, 17):
        row = rows.loc[(f"images/{number:02d}.png", "lungs")]
        assert row["flagged"] == 1
        assert row["given"] == ""
        assert row["why"].startswith("Seen, and not drawn.")
    assert result.summary["per_structure"]["lungs"]["missing"] == 2


def test_images_larger_than_their_masks(source, cache, tmp_path):
    data, table = copied(source, tmp_path), table_of(source)
    for name in table["image"][:5]:
        with Image.open(data / name) as image:
            image.resize((96, 96)).save(data / name)
    result = audit(data, tmp_path / "run", None, quick(cache), quiet=True)
    with Image.open(tmp_path / "run" / "doubt" / "03.png") as doubt:
        assert doubt.size == (96, 96)
    assert result.summary["doubt"]["images"] >= 0


@pytest.mark.parametrize(
    ("method", "own"),
    [("qam-ocm", {"quality", "weight"}), ("qam", {"quality"}), ("ss", {"kept", "disagreement"})],
)
def test_what_a_method_leaves_is_a_detector(method, own, source, cache, tmp_path):
    settings = {"method": method, "rank_by": sorted(own)[0]}
    result = audit(source, tmp_path / "run", None, quick(cache, **settings), quiet=True)
    assert own <= set(result.summary["detectors"])
    assert result.suspects["score"].is_monotonic_decreasing
    assert result.summary["method"] == method


def test_methods_that_need_the_share_get_it(source, cache, tmp_path):
    result = audit(source, tmp_path / "run", None, quick(cache, method="ousm", noise_rate=0.2), quiet=True)
    rate = result.summary["noise_rate"]
    assert (rate["estimate"], rate["low"], rate["high"]) == (0.2, 0.2, 0.2)
    assert result.suspects.groupby("id")["p_wrong"].max().mean() == pytest.approx(0.2, abs=0.01)
    assert "kept" in result.summary["detectors"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rank_by": "quality", "method": "ce"}, "reads what a method leaves, and this --method leaves none"),
        ({"rank_by": "neighbours"}, "Unknown detector 'neighbours'"),
        ({"effort": "fast"}, "--effort fast is for labels of whole images"),
        ({"folds": 0}, "--folds 0 is for labels of whole images"),
        ({"folds": 30}, "--folds 30 needs at least 30 groups"),
        ({"method": "forward"}, "is for classification, not for segmentation"),
    ],
)
def test_flags_that_do_not_fit_are_refused(settings, words, source, cache, tmp_path):
    with pytest.raises(InputError, match=words):
        audit(source, tmp_path / "run", None, quick(cache, **settings), quiet=True)
    assert not (tmp_path / "run").exists()


def test_the_command_line_says_it_in_a_few_lines(source, cache, tmp_path, capsys):
    from overread.cli.main import main

    flags = ["--network", "unet-tiny", "--size", "32", "--epochs", "3", "--cache", cache, "--quiet"]
    assert main(["audit", str(source), "-o", str(tmp_path / "run"), *flags]) == 0
    shown = capsys.readouterr().out
    assert "48 images, 24 groups, 2 structures" in shown
    for word in ("Wrong", "Flagged", "Look at", "Truth", "suspects.csv", "doubt", "report.html"):
        assert word in shown
    assert main(["report", str(tmp_path / "run")]) == 0
