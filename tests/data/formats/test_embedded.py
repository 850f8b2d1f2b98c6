"""Images that lie in the cells of Parquet files, as Hugging Face's data sets keep them, and folders of such files."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from overread.data.contents import read_file
from overread.data.faults import BadImage
from overread.data.formats import embedded
from overread.data.images import decode, upright_size
from overread.data.load import load
from overread.data.masks import read_masks
from overread.data.options import DataOptions
from overread.data.read import read
from overread.data.task import task_of
from overread.errors import InputError

pyarrow = pytest.importorskip("pyarrow")
pytest.importorskip("pyarrow.parquet")

FEATURES = {
    "image": {"_type": "Image"},
    "label": {"names": ["no", "yes"], "_type": "ClassLabel"},
}


def values(at, height=9, width=12):
    return np.random.default_rng(at).integers(0, 256, (height, width, 3), dtype=np.uint8)


def png(array, form="PNG", **more):
    file = io.BytesIO()
    Image.fromarray(array).save(file, form, **more)
    return file.getvalue()


def held(count=12, start=0, names="{}.png"):
    """Cells as Hugging Face writes them."""
    return [
        {"bytes": png(values(at)), "path": names and names.format(at)} for at in range(start, start + count)
    ]


def write(path, rows=4, features=FEATURES, **columns):
    """A Parquet file in groups of some rows, with the features of Hugging Face's in its schema."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pyarrow.table(columns)
    told = {"huggingface": json.dumps({"info": {"features": features}})} if features else None
    pyarrow.parquet.write_table(table.replace_schema_metadata(told), path, row_group_size=rows)
    return path


def classes(found):
    return [found.classes[code] for code in found.given]


def said(path, **options):
    with pytest.raises(InputError) as caught:
        load(path, DataOptions(**options), 8, quiet=True)
    return str(caught.value)


def test_images_of_hugging_face(tmp_path):
    path = write(tmp_path / "a.parquet", image=held(), label=[0, 1] * 6)
    reading, images = load(path, DataOptions(), 12, quiet=True)
    manifest = reading.manifest
    assert list(manifest.ids) == [f"{at}.png" for at in range(12)]
    assert classes(manifest) == ["no", "yes"] * 6
    assert manifest.images[7] == "a.parquet#column=0&row=7"
    for at in (11, 0, 5):
        np.testing.assert_array_equal(images[[at]][0], decode(values(at), 12))
        assert read_file(manifest.path(at), "x") == png(values(at))
    assert upright_size(manifest.path(3), "x") == (9, 12)


@pytest.mark.parametrize("names", ["", "same.png"])
def test_without_names_of_their_own_rows_are_named(tmp_path, names):
    path = write(tmp_path / "a.parquet", image=held(names=names), label=[0, 1] * 6)
    assert read(path).manifest.ids[3] == "a.parquet#column=0&row=3"


def test_bytes_in_any_column_that_is_the_only_one(tmp_path):
    plain = [one["bytes"] for one in held()]
    path = write(
        tmp_path / "a.parquet", features=None, other=[1.5] * 12, jpg=plain, y=[*"ab"] * 6, file=["x"] * 12
    )
    reading = read(path)
    assert reading.guessed["image"] == "jpg"
    assert reading.manifest.images[2] == "a.parquet#column=1&row=2"
    assert load(path, DataOptions(), 8, quiet=True)[1].shape[0] == 12
    two = write(tmp_path / "b.parquet", features=None, one=plain, two=plain, label=[*"ab"] * 6)
    assert "no column 'image'" in said(two)
    assert len(read(two, DataOptions(image_col="two")).manifest) == 12


def test_a_group_of_rows_is_read_once(tmp_path, monkeypatch):
    read_groups = []
    own = embedded._read
    monkeypatch.setattr(embedded, "_read", lambda *how: read_groups.append(how[2]) or own(*how))
    load(write(tmp_path / "a.parquet", image=held(), label=[0, 1] * 6), DataOptions(), 8, quiet=True)
    assert sorted(read_groups) == [0, 1, 2]


