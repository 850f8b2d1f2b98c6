"""Tables of masks: their columns, their structures, what is wrong with them, and what is told."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from overread.data.load import load
from overread.data.mask_files import Part
from overread.data.masks import open_masks, read_masks
from overread.data.options import DataOptions, parse_map_labels, parse_merge
from overread.data.parts import parted
from overread.data.read import read
from overread.errors import InputError

N = 6
DISK = np.hypot(*np.mgrid[-9:9, -12:12]) < 6  # 18 high, 24 wide


@pytest.fixture
def cases(tmp_path, draw):
    """Writes 6 images with masks `heart` and `lung` and a table of them; a test changes cells and files."""
    for row in range(N):
        draw(tmp_path / "images" / f"{row}.png", 24, 18)
        save(tmp_path / "heart" / f"{row}.png", DISK)
        save(tmp_path / "lung" / f"{row}.png", np.roll(DISK, 5, 1))

    def write(columns=("heart", "lung"), name="cases.csv", **cells):
        table = pd.DataFrame({"image": [f"images/{row}.png" for row in range(N)]})
        for column in columns:
            table[f"mask_{column}"] = [f"{column}/{row}.png" for row in range(N)]
        table = table.assign(**cells)
        table.to_csv(tmp_path / name, index=False)
        return tmp_path / name

    return write


@pytest.fixture
def indexed(tmp_path, cases):
    """A table with one mask column, whose files the test gives as arrays of numbers; repeated to 6."""

    def write(*masks, **save_as):
        for row in range(N):
            save(tmp_path / "masks" / f"{row}.png", masks[row % len(masks)], **save_as)
        return cases((), mask=[f"masks/{row}.png" for row in range(N)])

    return write


def save(path, mask, **how):
    path.parent.mkdir(exist_ok=True)
    values = np.asarray(mask)
    values = values.astype(np.uint8) * np.uint8(255) if values.dtype == bool else values.astype(np.uint8)
    Image.fromarray(values).save(path, **how)


def said(path, **options):
    with pytest.raises(InputError) as caught:
        read(path, DataOptions(**options))
    return str(caught.value)


def masks_of(manifest, row=0):
    return dict(zip(manifest.classes, read_masks(manifest.masks, manifest.root, row), strict=True))


def test_a_table_with_a_file_a_structure_is_segmentation_by_itself(cases, tmp_path):
    reading = read(cases())
    manifest = reading.manifest
    assert (manifest.task, manifest.classes) == ("segmentation", ("heart", "lung"))
    assert manifest.given.tolist() == [0] * N
    assert not manifest.masks.exclusive
    assert manifest.masks.parts == ((Part(0, None),), (Part(1, None),))
    assert (masks_of(manifest, 3)["heart"] == DISK).all()
    assert (masks_of(manifest, 3)["lung"] == np.roll(DISK, 5, 1)).all()
    assert reading.lines()[0].startswith(f"Read 6 images from {tmp_path / 'cases.csv'} (table): 2 structures")
    assert reading.as_dict()["structures"]["heart"] == {"drawn": 6, "empty": 0, "without_file": 0}
    assert reading.notes == [note for note in reading.notes if note.startswith("No groups are known")]


def test_a_folder_with_a_cases_csv_is_that_table(cases, tmp_path):
    cases()
    assert read(tmp_path).manifest.classes == ("heart", "lung")
    cases(("lung",), name="labels.csv")
    assert read(tmp_path).manifest.classes == ("lung",)


def test_labels_and_masks_are_asked_for(cases):
    path = cases(label=["a", "b"] * 3, true_label=["a", "b"] * 3)
    assert "--task classification or --task segmentation" in said(path)
    manifest = read(path, DataOptions(task="segmentation")).manifest
    assert (manifest.classes, manifest.truth) == (("heart", "lung"), None)
    manifest = read(path, DataOptions(task="classification")).manifest
    assert (manifest.classes, manifest.masks) == (("a", "b"), None)
    assert "--label-col is for --task classification" in said(path, task="segmentation", label_col="label")
    assert "--mask-col is for --task segmentation" in said(path, task="classification", mask_col="mask_heart")


def test_masks_that_are_not_there_are_asked_for(table, folder):
    assert "There is no mask column: 'mask', or 'mask_STRUCTURE'" in said(table(), task="segmentation")
    assert "these data (folder) hold no masks" in said(folder(), task="segmentation")
    text = said(table(), merge={"c": ("a", "b")}, spacing=0.2, structures="exclusive")
    assert "--merge --spacing --structures: these data have no masks" in text


@pytest.mark.parametrize("name", ["mask_path", "Mask_File", "segmentation"])
def test_other_names_of_the_one_mask_column_are_guessed_and_told(indexed, tmp_path, name):
    path = indexed(DISK)
    path.write_text(path.read_text().replace(",mask\n", f",{name}\n"))
    reading = read(path, DataOptions(task="segmentation"))
    assert (reading.manifest.classes, reading.guessed) == (("mask",), {"mask": name})
    reading = read(path, DataOptions(task="segmentation", mask_col=name))
    assert reading.guessed == {}


def test_columns_that_end_in_mask_are_guessed_where_masks_are_asked_for(cases):
    path = cases()
    path.write_text(path.read_text().replace("mask_heart,mask_lung", "heart_mask,lung_mask"))
    assert "There is no column 'label'" in said(path)
    reading = read(path, DataOptions(task="segmentation"))
    assert reading.manifest.classes == ("heart", "lung")
    assert reading.guessed == {"mask_heart": "heart_mask", "mask_lung": "lung_mask"}


def test_columns_that_differ_in_case_alone_are_two_structures_and_told(cases):
    path = cases(("heart",), mask_Heart=[f"lung/{row}.png" for row in range(N)])
    reading = read(path)
    assert reading.manifest.classes == ("heart", "Heart")
    assert any("Structures that are written almost alike: 'heart', 'Heart'" in note for note in reading.notes)


def test_mask_columns_that_can_be_meant_in_two_ways_are_asked_for(cases):
    one = [f"heart/{row}.png" for row in range(N)]
    assert "one file for all structures, and 'mask_heart', 'mask_lung', one a structure" in said(
        cases(mask=one)
    )
    assert "More than one column could be the mask: 'mask_path', 'seg'" in said(
        cases((), mask_path=one, seg=one), task="segmentation"
    )
    assert "Did you mean 'mask_heart'?" in said(cases(), mask_col="mask_hart")


def test_one_binary_mask_is_called_mask(indexed):
    manifest = read(indexed(DISK)).manifest
    assert (manifest.classes, manifest.masks.exclusive) == (("mask",), False)
    assert (masks_of(manifest)["mask"] == DISK).all()


def test_an_indexed_mask_gives_a_structure_for_each_number(indexed):
    numbers = DISK + 2 * np.roll(DISK, 12, 1).astype(np.uint8)
    manifest = read(indexed(numbers)).manifest
    assert (manifest.classes, manifest.masks.exclusive) == (("1", "2"), True)
    assert (masks_of(manifest)["2"] == (numbers == 2)).all()
    overlapping = read(indexed(numbers), DataOptions(structures="overlapping")).manifest
    assert not overlapping.masks.exclusive


def test_numbers_get_names_and_are_joined(indexed):
    numbers = np.arange(18 * 24).reshape(18, 24) % 4
    names = parse_map_labels("1=heart,2+3=lungs")
    manifest = read(indexed(numbers), DataOptions(map_labels=names)).manifest
    assert manifest.classes == ("heart", "lungs")
    assert (masks_of(manifest)["lungs"] == (numbers >= 2)).all()
    assert "'4' does not occur in the data" in said(indexed(numbers), map_labels={"4": "x"})
    assert "0 is the background" in said(indexed(numbers), map_labels={"0": "x"})
    merged = read(indexed(numbers), DataOptions(merge=parse_merge(["all=1+2+3"]))).manifest
    assert (merged.classes, merged.masks.exclusive) == (("all",), False)
    assert (masks_of(merged)["all"] == (numbers > 0)).all()


def test_merged_structures_stand_where_the_first_of_them_stood(cases):
    path = cases(("heart", "lung"), mask_other=[f"heart/{row}.png" for row in range(N)])
    manifest = read(path, DataOptions(merge=parse_merge(["both=other+lung"]))).manifest
    assert manifest.classes == ("heart", "both")
    assert manifest.masks.of(2, 1) == ["lung/2.png", "heart/2.png"]
    assert (masks_of(manifest)["both"] == (DISK | np.roll(DISK, 5, 1))).all()


@pytest.mark.parametrize(
    ("merge", "expected"),
    [
        ("x=hart", "'hart' is no structure of the data. Did you mean 'heart'?"),
        ("lung=heart", "'lung' is a structure already"),
    ],
)
def test_merges_that_cannot_be_are_refused(cases, merge, expected):
    assert expected in said(cases(), merge=parse_merge([merge]))


def test_map_labels_is_for_indexed_masks(cases):
    assert "To join some: --merge NEW=A+B" in said(cases(), map_labels={"heart": "x"})


def test_structures_said_to_exclude_each_other_and_that_overlap(cases):
    reading = read(cases(), DataOptions(structures="exclusive"))
    assert any("6 images have structures that overlap" in note for note in reading.notes)
    masks = masks_of(reading.manifest)
    assert (masks["heart"] == DISK).all()
    assert (masks["lung"] == (np.roll(DISK, 5, 1) & ~DISK)).all()


def test_true_masks_follow_the_given_ones(cases):
    true = {f"true_mask_{name}": [f"{name}/0.png"] * N for name in ("heart", "lung")}
    manifest = read(cases(**true), DataOptions(merge=parse_merge(["x=lung+heart"]))).manifest
    assert (manifest.true_masks.files[:, 0] == "heart/0.png").all()
    assert manifest.true_masks.parts == manifest.masks.parts
    text = said(cases(true_mask_heart=["heart/0.png"] * N, true_mask_liver=["heart/0.png"] * N))
    assert "there is no column 'true_mask_lung' and 'true_mask_liver' stands alone" in text


def test_an_empty_cell_is_nothing_drawn_and_told(cases):
    path = cases(mask_lung=["", "nan", "lung/2.png", "lung/3.png", "lung/4.png", "lung/5.png"])
    reading = read(path)
    assert any("no mask file: 'lung' 2. That is read as nothing drawn" in note for note in reading.notes)
    assert reading.structures["lung"] == {"drawn": 4, "empty": 2, "without_file": 2}
    assert not masks_of(reading.manifest, 1)["lung"].any()
    nothing = read(cases(mask_lung=[""] * N, mask_heart=["", *["heart/1.png"] * 5])).manifest
    assert read_masks(nothing.masks, nothing.root, 0).shape == (2, 18, 24)  # the size of the image


def test_a_structure_that_is_drawn_nowhere_and_empty_masks(cases, tmp_path):
    for row in range(N):
        save(tmp_path / "lung" / f"{row}.png", DISK & False)
    save(tmp_path / "heart" / "4.png", DISK & False)
    notes = read(cases()).notes
    assert any(note.startswith("Drawn in no image: 'lung'.") for note in notes)
    assert any("Nothing is drawn in some of 6 images: 'heart' 1." in note for note in notes)


def test_masks_that_show_nothing_at_all_are_refused(cases, tmp_path):
    assert "no image has a mask file" in said(cases(mask_heart=[""] * N, mask_lung=[""] * N))
    for row in range(N):
        save(tmp_path / "heart" / f"{row}.png", DISK & False)
    assert "nothing is drawn in any mask" in said(cases(("heart",)))


def test_masks_of_another_size_fit_when_their_shape_is_the_same(cases, tmp_path):
    save(tmp_path / "heart" / "1.png", DISK[::2, ::2])
    reading = read(cases())
    assert any("1 mask differs in size from its image and will be rescaled" in note for note in reading.notes)
    assert any("heart/1.png 12 x 9 for 24 x 18" in note for note in reading.notes)
    manifest = reading.manifest
    heart = masks_of(manifest, 1)["heart"]
    assert heart.shape == DISK.shape
    assert (heart[::2, ::2] == DISK[::2, ::2]).all()
    assert (heart[1::2, 1::2] == DISK[::2, ::2]).all()


def test_masks_of_another_shape_are_refused_or_left_out(cases, tmp_path):
    save(tmp_path / "heart" / "1.png", DISK.T)
    save(tmp_path / "lung" / "2.png", DISK[:, :20])
    text = said(cases())
    assert "heart/1.png: 18 x 24 pixels do not fit the image's 24 x 18" in text
    assert "turned by 90 degrees?" in text
    assert "lung/2.png: 20 x 18 pixels do not fit" in text
    reading = read(cases(), DataOptions(on_bad_image="skip"))
    assert list(reading.manifest.images) == [f"images/{row}.png" for row in (0, 3, 4, 5)]
    assert len(reading.manifest.masks) == 4
    assert reading.left_out[0][0] == "images/1.png"
    assert "heart/1.png" in reading.left_out[0][1]


def test_missing_and_broken_masks_come_in_one_message(cases, tmp_path):
    (tmp_path / "heart" / "1.png").unlink()
    (tmp_path / "lung" / "2.png").write_bytes(b"")
    (tmp_path / "lung" / "3.png").write_text("no picture, but some text")
    (tmp_path / "images" / "4.png").unlink()
    text = said(cases(mask_heart=[f"heart/{row}.png" for row in range(5)] + ["images/5.png"]))
    for expected in (
        "1 of 6 image files does not exist:\n    images/4.png",
        "1 of 6 images has a mask file that does not exist:\n    heart/1.png",
        "3 of 6 images have masks that cannot be used:",
        "lung/2.png: the file is empty (0 bytes)",
        "lung/3.png: not an image, but text",
        "images/5.png: is the image itself",
        "--on-bad-image skip",
    ):
        assert expected in text
    kept = read(cases(), DataOptions(on_bad_image="skip")).manifest
    assert list(kept.images) == ["images/0.png", "images/5.png"]


def test_all_masks_missing_is_one_problem(cases):
    text = said(cases(mask_heart=["x.png"] * N, mask_lung=["y.png"] * N))
    assert "6 of 6 images have mask files that do not exist" in text
    assert "--on-bad-image" not in text


def test_0_1_beside_0_255_is_told(cases, tmp_path):
    save(tmp_path / "heart" / "1.png", DISK.astype(np.uint8))
    reading = read(cases())
    assert any("count alike: 1 in 1 file, 255 in 11 files" in note for note in reading.notes)
    assert (masks_of(reading.manifest, 1)["heart"] == DISK).all()


def test_0_1_beside_0_255_in_one_column_is_one_structure(indexed):
    reading = read(indexed(DISK, DISK.astype(np.uint8)))
    assert reading.manifest.classes == ("mask",)
    assert any("count alike: 1 in 3 files, 255 in 3 files" in note for note in reading.notes)


def test_1_and_255_in_one_file_are_asked_for(indexed):
    both = DISK.astype(np.uint8)
    both[0] = 255
    assert "is 255 drawn, or to be ignored?" in said(indexed(both))
    named = read(indexed(both), DataOptions(map_labels={"1": "heart", "255": "rim"})).manifest
    assert named.classes == ("heart", "rim")


def test_grey_and_jpeg_masks_are_cut_at_half_and_told(cases, tmp_path):
    soft = np.asarray(Image.fromarray(DISK.astype(np.uint8) * 255).resize((24, 18), box=(0.4, 0.3, 24, 18)))
    save(tmp_path / "heart" / "1.png", soft)
    save(tmp_path / "heart" / "2.png", DISK, format="JPEG")
    reading = read(cases())
    assert any(
        "2 masks hold grey values (smooth edges, or JPEG) and are cut at half" in note
        for note in reading.notes
    )
    assert (masks_of(reading.manifest, 1)["heart"] == (soft >= 128)).all()


def test_an_image_in_place_of_a_mask(cases, tmp_path):
    save(tmp_path / "heart" / "1.png", np.arange(18 * 24).reshape(18, 24) % 251)
    assert "heart/1.png: holds 251 different numbers, many neither black nor white" in said(cases())


def test_more_than_32_numbers_are_no_indexed_mask(indexed):
    assert "masks/0.png: holds 40 different numbers" in said(
        indexed(np.arange(18 * 24).reshape(18, 24) % 40 * 5)
    )


def test_an_indexed_mask_where_one_structure_is_expected(cases, tmp_path):
    save(tmp_path / "heart" / "1.png", np.arange(18 * 24).reshape(18, 24) % 3)
    text = said(cases())
    assert "heart/1.png: holds the numbers 0, 1, 2, but each file shows one structure here" in text
    assert "--mask-col NAME" in text


def test_numbers_that_jpeg_may_have_changed_are_refused(indexed):
    numbers = DISK + 2 * np.roll(DISK, 12, 1).astype(np.uint8)
    assert "save masks as PNG" in said(indexed(numbers, format="JPEG"))


def test_one_file_that_is_no_indexed_mask_is_named_alone(indexed, tmp_path):
    path = indexed(DISK + 2 * np.roll(DISK, 12, 1).astype(np.uint8))
    save(tmp_path / "masks" / "1.png", np.arange(18 * 24).reshape(18, 24) % 251)
    save(tmp_path / "masks" / "2.png", DISK + 2 * np.roll(DISK, 12, 1).astype(np.uint8), format="JPEG")
    text = said(path)
    assert "2 of 6 images have masks that cannot be used" in text
    assert "masks/1.png: holds 251 different numbers" in text
    assert "masks/2.png: holds the numbers 0, 1, 2" in text
    manifest = read(path, DataOptions(on_bad_image="skip")).manifest
    assert (len(manifest), manifest.classes) == (4, ("1", "2"))


def test_grey_masks_in_one_column_are_one_structure(indexed):
    soft = np.asarray(Image.fromarray(DISK.astype(np.uint8) * 255).resize((96, 72), 3).resize((24, 18)))
    ramp = np.where(DISK, 255, 0)
    ramp[0] = np.arange(24) * 3
    manifest = read(indexed(ramp, soft)).manifest
    assert (manifest.classes, manifest.masks.exclusive) == (("mask",), False)
    assert (masks_of(manifest)["mask"] == DISK).all()
    assert "these masks hold more than 32 numbers" in said(indexed(ramp, soft), map_labels={"1": "heart"})


def test_palettes_are_told(cases, tmp_path):
    image = Image.fromarray(DISK.astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 200, 0, 0])
    image.save(tmp_path / "heart" / "1.png")
    reading = read(cases())
    assert any(note.startswith("1 mask has a palette") for note in reading.notes)
    assert (masks_of(reading.manifest, 1)["heart"] == DISK).all()


def test_a_number_in_one_mask_alone_is_told(indexed, tmp_path):
    path = indexed(DISK + 2 * np.roll(DISK, 12, 1).astype(np.uint8))
    save(tmp_path / "masks" / "3.png", DISK * np.uint8(7))
    assert any("occur in one mask alone: 7 (masks/3.png)" in note for note in read(path).notes)


def test_masks_from_edge_to_edge_and_shared_files_are_told(cases, tmp_path):
    save(tmp_path / "heart" / "1.png", DISK | True)
    notes = read(cases(mask_lung=["lung/0.png"] * 2 + [f"lung/{row}.png" for row in range(2, N)])).notes
    assert any("1 mask is drawn from edge to edge: heart/1.png" in note for note in notes)
    assert any("1 mask file stands in more than one place of the table: lung/0.png" in note for note in notes)


def test_copies_of_an_image_conflict_where_their_masks_differ(cases, tmp_path):
    for copy in (1, 2):
        (tmp_path / "images" / f"{copy}.png").write_bytes((tmp_path / "images" / "0.png").read_bytes())
    save(tmp_path / "heart" / "1.png", DISK.astype(np.uint8))  # other numbers, the same mask
    reading, _ = load(cases(), size=8, quiet=True)
    assert (len(reading.duplicates), reading.conflicts) == (1, [])
    save(tmp_path / "heart" / "2.png", np.roll(DISK, 3))
    reading, _ = load(cases(), size=8, quiet=True)
    assert reading.conflicts == [[f"images/{row}.png" for row in range(3)]]


def test_the_manifest_is_written_and_split(cases, tmp_path):
    true = {f"true_mask_{name}": [f"{name}/0.png"] * N for name in ("heart", "lung")}
    manifest = read(cases(**true), DataOptions(spacing=0.35, merge=parse_merge(["both=heart+lung"]))).manifest
    manifest.take(np.array([4, 1])).save(tmp_path / "manifest.csv")
    table = pd.read_csv(tmp_path / "manifest.csv")
    assert list(table) == ["id", "image", "mask_both", "group", "split", "true_mask_both"]
    assert table["mask_both"][0] == f"{tmp_path}/heart/4.png + {tmp_path}/lung/4.png"
    assert table["true_mask_both"][1] == f"{tmp_path}/heart/0.png + {tmp_path}/lung/0.png"
    assert manifest.spacing.tolist() == [[0.35, 0.35]] * N
    assert manifest.take(np.array([0])).spacing.tolist() == [[0.35, 0.35]]


def test_the_fingerprint_knows_files_parts_and_exclusion_but_not_the_truth(cases):
    def mark(path, **options):
        return read(path, DataOptions(**options)).manifest.fingerprint

    first = mark(cases())
    assert mark(cases()) == first
    others = [
        mark(cases(), structures="exclusive"),
        mark(cases(), merge=parse_merge(["both=heart+lung"])),
        mark(cases(mask_lung=[f"heart/{row}.png" for row in range(N)])),
        mark(cases(mask_lung=["", *(f"lung/{row}.png" for row in range(1, N))])),
    ]
    assert len({first, *others}) == 5
    true = {f"true_mask_{name}": [f"{name}/0.png"] * N for name in ("heart", "lung")}
    assert mark(cases(**true)) == first


def test_images_without_masks_are_read_to_predict(cases, folder, tmp_path):
    wanted = DataOptions(task="segmentation", labels="optional")
    table = read(cases(()), wanted).manifest
    assert (table.masks, table.classes, set(table.given)) == (None, (), {-1})
    labelled = read(cases((), label=["a"] * N), wanted).manifest
    assert (labelled.classes, set(labelled.given)) == ((), {-1})
    classes = read(folder(), wanted).manifest
    assert (classes.masks, classes.classes, len(classes)) == (None, (), 6)
    assert read(cases(), wanted).manifest.classes == ("heart", "lung")
    assert read(cases(()), DataOptions(labels="optional")).manifest.masks is None
    assert read(cases(("heart",), mask_heart=[""] * N), wanted).manifest.masks is None


def test_parts_are_cut_without_asking_for_classes(cases, tmp_path):
    manifest = read(cases()).manifest.take(np.arange(30) % N)
    cut = parted(manifest, 0.2, seed=0)
    assert set(cut.split) == {"train", "val"}


def test_a_nonsense_spacing_is_refused():
    for spacing in (0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="--spacing"):
            DataOptions(spacing=spacing)


def test_masks_of_rows_that_are_taken_go_along(cases, tmp_path):
    save(tmp_path / "heart" / "4.png", DISK & False)
    manifest = read(cases()).manifest.take(np.array([4, 0]))
    masks = open_masks(manifest.masks, manifest.root, 6)
    assert masks.shape == (2, 2, 6, 6)
    assert not masks[0][0].any()
    assert masks[1][0].any()
