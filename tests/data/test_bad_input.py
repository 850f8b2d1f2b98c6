"""Everything that is wrong with a data set comes in one message, with its cure."""

import pytest

from overread.data.load import load
from overread.data.options import DataOptions
from overread.errors import InputError

ROWS = [f"images/{index}.png,{'ab'[index % 2]}" for index in range(8)]


def said(path, **options):
    with pytest.raises(InputError) as caught:
        load(path, DataOptions(**options), 8, quiet=True)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_all_at_once(table, tmp_path):
    path = table(
        "image,label,id",
        [
            *(f"{row},{i // 2}" for i, row in enumerate(ROWS)),
            *(
                "images/gone.png,a,g1",
                "../nowhere/x.png,a,g2",
                "images/zero.png,b,g3",
                "images/text.jpg,b,g4",
            ),
            *("images/cut.png,b,g5", "images/0.png,,g6", "images/1.png,NaN,g7", "images/2.png,c,g8", ",a,g9"),
            "images/3.png,a",
        ],
    )
    (tmp_path / "images/zero.png").write_bytes(b"")
    (tmp_path / "images/text.jpg").write_text("a report")
    (tmp_path / "images/cut.png").write_bytes((tmp_path / "images/0.png").read_bytes()[:99])
    text = said(path)
    for part in (
        "1 row does not have the 3 cells of the header:\n    line 19: 2 cells",
        "1 row has no image:\n    line 18",
        "4 ids occur more than once:\n    0 (2 times)",
        "2 of 16 images have no label (empty or nan):\n    g6\n    g7",
        "1 label has one image only, with nothing to compare it to:\n    'c': g8",
        "2 of 16 image files do not exist:\n    images/gone.png\n    ../nowhere/x.png",
        "3 of 16 images cannot be read:\n    images/zero.png: the file is empty (0 bytes)",
        "images/text.jpg: not an image, but text",
        "images/cut.png: the file is truncated: its end is missing",
    ):
        assert part in text
    assert text.count("Cure:") == 7


def test_bad_images_can_be_left_out_and_are_listed(table, tmp_path):
    path = table(rows=[*ROWS, "images/gone.png,a", "images/text.jpg,c"])
    (tmp_path / "images/text.jpg").write_text("a report")
    reading, images = load(path, DataOptions(on_bad_image="skip"), 8, quiet=True)
    assert reading.left_out == [
        ("images/gone.png", "does not exist"),
        ("images/text.jpg", "not an image, but text"),
    ]
    assert reading.manifest.classes == ("a", "b")
    assert len(images) == len(reading.manifest) == 8
    assert any("2 files left out: images/gone.png (does not exist)" in line for line in reading.lines())


def test_five_are_shown_and_the_rest_counted(table):
    text = said(table(rows=[*ROWS, *(f"images/x{i}.png,a" for i in range(9))]))
    assert "9 of 17 image files do not exist" in text
    assert "images/x4.png" in text
    assert "images/x5.png" not in text
    assert "... and 4 more" in text


def test_nothing_left_is_not_offered_to_be_skipped(table, tmp_path):
    path = table(rows=[row.replace(".png", "") for row in ROWS])
    for how in ("stop", "skip"):
        text = said(path, on_bad_image=how)
        assert "8 of 8 image files do not exist" in text
        assert f"start from {tmp_path}, where there is no '0' but '0.png'" in text
        assert "--on-bad-image" not in text


def test_every_image_bad(table, tmp_path):
    path = table()
    for index in range(8):
        (tmp_path / f"images/{index}.png").write_text("x" * 60)
    assert "8 of 8 images cannot be read" in said(path, on_bad_image="skip")


def test_the_same_image_twice_without_ids(table):
    text = said(table(rows=[*ROWS, ROWS[0]]))
    assert "1 image is listed more than once:\n    images/0.png (2 times)" in text
    assert "column id" in text


def test_a_single_class(table):
    assert "all labels are the same: 'a'" in said(table(rows=[row[:-1] + "a" for row in ROWS]))


def test_no_labels_at_all(table):
    assert "no image has a label" in said(table(rows=[row[:-1] for row in ROWS]))


def test_a_column_of_numbers_is_questioned(table):
    text = said(table("image,age", [f"images/{i}.png,{i}" for i in range(8)]), label_col="age")
    assert "8 different labels for 8 images: is it the right column?" in text


def test_an_unfinished_truth(table):
    rows = [f"{row},{'a' if i else ''}" for i, row in enumerate(ROWS)]
    assert "1 of 8 images has no true label" in said(table("image,label,true_label", rows))


def test_long_and_strange_names_do_not_upset_the_terminal(table):
    text = said(table(rows=[*ROWS, f"images/{'x' * 300}.png,a", "images/\x1b[31mred.png,a"]))
    assert "\x1b" not in text
    assert "\\x1b[31mred.png" in text
    assert max(map(len, text.splitlines())) < 250


def test_paths_that_are_folders_or_without_permission(table, tmp_path):
    assert "images: is a folder" in said(table(rows=[*ROWS, "images,a"]))


def test_file_names_that_are_not_utf8(folder):
    path = folder()
    try:
        with open(bytes(path / "no") + b"/\xff\xfe.png", "wb") as file:
            file.write(b"x")
    except OSError:
        pytest.skip("this file system keeps names in Unicode")
    assert "1 file name is not valid UTF-8" in said(path)
