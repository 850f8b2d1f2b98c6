"""The phantoms: repeatable, of any size, with masks where the structures are, and classes one can see."""

import csv

import numpy as np
import pytest
from PIL import Image

from overread.data import phantom


def picture(label, seed=0, size=128):
    rng = np.random.default_rng(seed)
    return phantom.render(phantom.draw(rng, label), phantom.draw_view(rng), size)


@pytest.mark.parametrize("size", [48, 128, 200])
def test_render_gives_an_image_and_masks_of_the_asked_size(size):
    drawn = picture("normal", size=size)
    assert drawn.image.shape == (size, size)
    assert drawn.image.dtype == np.uint8
    assert tuple(drawn.masks) == phantom.STRUCTURES
    assert all(mask.shape == (size, size) and mask.any() for mask in drawn.masks.values())


def test_render_is_deterministic_and_draw_follows_the_seed():
    rng = np.random.default_rng(3)
    patient, view = phantom.draw(rng), phantom.draw_view(rng)
    assert (phantom.render(patient, view).image == phantom.render(patient, view).image).all()
    assert phantom.draw(np.random.default_rng(3)) == patient


def test_sides_are_the_patients_own():
    masks = picture("normal").masks
    centre = {name: np.argwhere(mask)[:, 1].mean() for name, mask in masks.items()}
    assert centre["right_lung"] < centre["heart"] < centre["left_lung"]
    assert centre["right_clavicle"] < centre["left_clavicle"]


def test_lungs_are_darker_than_the_heart():
    drawn = picture("cardiomegaly")
    lungs = drawn.masks["right_lung"] | drawn.masks["left_lung"]
    assert drawn.image[lungs].mean() + 50 < drawn.image[drawn.masks["heart"]].mean()


@pytest.mark.parametrize("seed", range(12))
def test_the_cardiothoracic_ratio_tells_the_enlarged_heart(seed):
    def ratio(label):
        masks = picture(label, seed).masks
        chest = (masks["right_lung"] | masks["left_lung"] | masks["heart"]).any(axis=0).sum()
        return masks["heart"].any(axis=0).sum() / chest

    assert ratio("normal") < 0.53 <= ratio("cardiomegaly") + 0.02


def test_only_the_nodule_class_has_nodules_and_they_show():
    rng = np.random.default_rng(0)
    patient, view = phantom.draw(rng, "nodule"), phantom.draw_view(rng)
    without = phantom.Patient(**{**vars(patient), "nodules": ()})
    change = phantom.render(patient, view).image.astype(int) - phantom.render(without, view).image
    assert change.max() > 25
    assert not phantom.draw(rng, "normal").nodules
    assert not phantom.draw(rng, "cardiomegaly").nodules


def test_write_phantoms_writes_a_table_that_splits_by_patient(tmp_path):
    table = phantom.write_phantoms(tmp_path / "out", patients=40, seed=1, size=32)
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == ["image", "label", "group", "split"]
    assert {row["label"] for row in rows} == set(phantom.CLASSES)
    assert len({row["group"] for row in rows}) == 40 < len(rows)
    for key in ("split", "label"):
        assert len({(row["group"], row[key]) for row in rows}) == 40, f"a patient has two values of {key}"
    for row in rows:
        with Image.open(table.parent / row["image"]) as image:
            assert image.size == (32, 32)
            assert image.mode == "L"
    assert sorted(path.name for path in table.parent.iterdir()) == ["images", "labels.csv"]


def test_write_phantoms_repeats_itself(tmp_path):
    one, two, other = (
        phantom.write_phantoms(tmp_path / name, 3, seed, 32).parent
        for name, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    files = [sorted(p.relative_to(root) for p in root.rglob("*.*")) for root in (one, two)]
    assert files[0] == files[1]
    assert all((one / f).read_bytes() == (two / f).read_bytes() for f in files[0])
    assert (one / "images/p0001-1.png").read_bytes() != (other / "images/p0001-1.png").read_bytes()