@pytest.mark.parametrize("statistics", [True, False])
def test_cells_that_hold_a_path_or_nothing(tmp_path, statistics):
    Image.fromarray(values(50)).save(tmp_path / "there.png")
    cells = [*held(6), {"bytes": None, "path": "there.png"}, {"bytes": None, "path": None}, None]
    table = pyarrow.table({"image": cells, "label": [0, 1] * 4 + [1]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet", write_statistics=statistics)
    assert "2 rows have no image" in said(tmp_path / "a.parquet")
    pyarrow.parquet.write_table(table.slice(0, 7), tmp_path / "a.parquet", write_statistics=statistics)
    assert list(read(tmp_path / "a.parquet").manifest.images[5:]) == ["a.parquet#column=0&row=5", "there.png"]
    paths, kind = [{"bytes": None, "path": "there.png"}], table.schema.field("image").type
    pyarrow.parquet.write_table(pyarrow.table({"image": pyarrow.array(paths, kind)}), tmp_path / "b.parquet")
    assert list(read(tmp_path / "b.parquet", DataOptions(labels="optional")).manifest.images) == ["there.png"]


def test_masks_beside_images(tmp_path):
    drawn = [np.pad(np.full((3, 3 + at % 2), 255, np.uint8), ((1, 5), (1, 8 - at % 2))) for at in range(6)]
    masks = [{"bytes": png(one), "path": None} for one in drawn]
    path = write(tmp_path / "a.parquet", image=held(6), mask=masks)
    assert task_of(path, DataOptions()) == "segmentation"
    manifest = read(path).manifest
    assert manifest.task == "segmentation"
    np.testing.assert_array_equal(read_masks(manifest.masks, manifest.root, 3)[0], drawn[3] > 0)
    path = write(tmp_path / "b.parquet", image=held(6), label=masks)
    assert "--task segmentation --mask-col label" in said(path)
    assert len(read(path, DataOptions(task="segmentation", mask_col="label")).manifest) == 6


def test_what_is_no_image_is_told_and_nothing_is_run(tmp_path, monkeypatch):
    monkeypatch.setattr("overread.data.images.PIXEL_LIMIT", 10_000)
    wrong = [
        b"",
        b"hello",
        b"<svg/>",
        b"\x80\x04cos\nsystem\n.",
        png(np.zeros((150, 150), np.uint8)),
        held()[0]["bytes"][:50],
    ]
    cells = held(4) + [{"bytes": one, "path": "../../etc/passwd"} for one in wrong]
    path = write(tmp_path / "a.parquet", image=cells, label=[0, 1] * 5)
    text = said(path)
    assert "6 of 10 images cannot be read" in text
    for why in ("its cell is empty", "not an image", "150 x 150 pixels are beyond the limit"):
        assert why in text
    assert len(load(path, DataOptions(on_bad_image="skip"), 8, quiet=True)[1]) == 4


def test_a_group_that_unpacks_to_too_much(tmp_path, monkeypatch):
    path = write(tmp_path / "a.parquet", image=held(), label=[0, 1] * 6)
    monkeypatch.setattr(embedded, "LIMIT", 500)
    assert "its rows lie in groups of" in said(path)
    told = embedded._chunk
    monkeypatch.setattr(embedded, "_chunk", lambda *how: None if embedded.LIMIT == 501 else told(*how))
    monkeypatch.setattr(embedded, "LIMIT", 501)  # a file that lies of its size
    assert "smaller ones (row_group_size=100)" in said(path)
    monkeypatch.setattr("overread.data.formats.columnar.LIMIT", 10)
    assert "its text and numbers unpack to more than" in said(path)


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("column=1&row=0", r"column '1' holds no files; those that do, counted from 0: \[0\]"),
        ("column=0&row=12", "has 12 rows, counted from 0; there is no '12'"),
        ("column=0", "there is no ''"),
    ],
)
def test_an_address_that_leads_nowhere(tmp_path, place, why):
    write(tmp_path / "a.parquet", image=held(), label=[0, 1] * 6)
    with pytest.raises(BadImage, match=why):
        read_file(f"{tmp_path}/a.parquet#{place}", "x")
    (tmp_path / "no.parquet").write_bytes(b"no")
    with pytest.raises(BadImage, match="cannot be read as Parquet"):
        read_file(f"{tmp_path}/no.parquet#{place}", "x")


def test_a_class_of_none_is_no_label(tmp_path):
    path = write(tmp_path / "a.parquet", image=held(), label=[0, 1] * 5 + [-1, -1])
    assert "2 of 12 images have no label" in said(path)


