"""Tables as people have them: separators, encodings, names, and what must be asked for."""

import pytest

from overread.data.manifest import Manifest
from overread.data.options import DataOptions, parse_map_labels, parse_split_map
from overread.data.read import read
from overread.errors import InputError

LABELLED = [f"images/{index}.png,{'ab'[index % 2]}" for index in range(8)]


def said(path, **options):
    with pytest.raises(InputError) as caught:
        read(path, DataOptions(**options))
    assert caught.value.exit_code == 2
    return str(caught.value)


def names(manifest):
    return [manifest.classes[code] for code in manifest.given]


def test_a_plain_table(table, tmp_path):
    reading = read(table())
    assert reading.kind == "table"
    assert reading.guessed == {}
    assert reading.manifest.classes == ("a", "b")
    assert list(reading.manifest.ids) == [f"images/{index}.png" for index in range(8)]
    assert (reading.manifest.group == reading.manifest.ids).all()
    assert reading.manifest.path(3) == tmp_path / "images/3.png"
    assert reading.manifest.truth is None


@pytest.mark.parametrize(
    "data",
    [
        "image;label\n{}".replace(";", ";"),
        "\ufeffimage;label\n{}",
        "image\tlabel\n{}",
        "image|label\n{}",
        "sep=;\r\nimage;label\r\n{}",
        "\n\nimage;label;\n{}",
    ],
)
def test_separators_marks_and_blank_lines(table, data):
    sign = next(sign for sign in "\t|;" if sign in data)
    body = (
        "\n".join(row.replace(",", sign) + (sign if "label;\n" in data else "") for row in LABELLED) + "\n\n"
    )
    assert names(read(table(data=data.format(body).encode())).manifest) == list("abababab")


def test_utf16_and_windows_text(table):
    text = "image,label\n" + "\n".join(row.replace(",b", ",bösartig") for row in LABELLED)
    assert "bösartig" in read(table(data=text.encode("utf-16"))).manifest.classes
    reading = read(table(data=text.encode("cp1252")))
    assert "bösartig" in reading.manifest.classes
    assert any("Windows-1252" in note for note in reading.notes)


def test_labels_and_ids_stay_text(table):
    rows = [f"images/{i}.png,{('0012', 'NA', '1.0', 'None')[i % 4]},00{i}" for i in range(8)]
    manifest = read(table("image,label,id", rows)).manifest
    assert manifest.classes == ("0012", "1.0", "NA", "None")
    assert manifest.ids[3] == "003"


def test_spaces_around_labels_are_taken_off_and_told(table):
    reading = read(table(rows=[row.replace(",b", ", b ") for row in LABELLED]))
    assert reading.manifest.classes == ("a", "b")
    assert any("4 labels had spaces" in note for note in reading.notes)


def test_unicode_spaces_and_300_characters(table, draw, tmp_path):
    deep = "/".join(["x" * 145, "y" * 145, "ein Bild mit Ümläuten 图像.png"])
    draw(tmp_path / deep)
    rows = [*LABELLED, f'"{deep}",a', f"images/../{deep},{'ß' * 300}", f"./{deep},{'ß' * 300}"]
    manifest = read(table(rows=rows)).manifest
    assert "ß" * 300 in manifest.classes
    assert manifest.path(8).is_file()


def test_columns_are_guessed_when_only_one_fits(table):
    rows = [f"{row},p{i // 2},{('training', 'validation')[i // 4]}" for i, row in enumerate(LABELLED)]
    reading = read(table("filename,dx,Patient_ID,subset", rows))
    assert reading.guessed == {
        "image": "filename",
        "label": "dx",
        "group": "Patient_ID",
        "split": "subset",
        "split 'training'": "train",
        "split 'validation'": "val",
    }
    assert set(reading.manifest.split) == {"train", "val"}


def test_a_column_named_by_a_flag_is_no_guess(table):
    rows = [f"{row},p{i // 2}" for i, row in enumerate(LABELLED)]
    reading = read(table("image,dx,who", rows), DataOptions(label_col="dx", group_col="who"))
    assert reading.guessed == {}
    assert len(set(reading.manifest.group)) == 4


def test_missing_columns_come_in_one_message(table):
    text = said(table("image,diagnosis", LABELLED), label_col="diagnosi", split_col="zzz")
    assert "There is no column 'diagnosi' (--label-col). Did you mean 'diagnosis'?" in text
    assert "There is no column 'zzz' (--split-col)." in text
    assert "The columns are: 'image', 'diagnosis'" in text


def test_no_column_fits(table):
    assert "There is no column 'label', nor one with another usual name" in said(table("image,foo", LABELLED))


@pytest.mark.parametrize(
    ("header", "role"),
    [
        ("filename,path,label", "image"),
        ("image,dx,target", "label"),
        ("image,label,patient_id,lesion_id", "group"),
    ],
)
def test_two_columns_that_fit_are_asked_for(table, header, role):
    rows = [row + ",x" * (header.count(",") - 1) for row in LABELLED]
    text = said(table(header, rows))
    assert f"More than one column could be the {role}" in text
    assert f"--{role}-col NAME" in text


