"""Folders of classes, MedMNIST arrays, and tables of groups."""

import numpy as np
import pytest

from overread.data.options import DataOptions, parse_split_map
from overread.data.read import read
from overread.errors import InputError


def said(path, **options):
    with pytest.raises(InputError) as caught:
        read(path, DataOptions(**options))
    return str(caught.value)


def test_a_folder_of_classes(folder):
    manifest = read(folder()).manifest
    assert manifest.classes == ("no", "yes")
    assert manifest.ids[0] == "no/0.png"
    assert set(manifest.split) == {""}


def test_splits_above_the_classes(folder):
    folder("train")
    reading = read(folder("Validation"))
    assert sorted(set(reading.manifest.split)) == ["train", "val"]
    assert reading.manifest.ids[0] == "Validation/no/0.png"
    assert len(read(folder("train"), DataOptions(split="val")).manifest) == 6


def test_other_names_of_splits_by_split_map(folder):
    folder("odd")
    options = DataOptions(split_map=parse_split_map("odd=train,even=test"))
    assert sorted(set(read(folder("even"), options).manifest.split)) == ["test", "train"]


def test_classes_may_be_called_like_splits(folder):
    assert read(folder(classes=("test", "control"))).manifest.classes == ("control", "test")


def test_hidden_files_are_ignored_and_others_listed(folder):
    path = folder()
    for name in ("no/.DS_Store", "no/Thumbs.db", "no/._0.png", "no/notes.txt", ".git"):
        (path / name).write_bytes(b"x")
    assert read(path).left_out == [("no/notes.txt", "not an image by its ending")]


def test_a_flat_test_folder_is_left_out(folder, draw):
    path = folder("train")
    draw(path / "test" / "1.png")
    assert read(path).left_out == [("test/1.png", "lies in no class folder")]


def test_a_table_beside_the_classes_is_told(folder):
    path = folder()
    (path / "patients.csv").write_text(
        "image,patient\n" + "".join(f"{c}/{i}.png,{i}\n" for c in ("no", "yes") for i in range(3))
    )
    assert any("not read: 'patients.csv'" in note for note in read(path).notes)
    reading = read(path, DataOptions(groups=path / "patients.csv"))
    assert not any("not read" in note for note in reading.notes)
    assert reading.manifest.group.tolist() == ["0", "1", "2"] * 2
    assert reading.guessed == {"groups": "patients.csv: patient by image"}


def test_mixed_depth_is_told_in_one_message(folder, draw):
    path = folder("train")
    draw(path / "x.png")
    draw(path / "train" / "y.png")
    draw(path / "train" / "yes" / "deep" / "z.png")
    (path / "other").mkdir()
    text = said(path)
    assert "2 images lie outside the class folders" in text
    assert "train/yes/deep/" in text
    assert "folders lie beside 'train/' that are not splits" in text


def test_folders_without_images(tmp_path):
    assert "the folder is empty" in said(tmp_path)
    (tmp_path / "a").mkdir()
    assert "its folders hold no image" in said(tmp_path)
    (tmp_path / "a" / "list.xlsx").write_bytes(b"x")
    assert "the endings are '.xlsx'; Excel workbooks are not read: save the sheet as CSV" in said(tmp_path)
    (tmp_path / "list.csv").write_text("image,label\n")
    assert f"give it: {tmp_path / 'list.csv'}" in said(tmp_path)


def test_an_empty_class_folder_is_told(folder):
    path = folder()
    (path / "maybe").mkdir()
    assert any("1 folder holds no image: 'maybe/'" in note for note in read(path).notes)


def test_a_single_class_and_a_class_of_one(folder, draw):
    path = folder(classes=("no",))
    assert "all labels are the same: 'no'" in said(path)
    draw(path / "odd" / "1.png")
    text = said(path)
    assert "1 label has one image only" in text
    assert "'odd': odd/1.png" in text
    assert "--map-labels" in text


def test_column_flags_do_not_fit_a_folder(folder):
    assert "--label-col" in said(folder(), label_col="x")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sett", "Did you mean 'set'?"),
        ("set/no/0.png", "one image is not a data set"),
        ("book.xlsx", "save the sheet as CSV"),
        ("x.bin", "not a form of data that is known"),
        ("n" * 300, "it does not exist"),
    ],
)
def test_what_is_no_data(folder, tmp_path, name, text):
    folder()
    (tmp_path / "book.xlsx").write_bytes(b"PK")
    (tmp_path / "x.bin").write_bytes(b"PK")
    assert text in said(tmp_path / name)


def test_the_folder_of_a_run_is_no_data(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    assert "is the folder of a run" in said(tmp_path)


def groups(tmp_path, text):
    path = tmp_path / "tables" / "groups.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_groups_start_from_the_data_or_from_their_table(folder, tmp_path):
    path = folder()
    images = [f"{name}/{index}.png" for name in ("no", "yes") for index in range(3)]
    near = groups(tmp_path, "image,group\n" + "".join(f"{image},p\n" for image in images))
    assert set(read(path, DataOptions(groups=near)).manifest.group) == {"p"}
    far = groups(tmp_path, "file,case\n" + "".join(f"../set/{image},q\n" for image in images))
    assert set(read(path, DataOptions(groups=str(far))).manifest.group) == {"q"}


def test_images_without_a_group_and_with_two(folder, tmp_path):
    table = groups(tmp_path, "image,group\nno/0.png,p\nno/0.png,q\nno/1.png,\n")
    text = said(folder(), groups=table)
    assert "5 of 6 images have no group" in text
    assert "no/1.png" in text
    assert "1 image has two groups" in text


def test_tables_of_groups_that_do_not_fit(folder, table, tmp_path):
    assert "expected the columns image and group; the columns are: a, b" in said(
        folder(), groups=groups(tmp_path, "a,b\n1,2\n")
    )
    assert "No such file" in said(folder(), groups=tmp_path / "none.csv")
    assert "Give one of them" in said(table(), groups="x.csv", group_col="label")


def arrays(tmp_path, **values):
    path = tmp_path / "m.npz"
    np.savez(path, **values)
    return path


def medmnist(count, shape=(5, 5)):
    return np.zeros((count, *shape), np.uint8), np.arange(count)[:, None] % 3


def test_medmnist(tmp_path):
    images, labels = medmnist(9)
    path = arrays(tmp_path, train_images=images, train_labels=labels, val_images=images, val_labels=labels)
    reading = read(path, DataOptions(split="val"))
    assert reading.kind == "npz"
    assert reading.manifest.classes == ("0", "1", "2")
    assert reading.manifest.ids[0] == "val/0"
    assert reading.manifest.path(3) == tmp_path / "m.npz#array=val_images&row=3"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"train_images": np.zeros((4, 5, 5)), "train_labels": np.zeros((4, 2))}, "several labels at once"),
        (
            {"train_images": np.zeros((4, 5, 5)), "train_labels": np.zeros((5, 1))},
            "4 train_images but 5 train_labels",
        ),
        ({"x": np.zeros(3)}, "holds the arrays 'x'"),
        ({"train_images": np.array([{}], dtype=object), "train_labels": np.zeros((1, 1))}, "pickled objects"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, values, text):
    assert text in said(arrays(tmp_path, **values))


def test_an_npz_that_is_none(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"hello")
    assert "cannot be read as an .npz" in said(tmp_path / "x.npz")
