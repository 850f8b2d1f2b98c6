"""COCO: its shapes against its own tools, and its files as DATA."""

import json

import numpy as np
import pytest
from PIL import Image

from overread.data.formats.coco_shapes import Unreadable, drawn, unpacked
from overread.data.load import load
from overread.data.masks import read_masks
from overread.data.options import DataOptions
from overread.data.read import read
from overread.data.task import task_of
from overread.errors import InputError

RNG = np.random.default_rng(4)


@pytest.fixture
def tools():
    return pytest.importorskip("pycocotools.mask")


TOOLS = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools


@TOOLS
def test_run_lengths_are_those_of_the_tools(tools):
    for _ in range(200):
        height, width = map(int, RNG.integers(1, 40, 2))
        mask = np.asfortranarray(RNG.random((height, width)) < RNG.random(), dtype=np.uint8)
        packed = tools.encode(mask)["counts"].decode()
        size = [height, width]
        assert np.array_equal(drawn({"size": size, "counts": packed}, height, width), mask)
        assert np.array_equal(drawn({"size": size, "counts": unpacked(packed)}, height, width), mask)


@TOOLS
def test_polygons_are_those_of_the_tools(tools):
    for round_ in range(300):
        height, width = map(int, RNG.integers(1, 60, 2))
        several = []
        for _ in range(RNG.integers(1, 3)):
            points = (1.3 * RNG.random((RNG.integers(3, 9), 2)) - 0.15) * [width, height]
            several.append((np.round(points) if round_ % 3 == 0 else points).ravel().tolist())
        wanted = tools.decode(tools.merge(tools.frPyObjects(several, height, width)))
        assert np.array_equal(drawn(several, height, width), wanted), several


def test_a_square_by_hand():
    assert drawn([[1, 1, 3, 1, 3, 3, 1, 3]], 4, 4).astype(int).tolist() == [
        [0, 0, 0, 0],
        [0, 1, 1, 0],
        [0, 1, 1, 0],
        [0, 0, 0, 0],
    ]


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        ({"size": [2, 2], "counts": [1, 1]}, "make 2 pixels; the image has 4"),
        ({"size": [2, 3], "counts": [6]}, "its size is"),
        ({"size": [2, 2], "counts": [-1, 5]}, "damaged"),
        ({"size": [2, 2], "counts": "\x00"}, "damaged"),
        ({"size": [2, 2], "counts": "oooooooooooooooo"}, "damaged"),
        ({"size": [2, 2], "counts": None}, "no numbers|damaged"),
        ({"size": [2, 2], "counts": [10**30]}, "no numbers"),
        ([[1, 2]], "three points"),
        ([[1, 2, 3, 4, 5, "x"]], "no number"),
        ([[1, 2, 3, 4, 5, 1e300]], "three points"),
        ("x", "expected polygons"),
    ],
)
def test_shapes_that_cannot_be_drawn(shape, why):
    with pytest.raises(Unreadable, match=why):
        drawn(shape, 2, 2)