@pytest.mark.parametrize("base", ["", "data", "default", "plain_text/"])
def test_shards_of_splits(tmp_path, base):
    folder = tmp_path / "set" / base
    inside = base in ("default", "plain_text/")
    for at, name in enumerate(
        ("train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001", "test")
    ):
        split, _, _ = name.partition("-")
        file = f"{split}/{at:04}.parquet" if inside else f"{name}.parquet"
        write(folder / file, image=held(6, 6 * at), label=[0, 1] * 3)
    reading, images = load(tmp_path / "set", DataOptions(), 12, quiet=True)
    manifest = reading.manifest
    assert sorted(set(manifest.split)) == ["test", "train", "val"]
    assert (manifest.split == "train").sum() == 12
    row = list(manifest.ids).index("7.png")
    assert str(manifest.path(row)).startswith(str(folder))
    np.testing.assert_array_equal(images[[row]][0], decode(values(7), 12))
    assert any("listed in 4 tables" in note for note in reading.notes)
    assert len(read(tmp_path / "set", DataOptions(split="train")).manifest) == 12


def test_shards_that_are_not_there_and_folders_of_several_sets(tmp_path):
    write(tmp_path / "set" / "a" / "odd-00001-of-00003.parquet", image=held(), label=[0, 1] * 6)
    reading = read(tmp_path / "set", DataOptions(split_map={"odd": "train"}))
    assert set(reading.manifest.split) == {"train"}
    assert any("Of the 3 files of 'odd' 2 are not there" in note for note in reading.notes)
    write(tmp_path / "set" / "b" / "test.parquet", image=held(), label=[0, 1] * 6)
    assert "holds several data sets: 'a', 'b'. Give one of them" in said(tmp_path / "set")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "dataset_dict.json").write_text("{}")
    assert "was written by save_to_disk" in said(tmp_path / "saved")


def test_a_parquet_file_of_another_name_beside_classes_is_left_alone(folder, tmp_path):
    write(folder() / "patients.parquet", features=None, image=["a"], group=["p"])
    reading = read(folder())
    assert reading.kind == "folder"
    assert any("patients.parquet" in note for note in reading.notes)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_splits_with_metadata_of_their_own(tmp_path, draw, form):
    for split, count in (("train", 8), ("validation", 4), ("test", 4)):
        place = tmp_path / "set" / split
        for at in range(count):
            draw(place / "images" / f"{at}.png")
        rows = [
            {"file_name": f"images/{at}.png", "label": "ab"[at % 2], "patient": f"{split} {at // 2}"}
            for at in range(count)
        ]
        if split == "test":
            continue
        text = "\n".join(map(json.dumps, rows))
        if form == "csv":
            text = "\n".join(["file_name,label,patient", *(",".join(row.values()) for row in rows)])
        (place / f"metadata.{form}").write_text(text)
    reading = read(tmp_path / "set")
    manifest = reading.manifest
    assert manifest.images[3] == "train/images/3.png"
    assert list(manifest.split) == ["train"] * 8 + ["val"] * 4
    assert len(set(manifest.group)) == 6
    assert any("no table in them: 'test/'" in note for note in reading.notes)


def test_the_folders_of_hugging_face_with_classes_in_them(folder, tmp_path):
    for split in ("train", "validation", "test"):
        folder(split)
    manifest = read(tmp_path / "set").manifest
    assert sorted(set(manifest.split)) == ["test", "train", "val"]
    assert manifest.classes == ("no", "yes")


def test_damaged_files_end_in_a_message(tmp_path):
    """Some hundred files with a few wrong bytes: each is read, or told."""
    whole = write(tmp_path / "a.parquet", image=held(), label=[0, 1] * 6).read_bytes()
    rng, ends = np.random.default_rng(0), []
    for _ in range(100):
        wrong = bytearray(whole)
        for at in rng.integers(len(wrong) - 600, len(wrong), 4):  # where the file says what is where
            wrong[at] = rng.integers(256)
        (tmp_path / "a.parquet").write_bytes(bytes(wrong))
        try:
            ends.append(len(load(tmp_path / "a.parquet", DataOptions(), 8, quiet=True)[1]))
        except InputError as error:
            ends.append(str(error))
    assert sum(isinstance(end, str) for end in ends) > 50