def test_a_table_that_could_be_both_is_asked_for(table):
    path = table("image,diagnosis,mask", [row + "," for row in LABELLED])
    assert "--task classification or --task segmentation" in said(path)
    assert "--task classification or --task segmentation" in said(path, label_col="diagnosis")
    assert len(read(path, DataOptions(task="classification")).manifest) == 8


def test_truth_is_read_and_mapped_like_labels(table):
    rows = [f"{row},{'abc'[i % 3]}" for i, row in enumerate(LABELLED)]
    manifest = read(table("image,label,true_label", rows)).manifest
    assert manifest.classes == ("a", "b", "c")
    assert manifest.truth.tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    mapped = read(table("image,label,true", rows), DataOptions(map_labels=parse_map_labels("b+c=x"))).manifest
    assert mapped.classes == ("a", "x")
    assert mapped.truth.tolist() == [0, 1, 1, 0, 1, 1, 0, 1]


def test_map_labels_and_the_rest_do_not_hide_empty_labels(table):
    rows = [*LABELLED[:6], "images/6.png,", "images/7.png,nan"]
    assert "2 of 8 images have no label" in said(table(rows=rows), map_labels=parse_map_labels("a=x,*=y"))
    manifest = read(table(rows=rows[:6]), DataOptions(map_labels=parse_map_labels("a=x,*=y"))).manifest
    assert manifest.classes == ("x", "y")
    assert "'aa' does not occur" in said(table(), map_labels=parse_map_labels("aa=x"))


def test_splits_are_mapped_and_picked(table):
    rows = [f"{row},{('odd', 'even')[i // 4]}" for i, row in enumerate(LABELLED)]
    path = table("image,label,fold", rows)
    options = DataOptions(split_col="fold", split_map=parse_split_map("odd=train,even=test"), split="test")
    manifest = read(path, options).manifest
    assert list(manifest.ids) == [f"images/{i}.png" for i in range(4, 8)]
    assert "Did you mean 'train'?" in said(path, split_col="fold", split_map={"odd": "train"}, split="trian")
    assert "'eevn' does not occur in the data. Did you mean 'even'?" in said(
        path, split_col="fold", split_map={"eevn": "train"}
    )
    assert "the data name no splits" in said(table(), split="train")


def test_problems_outside_the_asked_split_do_not_matter(table):
    rows = [f"{row},train" for row in LABELLED] + ["images/gone.png,c,test", "images/1.png,,test"]
    assert len(read(table("image,label,split", rows), DataOptions(split="train")).manifest) == 8


def test_groups_across_splits_are_told_also_when_one_split_is_read(table):
    rows = [f"{row},p{i % 3},{('train', 'test')[i // 6]}" for i, row in enumerate(LABELLED)]
    reading = read(table("image,label,group,split", rows), DataOptions(split="train"))
    assert reading.groups_across_splits == ["p0", "p1"]
    assert any("2 groups lie in more than one split" in line for line in reading.lines())


def test_an_empty_group_is_the_sample_itself(table):
    rows = [f"{row},{('p', '', 'nan')[i % 3]}" for i, row in enumerate(LABELLED)]
    group = read(table("image,label,group", rows)).manifest.group
    assert group.tolist()[:3] == ["p", "images/1.png", "images/2.png"]


def test_a_folder_with_labels_csv_is_that_table(table, tmp_path):
    table(name="labels.csv")
    assert read(tmp_path).kind == "table"


def test_what_a_run_wrote_can_be_read_again(table, tmp_path):
    first = read(table()).manifest
    first.save(tmp_path / "manifest.csv")
    again = read(tmp_path / "manifest.csv").manifest
    assert names(again) == names(first)
    assert list(again.ids) == list(first.ids)
    assert Manifest.load(tmp_path / "manifest.csv").classes == first.classes


def test_paths_from_windows_and_other_spellings_are_found(table, draw, tmp_path):
    draw(tmp_path / "images" / "Bösartig.png")
    rows = [row.replace("/", "\\") for row in LABELLED] + ["images/Bo\u0308sartig.png,a"]
    reading = read(table(rows=rows))
    assert len(reading.manifest) == 9
    assert any("9 paths were found in another spelling" in note for note in reading.notes)


def test_classes_that_look_alike_are_told(table):
    reading = read(
        table(rows=[row.replace("0.png,a", "0.png,A").replace("2.png,a", "2.png,A") for row in LABELLED])
    )
    assert any("almost alike: 'A', 'a'" in note for note in reading.notes)


def test_a_class_in_one_group_is_told(table):
    rows = [f"{row},{'p' if i % 2 else i}" for i, row in enumerate(LABELLED)]
    assert any(
        "All images of 'b' are of one group" in note for note in read(table("image,label,group", rows)).notes
    )


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "is empty"),
        (b"image,label\n", "has a header but no rows"),
        (b'image,label\n"x,a\ny,b\n', "A quote that is opened must be closed"),
        (b"PK\x03\x04\0\0\0", "is not a text table"),
        (b"image,label,label\nx,a,b\n", "columns occur twice: 'label'"),
    ],
)
def test_files_that_are_no_tables(table, data, text):
    assert text in said(table(data=data))


def test_the_reading_can_be_written_as_json(table):
    import json

    told = json.loads(json.dumps(read(table()).as_dict()))
    assert set(told) == {
        *("source", "kind", "guessed", "left_out", "duplicates", "conflicts", "groups_across_splits", "notes")
    }
