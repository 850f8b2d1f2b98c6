"""`--to csv`: what stands, who said so, and DATA again."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import pandas as pd
import pytest

import overread
from overread.cli.main import main
from overread.data.images import decode
from overread.data.options import DataOptions
from overread.data.read import read
from overread.errors import InputError
from overread.exporting.labels import Labels
from overread.store import LabelStore, Opinion
from overread.verbs.export import without_password

NEW = DataOptions(map_labels={"'@new": "mel"})  # a class of one image is no class to learn


def cells(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def test_without_a_store_all_is_given(kit, run, tmp_path, capsys):
    assert main(["export", str(run), "-o", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert "nobody has said anything yet: every label is the given one" in shown
    table = cells(tmp_path / "out" / "labels.csv")
    assert table["label"].tolist() == list(kit.labels)
    assert set(table["status"]) == {"given"}
    assert set(table["who"]) == set(table["when"]) == set(table["why"]) == {""}
    record = json.loads((tmp_path / "out" / "export.json").read_text("utf-8"))
    assert (record["store"], record["head"], record["written"]["changed"]) == (None, None, 0)


def test_what_stands_and_where_it_comes_from(said, tmp_path):
    result = overread.export(said, tmp_path / "out")
    table = cells(tmp_path / "out" / "labels.csv").set_index("id")
    name = "images/{} é.png".format
    one = table.loc[name(1)]
    assert (one["given_label"], one["label"], one["status"], one["verified"]) == ("mel", "nv", "agreed", "1")
    assert (one["who"], one["readers"], one["true_label"]) == ("ann, bob", "2", "nv")
    assert one["why"] == "no network, \"quoted\"\nsecond line; =cmd|' /C calc'!A0"
    assert one["when"].endswith("+00:00")
    kept = table.loc[name(0)]
    assert (kept["label"], kept["status"], kept["verified"], kept["who"]) == ("nv", "agreed", "1", "ann")
    disputed = table.loc[name(2)]
    assert (disputed["label"], disputed["status"], disputed["verified"]) == ("=mel", "disputed", "0")
    assert disputed["readers"] == "2"
    untouched = table.loc[name(4)]
    assert (untouched["label"], untouched["status"], untouched["readers"]) == ("mel", "given", "0")
    assert result.record["written"] == {
        "samples": 8,
        "status": {"agreed": 2, "authority": 1, "disputed": 1, "given": 3, "unreadable": 1},
        "verified": 3,
        "changed": 2,
        "left_out": 1,
        "alone": ["'@new"],
    }


def test_what_cannot_be_used_stands_in_a_table_of_its_own(said, tmp_path, capsys):
    assert main(["export", str(said), "-o", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert "1 images without a label to use" in shown
    assert "'@new (one image alone is no class to learn; --map-labels joins it with another)" in shown
    away = cells(tmp_path / "out" / "left-out.csv")
    assert away["id"].tolist() == ["images/3 é.png"]
    assert (away["status"][0], away["why"][0], away["given_label"][0]) == ("unreadable", "blurred", "nv")
    assert len(cells(tmp_path / "out" / "labels.csv")) == 7


def test_free_text_never_becomes_a_formula(said, tmp_path):
    overread.export(said, tmp_path / "out")
    table = cells(tmp_path / "out" / "labels.csv").set_index("id")
    new = table.loc["images/6 é.png"]
    assert (new["label"], new["who"]) == ("'@new", "'+eve")  # people wrote these
    assert table.loc["images/2 é.png"]["given_label"] == "'=mel"
    assert table.loc["images/5 é.png"]["label"] == "=mel"  # the data's own name of a class stays


def test_it_is_data_again_from_anywhere(said, data, tmp_path, monkeypatch):
    out = tmp_path / "deep" / "er" / "out"
    overread.export(said, out)
    before, after = read(data).manifest, read(out, NEW).manifest
    assert after.ids.tolist() == [name for name in before.ids if name != "images/3 é.png"]
    assert after.group.tolist() == [g for n, g in zip(before.ids, before.group, strict=True) if "3" not in n]
    assert after.split.tolist()[-1] == "test"
    assert after.verified.tolist() == [True, True, False, False, False, True, False]
    assert after.classes[after.given[1]] == "nv"
    assert all(after.path(row).is_file() for row in range(len(after)))
    assert not os.path.isabs(after.images[0])
    moved = tmp_path / "moved"
    moved.mkdir()
    (tmp_path / "deep").rename(moved / "deep")  # with what it points at, at the same distance
    data.rename(moved / data.name)
    monkeypatch.chdir("/")
    assert len(read(moved / "deep" / "er" / "out" / "labels.csv", NEW).manifest) == 7


def test_what_data_had_verified_stays_so(kit, data, tmp_path):
    run = kit.make_run(data, tmp_path / "run", verified=[1, 0, 0, 0, 0, 0, 0, 1])
    store = kit.open_store(run)
    store.append(Opinion("images/7 é.png", "ann", "unsure"))
    store.close()
    overread.export(run, tmp_path / "out")
    assert cells(tmp_path / "out" / "labels.csv")["verified"].tolist() == ["1", *"0000000"]


def test_samples_without_a_group_get_none(kit, data, tmp_path):
    table = cells(data / "labels.csv").drop(columns=["group", "true_label"])
    table.to_csv(data / "labels.csv", index=False)
    overread.export(kit.make_run(data, tmp_path / "run"), tmp_path / "out")
    written = cells(tmp_path / "out" / "labels.csv")
    assert set(written["group"]) == {""}
    assert "true_label" not in written


def test_images_of_an_npz_stay_in_it(kit, tmp_path):
    import numpy as np

    pixels = np.arange(4 * 5 * 5, dtype=np.uint8).reshape(4, 5, 5)
    np.savez(tmp_path / "d.npz", train_images=pixels, train_labels=np.array([[0], [1], [0], [1]]))
    run = kit.make_run(tmp_path / "d.npz", tmp_path / "run")
    overread.export(run, tmp_path / "out")
    again = read(tmp_path / "out").manifest
    assert again.ids.tolist() == ["train/0", "train/1", "train/2", "train/3"]
    assert again.images[2] == "../d.npz#array=train_images&row=2"
    assert np.array_equal(decode(again.path(2), 5)[..., 0], pixels[2])


def test_of_masks_a_row_for_each_structure(kit, cases, tmp_path):
    run = kit.make_run(cases, tmp_path / "run")
    store = kit.open_store(run)
    entry = store.append(
        [
            Opinion(
                "images/0.png",
                "ann",
                "label",
                structure="heart",
                mask=kit.png(kit.boxes(1)["heart"]),
                reason="more",
            ),
            Opinion("images/1.png", "bob", "unreadable"),
        ]
    )[0]
    store.close()
    result = overread.export(run, tmp_path / "out")
    table = cells(tmp_path / "out" / "masks.csv")
    assert table[["id", "structure"]].values.tolist()[:2] == [
        ["images/0.png", "heart"],
        ["images/0.png", "lungs"],
    ]
    assert table["drawn"].tolist() == [entry.mask, *[""] * 5]
    assert table["status"].tolist() == ["agreed", "given", "unreadable", "unreadable", "given", "given"]
    assert table["why"][0] == "more"
    assert table["given_mask"][0] == str(cases / "heart" / "0.png")
    assert table["given_mask"][4] == ""
    assert result.record["written"]["changed"] == 1


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (
            lambda run, out: out.mkdir() or (out / "x").touch(),
            r"already holds x\. Name one that is new or empty",
        ),
        (lambda run, out: (run / "run.json").unlink(), r"is not the folder of a run: .*no run\.json"),
        (lambda run, out: (run / "manifest.csv").unlink(), r"manifest\.csv cannot be read"),
        (
            lambda run, out: (run / "manifest.csv").write_text("a,b\n1,2\n"),
            r"column given, group, id, image, split",
        ),
    ],
)
def test_what_is_refused(run, tmp_path, prepare, message):
    prepare(run, tmp_path / "out")
    with pytest.raises(InputError, match=message):
        overread.export(run, tmp_path / "out")


def test_an_unknown_form_is_refused(run, tmp_path):
    with pytest.raises(InputError, match=r"Unknown format 'csw'\. Did you mean 'csv'\?"):
        overread.export(run, tmp_path / "out", "csw")


def test_a_form_of_ones_own(run, tmp_path):
    own = tmp_path / "own.py"
    own.write_text(
        "def write(labels, folder):\n    (folder / 'x').touch()\n    return {'n': len(labels.kept)}\n"
    )
    result = overread.export(run, tmp_path / "out", f"{own}:write")
    assert (result.record["files"], result.record["written"]) == (["x"], {"n": 8})


def test_a_store_elsewhere_is_named(kit, run, tmp_path):
    url = str(tmp_path / "other.sqlite")
    store = kit.open_store(run, url=url)
    store.append(Opinion("images/0 é.png", "ann", "label", "mel"))
    store.close()
    assert overread.export(run, tmp_path / "a").record["head"] is None
    record = overread.export(run, tmp_path / "b", db=url).record
    assert (record["store"], record["head"]["number"]) == (url, 1)
    info = json.loads((run / "run.json").read_text("utf-8"))
    (run / "run.json").write_text(
        json.dumps({**info, "identity": {"db": url}}), "utf-8"
    )  # as clean --db leaves it
    assert overread.export(run, tmp_path / "c").record["head"]["number"] == 1
    with pytest.raises(InputError, match=r"There is no label store .*nowhere"):
        overread.export(run, tmp_path / "d", db=str(tmp_path / "nowhere"))


def test_a_password_is_told_to_nobody(run):
    url = "postgresql://ann:secret@host/db"
    labels = Labels(run, run, None, store=SimpleNamespace(url="postgresql+psycopg://ann:***@host/db"))
    for command in (["overread", "export", "--db", url], ["overread", "export", f"--db={url}"]):
        assert "secret" not in json.dumps(without_password(command, url, labels))


def test_the_store_of_another_run_is_refused(run, tmp_path):
    store = LabelStore.open(run / "labels.sqlite")
    store.register(["images/0 é.png", "images/1 é.png"], ["nv", "nv"])
    store.close()
    with pytest.raises(
        InputError, match=r"6 of its 8 samples are not in it, such as .*2 é.* 1 have another given"
    ):
        overread.export(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_export_sees_one_moment(said, tmp_path, monkeypatch):
    """What is said while it is written does not slip in: the head tells what is in it."""
    before, later = LabelStore.head, Opinion("images/4 é.png", "zoe", "label", "nv")

    def head_then_more(self):
        found = before(self)
        self.append(later)
        return found

    monkeypatch.setattr(LabelStore, "head", head_then_more)
    result = overread.export(said, tmp_path / "out")
    table = cells(tmp_path / "out" / "labels.csv").set_index("id")
    assert table.loc[later.sample]["status"] == "given"
    assert result.record["head"]["number"] == 7
