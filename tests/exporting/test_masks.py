"""`--to masks`: current masks as files in the layout that they came in, DATA again."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import overread
from overread.data.masks import read_masks
from overread.data.options import DataOptions
from overread.data.read import read
from overread.errors import InputError
from overread.exporting.mask_files import joined
from overread.store import Opinion

NAMES = {"1": "heart", "2": "lungs", "4": "lungs"}


def drawn(side, size=(8, 10)):
    mask = np.zeros(size, bool)
    mask[:side, :side] = True
    return mask


def say(kit, run, *opinions):
    store = kit.open_store(run)
    store.append(list(opinions))
    store.close()


def masks_of(out, options=None):
    """[N, K, H, W] what is read from an export."""
    manifest = read(out, options or DataOptions()).manifest
    return manifest, [read_masks(manifest.masks, manifest.root, row) for row in range(len(manifest))]


def test_a_file_a_structure(kit, cases, tmp_path):
    run = kit.make_run(cases, tmp_path / "run")
    say(
        kit,
        run,
        Opinion(
            "images/1.png", "ann", "label", structure="heart", mask=kit.png(drawn(5)), reason="too small"
        ),
    )
    result = overread.export(run, tmp_path / "out", "masks")
    manifest, masks = masks_of(tmp_path / "out")
    assert manifest.classes == ("heart", "lungs")
    assert manifest.ids.tolist() == ["images/0.png", "images/1.png", "images/2.png"]
    assert np.array_equal(masks[0], np.stack(list(kit.boxes(0).values())))
    assert np.array_equal(masks[1], np.stack([drawn(5), kit.boxes(1)["lungs"]]))
    assert not masks[2][0].any()
    with Image.open(tmp_path / "out" / "masks" / "heart" / "1.png") as picture:
        assert np.unique(np.asarray(picture)).tolist() == [0, 255]
    table = pd.read_csv(tmp_path / "out" / "masks.csv", dtype=str, keep_default_na=False)
    row = table[(table["id"] == "images/1.png") & (table["structure"] == "heart")].iloc[0]
    assert (row["mask"], row["who"], row["why"]) == ("masks/heart/1.png", "ann", "too small")
    assert result.record["written"]["changed"] == 1
    assert result.record["head"]["number"] == 1


def test_one_file_for_all_keeps_its_numbers(kit, indexed, tmp_path):
    options = DataOptions(map_labels=NAMES)
    run = kit.make_run(indexed, tmp_path / "run", options)
    say(kit, run, Opinion("images/1.png", "ann", "label", structure="heart", mask=kit.png(drawn(7))))
    written = overread.export(run, tmp_path / "out", "masks").record["written"]
    with Image.open(tmp_path / "out" / "masks" / "0.png") as picture:
        assert np.unique(np.asarray(picture)).tolist() == [0, 1, 2]
    assert written["read_with"] == ["--map-labels", "1=heart,2=lungs"]
    manifest, masks = masks_of(tmp_path / "out", DataOptions(map_labels={"1": "heart", "2": "lungs"}))
    assert manifest.masks.exclusive
    before = read(indexed, options).manifest
    assert np.array_equal(masks[0], read_masks(before.masks, before.root, 0))
    assert np.array_equal(masks[1][0], drawn(7))  # what was drawn goes before what was given
    assert np.array_equal(masks[1][1], kit.boxes(1)["lungs"] & ~drawn(7))


def test_numbers_without_names_need_no_flag(kit, indexed, tmp_path):
    run = kit.make_run(indexed, tmp_path / "run")
    record = overread.export(run, tmp_path / "out", "masks").record
    assert "read_with" not in record["written"]
    manifest, _ = masks_of(tmp_path / "out")
    assert manifest.classes == ("1", "2", "4")


def test_one_structure_in_the_column_mask(kit, cases, tmp_path):
    table = pd.read_csv(cases / "cases.csv", dtype=str)[["image", "mask_lungs"]]
    table.columns = ["image", "mask"]
    table.to_csv(cases / "cases.csv", index=False)
    overread.export(kit.make_run(cases, tmp_path / "run"), tmp_path / "out", "masks")
    manifest, masks = masks_of(tmp_path / "out")
    assert manifest.classes == ("mask",)
    assert np.array_equal(masks[1][0], kit.boxes(1)["lungs"])


def test_structures_that_were_merged_have_one_file(kit, cases, tmp_path):
    options = DataOptions(merge={"thorax": ("heart", "lungs")})
    overread.export(kit.make_run(cases, tmp_path / "run", options), tmp_path / "out", "masks")
    manifest, masks = masks_of(tmp_path / "out")
    assert manifest.classes == ("thorax",)
    assert np.array_equal(masks[0][0], kit.boxes(0)["heart"] | kit.boxes(0)["lungs"])


def test_structures_that_exclude_each_other_say_so(kit, cases, tmp_path):
    run = kit.make_run(cases, tmp_path / "run", DataOptions(structures="exclusive"))
    written = overread.export(run, tmp_path / "out", "masks").record["written"]
    assert written["read_with"] == ["--structures", "exclusive"]


def test_images_out_of_scope_are_left_out(kit, cases, tmp_path):
    run = kit.make_run(cases, tmp_path / "run")
    say(kit, run, Opinion("images/1.png", "ann", "out-of-scope"))
    assert overread.export(run, tmp_path / "out", "masks").record["written"]["left_out"] == 1
    assert masks_of(tmp_path / "out")[0].ids.tolist() == ["images/0.png", "images/2.png"]
    away = pd.read_csv(tmp_path / "out" / "left-out.csv", dtype=str)
    assert away["id"].tolist() == ["images/1.png"]


def test_a_run_of_an_older_overread(kit, cases, tmp_path):
    run = kit.make_run(cases, tmp_path / "run")
    info = json.loads((run / "run.json").read_text("utf-8"))
    del info["data"]["options"]
    (run / "run.json").write_text(json.dumps(info), "utf-8")
    with pytest.raises(InputError, match=r"does not say how its data were read\. Run it again"):
        overread.export(run, tmp_path / "out", "masks")


def test_data_that_are_gone_or_have_changed(kit, cases, tmp_path):
    run = kit.make_run(cases, tmp_path / "run")
    table = pd.read_csv(cases / "cases.csv", dtype=str, keep_default_na=False)
    table.iloc[:2].to_csv(cases / "cases.csv", index=False)
    with pytest.raises(
        InputError, match=r"has changed since .*run was made: .*2\.png.* is not in it any more"
    ):
        overread.export(run, tmp_path / "out", "masks")
    table.drop(columns="mask_heart").to_csv(cases / "cases.csv", index=False)
    with pytest.raises(InputError, match=r"its structures were 'heart', 'lungs' and are 'lungs'"):
        overread.export(run, tmp_path / "out", "masks")
    cases.rename(tmp_path / "elsewhere")
    with pytest.raises(
        InputError, match=r"The data that .*run was made from cannot be read any more.*not exist"
    ):
        overread.export(run, tmp_path / "out", "masks")


def test_labels_have_no_masks(run, tmp_path):
    with pytest.raises(
        InputError, match=r"has labels of whole images, and no masks\. Export them by --to csv"
    ):
        overread.export(run, tmp_path / "out", "masks")


def test_masks_of_another_size_are_stretched():
    given = np.zeros((2, 2, 2), bool)
    given[1, 0, 0] = True
    found = joined(given, {0: drawn(3, (4, 4))}, exclusive=False)
    assert found.shape == (2, 4, 4)
    assert np.array_equal(found[0], drawn(3, (4, 4)))
    assert np.array_equal(found[1], drawn(2, (4, 4)))
    assert not joined(given, {0: drawn(3, (4, 4))}, exclusive=True)[1].any()


def test_what_was_drawn_goes_before_what_was_given_and_then_the_first():
    given = np.ones((3, 1, 3), bool)
    assert joined(given, {1: np.array([[True, False, False]])}, exclusive=True).astype(int).tolist() == [
        [[0, 1, 1]],
        [[1, 0, 0]],
        [[0, 0, 0]],
    ]