@pytest.fixture
def coco(tmp_path):
    """Writes 4 images 12 x 9 and a file of instances; a test changes its lists."""
    folder = tmp_path / "images"
    folder.mkdir()
    for index in range(4):
        Image.fromarray(RNG.integers(0, 255, (9, 12), np.uint8)).save(folder / f"{index}.png")
    whole = {
        "images": [
            {"id": 10 + at, "file_name": f"{at}.png", "height": 9, "width": 12, "patient": at // 2}
            for at in range(4)
        ],
        "categories": [{"id": 3, "name": "heart"}, {"id": 7, "name": "lung"}],
        "annotations": [
            {"id": 1, "image_id": 10, "category_id": 3, "segmentation": [[1, 1, 5, 1, 5, 4, 1, 4]]},
            {"id": 2, "image_id": 10, "category_id": 3, "segmentation": [[7, 5, 9, 5, 9, 8, 7, 8]]},
            {
                "id": 3,
                "image_id": 11,
                "category_id": 7,
                "segmentation": {"size": [9, 12], "counts": [9, 18, 81]},
            },
            {"id": 4, "image_id": 12, "category_id": 7, "segmentation": [[0, 0, 3, 0, 3, 3]], "iscrowd": 1},
        ],
    }

    def write(**change):
        path = tmp_path / "annotations" / "instances_all.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({**whole, **change}))
        return path

    return write


def said(path, **options):
    with pytest.raises(InputError) as caught:
        load(path, DataOptions(**options), 8, quiet=True)
    return str(caught.value)


def test_masks_by_category(coco, tmp_path):
    path = coco()
    assert task_of(path, DataOptions()) == "segmentation"
    reading, images = load(path, DataOptions(group_col="patient"), 8, quiet=True)
    found = reading.manifest
    assert found.classes == ("heart", "lung")
    assert list(found.ids) == ["0.png", "1.png", "2.png", "3.png"]
    assert list(found.group) == ["0", "0", "1", "1"]
    assert len(images) == 4
    heart, lung = read_masks(found.masks, found.root, 0)
    assert heart.sum() == 4 * 3 + 2 * 3
    assert not lung.any()
    assert read_masks(found.masks, found.root, 1)[1, :, 1:3].all()
    assert not read_masks(found.masks, found.root, 3).any()
    assert f"Images are taken from {tmp_path / 'images'}." in reading.notes
    assert "1 annotation of crowds (iscrowd) count as drawn." in reading.notes


def test_a_class_an_image(coco):
    annotations = [
        {"id": at, "image_id": 10 + at, "category_id": (3, 7)[at % 2], "bbox": [0, 0, 1, 1]}
        for at in range(4)
    ]
    path = coco(annotations=annotations)
    assert task_of(path, DataOptions()) == "classification"
    found = read(path).manifest
    assert [found.classes[code] for code in found.given] == ["heart", "lung", "heart", "lung"]
    twice = coco(annotations=[*annotations, {"id": 9, "image_id": 10, "category_id": 7}])
    assert "1 image has several categories:\n    0.png: heart, lung" in said(twice)
    assert "draws nothing" in said(path, task="segmentation")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"images": [{"id": 10, "file_name": "../../secret.png"}], "annotations": []}, "lead"),
        ({"images": [{"id": 10, "file_name": "/etc/passwd"}], "annotations": []}, "lead"),
        ({"images": [{"id": 10}], "annotations": []}, "no file_name"),
        ({"images": []}, "10 is missing, or names nothing"),
        ({"images": [], "annotations": []}, "a list is empty"),
        (
            {"categories": [{"id": 3, "name": "a"}, {"id": 7, "name": "a"}]},
            "categories are called alike: 'a'",
        ),
        ({"annotations": [{"image_id": 10}]}, "'category_id' is missing"),
        ({"annotations": 5}, "JSON of another kind"),
    ],
)
def test_files_that_cannot_be_used(coco, change, why):
    assert why in said(coco(**change))


def test_annotations_that_cannot_be_drawn_are_named(coco):
    shape = {"size": [9, 12], "counts": [5]}
    bad = [{"id": 1, "image_id": 10, "category_id": 3, "segmentation": [[1, 1, 5, 1, 5, 4]]}]
    bad.append({"id": 77, "image_id": 11, "category_id": 3, "segmentation": shape})
    text = said(coco(annotations=bad))
    assert "the annotation 77 cannot be drawn: its run lengths make 5 pixels; the image has 108" in text
    sizes = [{"id": 10, "file_name": "0.png", "height": 10**6, "width": 10**6}]
    assert "says that its image has 1000000 x 1000000 pixels" in said(coco(images=sizes, annotations=bad[:1]))


def test_json_that_is_none(tmp_path):
    (tmp_path / "a.json").write_text("{")
    assert "cannot be read as JSON" in said(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("[]")
    assert "is JSON of another kind" in said(tmp_path / "a.json")
