"""From probabilities to masks of an image's own size, and to files."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from overread.data.manifest import Manifest
from overread.data.mask_writing import (
    MaskFolder,
    MostLikely,
    Packed,
    enlarged,
    fractions,
    most_likely,
    own_size,
    own_sizes,
)
from overread.data.samples import strings


def manifest(root, names):
    count = len(names)
    text = strings(names)
    return Manifest(text, text, np.zeros(count, np.int64), ("a",), text, strings([""] * count), root)


def test_the_size_of_an_image_is_that_which_is_seen(tmp_path):
    picture = Image.fromarray(np.zeros((10, 16), np.uint8))
    picture.save(tmp_path / "flat.png")
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "turned.jpg", exif=exif)
    assert own_sizes(manifest(tmp_path, ["flat.png", "turned.jpg"])).tolist() == [[10, 16], [16, 10]]
    np.savez(tmp_path / "d.npz", images=np.zeros((2, 5, 7, 3), np.uint8))
    assert own_size(manifest(tmp_path, ["d.npz#array=images&row=1"]), 0) == (5, 7)
    assert own_sizes(manifest(tmp_path, [])).shape == (0, 2)


def test_bytes_and_floats_say_the_same():
    p = np.random.default_rng(0).random((3, 2, 8, 8))
    stored = np.clip(np.ceil(p * 256) - 1, 0, 255).astype(np.uint8)
    assert np.abs(fractions(stored) - p).max() <= 0.5 / 256 + 1e-6
    np.testing.assert_array_equal(most_likely(stored, False), most_likely(p, False))
    exclusive = p / (p.sum(1, keepdims=True) + 0.4)
    stored = np.clip(np.ceil(exclusive * 256) - 1, 0, 255).astype(np.uint8)
    same = most_likely(stored, True) == most_likely(exclusive, True)
    assert same.mean() > 0.98  # but for pixels where two are alike to 1 / 256


def test_exclusive_structures_do_not_overlap_and_may_be_below_one_half():
    p = np.array([[[0.4, 0.3, 0.1]], [[0.35, 0.3, 0.2]]])  # [2, 1, 3]; none: 0.25, 0.4, 0.7
    assert most_likely(p, True)[:, 0].tolist() == [[True, False, False], [False, False, False]]
    assert not most_likely(p, False).any()
    drawn = most_likely(np.random.default_rng(0).dirichlet([1, 1, 1], (9, 9)).transpose(2, 0, 1)[:2], True)
    assert drawn.sum(0).max() == 1


def test_enlarging_keeps_places_and_values():
    p = np.zeros((1, 8, 8), np.float32)
    p[0, 2:6, 4:] = 1.0
    large = enlarged(p, (24, 40))
    assert (large.shape, large.dtype) == ((1, 24, 40), np.float32)
    assert large[0, 12, 30] == 1.0
    assert large[0, 2, 30] == 0.0
    expected = np.zeros((24, 40), bool)
    expected[6:18, 20:] = True
    assert (most_likely(large, False)[0] != expected).sum() <= 4  # but for the corners
    np.testing.assert_array_equal(enlarged(p, (8, 8)), p)


def test_masks_of_images_one_at_a_time():
    p = (np.random.default_rng(0).random((4, 2, 7, 7)) * 255).astype(np.uint8)
    lazy, packed = MostLikely(p, exclusive=True), Packed(2, 7)
    for one in range(4):
        packed.add(lazy[one])
    assert lazy.shape == packed.shape == (4, 2, 7, 7)
    assert len(lazy) == len(packed) == 4
    for one in range(4):
        np.testing.assert_array_equal(packed[one], most_likely(p, True)[one])


def test_files_have_names_that_every_system_takes(tmp_path):
    folder = MaskFolder(tmp_path / "masks", ["left lung", "con"], ["a/1.png", "b/1.png"])
    masks = np.random.default_rng(0).random((2, 9, 5)) < 0.5
    folder.write(1, masks)
    assert folder.path(0, 1) == "masks/left_lung/b_1.png"
    for structure in (0, 1):
        written = np.asarray(Image.open(tmp_path / folder.path(structure, 1)))
        assert written.dtype == np.uint8
        np.testing.assert_array_equal(written, masks[structure] * 255)
    with pytest.raises(FileNotFoundError):
        Image.open(tmp_path / folder.path(0, 0))
