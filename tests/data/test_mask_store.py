"""Masks at one size: as the images are resized, decoded once, on disk, whatever happens to processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from overread.data import mask_facts, masks, pool
from overread.data.images import decode
from overread.data.mask_files import MaskFiles, Part
from overread.data.masks import open_masks, read_masks, resized
from overread.data.read import read
from overread.errors import InputError

N, SIZE = 8, 12
BINARY = ((Part(0),), (Part(1),))


@pytest.fixture(autouse=True)
def trusted(monkeypatch):
    """Files made a moment ago count as old enough to be known by their times."""
    monkeypatch.setattr(pool, "FRESH", 0)


@pytest.fixture
def decoded(monkeypatch):
    """The names of the mask files that were decoded, by whom."""
    names = []
    for module in (masks, mask_facts):
        original = module.mask_of_bytes

        def count(data, name, own=original, module=module):
            names.append((module.__name__.rpartition(".")[2], name))
            return own(data, name)

        monkeypatch.setattr(module, "mask_of_bytes", count)
    return names


@pytest.fixture
def files(tmp_path):
    """8 rows of two masks each, 40 x 30: blobs of their own."""
    rng = np.random.default_rng(0)
    names = np.empty((N, 2), object)
    for row, column in np.ndindex(N, 2):
        names[row, column] = f"{row}-{column}.png"
        picture = Image.fromarray(rng.integers(0, 256, (5, 7), dtype=np.uint8)).resize((40, 30), 3)
        picture.point([0] * 128 + [255] * 128).save(tmp_path / names[row, column])
    return MaskFiles(names, BINARY)


def test_masks_are_resized_as_images_are_and_cut_at_one_half(files, tmp_path):
    """An image that shows the mask goes through the images' own decoder."""
    small = open_masks(files, tmp_path, SIZE)
    assert (small.shape, small.dtype, small.ndim, len(small)) == ((N, 2, SIZE, SIZE), np.uint8, 4, N)
    for row, column in np.ndindex(N, 2):
        image = decode(tmp_path / str(files.files[row, column]), SIZE)[..., 0]
        assert (small[row][column] == (image >= 128)).all()


def test_the_filter_is_the_antialiased_one_of_torch(files, tmp_path):
    mask = read_masks(files, tmp_path, 0)
    planes = torch.from_numpy(mask)[None].float()
    expected = torch.nn.functional.interpolate(planes, (SIZE, SIZE), mode="bilinear", antialias=True)[0]
    sure = (expected - 0.5).abs() > 0.01  # rounding to 8 bits on the way decides the others
    assert sure.float().mean() > 0.9
    assert (torch.from_numpy(resized(mask, SIZE)) == (expected >= 0.5))[sure].all()


def test_half_a_pixel_counts_as_drawn():
    assert resized(np.array([[[True, False]]]).repeat(2, 1), 1).tolist() == [[[1]]]
    assert resized(np.array([[[True, False, False, False]]]).repeat(4, 1), 1).tolist() == [[[0]]]


def test_rows_are_taken_like_those_of_an_array(files, tmp_path):
    small = open_masks(files, tmp_path, SIZE)
    whole = np.asarray(small)
    assert np.asarray(small, dtype=np.float32).dtype == np.float32
    for key in (3, slice(2, 5), np.array([7, 0, 0]), np.arange(N) % 2 == 0):
        assert np.array_equal(small[key], whole[key])
    taken = small.take(np.array([6, 2]))
    assert np.array_equal(taken[:], whole[[6, 2]])
    again = open_masks(files.take(np.array([6, 2])), tmp_path, SIZE)
    assert np.array_equal(again[:], whole[[6, 2]])


def test_they_lie_on_disk(files, tmp_path):
    small = open_masks(files, tmp_path, SIZE)
    assert isinstance(small.pool, np.memmap)
    assert not small.pool.flags.writeable


def test_each_is_decoded_once(files, tmp_path, decoded):
    first = open_masks(files, tmp_path, SIZE)
    assert len(decoded) == 2 * N
    again = open_masks(files, tmp_path, SIZE)
    assert len(decoded) == 2 * N
    assert np.array_equal(first[:], again[:])
    open_masks(files.take(np.arange(3)), tmp_path, SIZE)
    assert len(decoded) == 2 * N
    open_masks(files, tmp_path, SIZE + 1)
    assert len(decoded) == 4 * N


def test_a_file_that_changed_is_decoded_anew(files, tmp_path):
    before = open_masks(files, tmp_path, SIZE)[3]
    Image.fromarray(np.full((30, 40), 255, np.uint8)).save(tmp_path / "3-1.png")
    after = open_masks(files, tmp_path, SIZE)
    assert after[3][1].all()
    assert np.array_equal(after[3][0], before[0])


def test_the_same_files_in_other_parts_are_other_masks(files, tmp_path):
    apart = open_masks(files, tmp_path, SIZE)
    swapped = open_masks(MaskFiles(files.files, BINARY[::-1]), tmp_path, SIZE)
    assert np.array_equal(swapped[:], apart[:][:, ::-1])
    exclusive = open_masks(MaskFiles(files.files, BINARY, exclusive=True), tmp_path, SIZE)
    own = read_masks(files, tmp_path, 0)
    assert np.array_equal(exclusive[0], resized(np.stack([own[0], own[1] & ~own[0]]), SIZE))
    joined = open_masks(MaskFiles(files.files, ((Part(0), Part(1)),)), tmp_path, SIZE)
    assert np.array_equal(joined[0], resized(own.any(0)[None], SIZE))


def test_numbers_of_one_file_are_structures(tmp_path):
    numbers = np.random.default_rng(0).integers(0, 4, (9, 9)).astype(np.uint8)
    Image.fromarray(numbers).save(tmp_path / "m.png")
    files = MaskFiles(
        np.array([["m.png"]], object), ((Part(0, 3),), (Part(0, 1), Part(0, 2))), exclusive=True
    )
    expected = np.stack([numbers == 3, (numbers == 1) | (numbers == 2)])
    assert (read_masks(files, tmp_path, 0) == expected).all()
    assert np.array_equal(open_masks(files, tmp_path, 9)[0], expected)


def test_where_no_file_is_nothing_is_drawn(files, tmp_path):
    files.files[2] = ""
    files.files[3, 0] = ""
    small = open_masks(files, tmp_path, SIZE)
    assert not small[2].any()
    assert not small[3][0].any()
    assert small[3][1].any()
    assert read_masks(files, tmp_path, 3).shape == (2, 30, 40)
    with pytest.raises(InputError, match="row 2: has no mask file"):
        read_masks(files, tmp_path, 2)
    sized = MaskFiles(files.files, BINARY, images=np.array(["0-0.png"] * N, object))
    assert read_masks(sized, tmp_path, 2).shape == (2, 30, 40)


def test_what_cannot_be_read_is_told_in_one_message(files, tmp_path):
    (tmp_path / "1-0.png").unlink()
    (tmp_path / "5-1.png").write_bytes(b"\x89PNG")
    with pytest.raises(InputError) as caught:
        open_masks(files, tmp_path, SIZE)
    assert "the masks of 2 images cannot be read" in str(caught.value)
    assert "1-0.png: does not exist" in str(caught.value)
    assert "5-1.png: " in str(caught.value)
    with pytest.raises(InputError, match=r"1-0\.png: does not exist"):
        read_masks(files, tmp_path, 1)


def test_facts_survive_the_store(tmp_path):
    picture = masks.mask_of_bytes(_png(np.arange(100, dtype=np.uint8).reshape(10, 10)), "m")
    facts = mask_facts.facts_of(picture)
    assert mask_facts.from_row(mask_facts.to_row(facts)) == facts
    assert (facts.height, facts.width, facts.distinct, facts.most, len(facts.values)) == (10, 10, 100, 99, 33)
    assert facts.drawn == 0
    assert facts.between == 680_000  # 32 to 99 of 100


def test_facts_are_found_once(tmp_path, draw, decoded):
    draw(tmp_path / "i.png", 4, 4)
    Image.fromarray(np.eye(4, dtype=np.uint8)).save(tmp_path / "m.png")
    (tmp_path / "t.csv").write_text("image,mask\ni.png,m.png\n")
    first, second = read(tmp_path / "t.csv"), read(tmp_path / "t.csv")
    assert decoded == [("mask_facts", "m.png")]
    assert first.structures == second.structures == {"mask": {"drawn": 1, "empty": 0, "without_file": 0}}


def _png(values):
    import io

    data = io.BytesIO()
    Image.fromarray(values).save(data, "PNG")
    return data.getvalue()


SCRIPT = """
import os, signal, sys
from pathlib import Path
import numpy as np
from overread.data import decoding, masks, pool
pool.FRESH, decoding.BATCH, decoding.AHEAD, left = 0, 2, 1, int(sys.argv[2])
masks.usable_cores = lambda: 1
original = masks.mask_of_bytes
def decode(data, name):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(data, name)
masks.mask_of_bytes = decode
names = np.array([[f"{row}-{column}.png" for column in range(2)] for row in range(8)], object)
parts = ((masks.Part(0),), (masks.Part(1),))
assert len(masks.open_masks(masks.MaskFiles(names, parts), Path(sys.argv[1]), 12)) == 8
"""


def start(folder, left):
    source = {**os.environ, "PYTHONPATH": str(Path(masks.__file__).parents[2])}
    return subprocess.Popen([sys.executable, "-c", SCRIPT, folder, str(left)], env=source)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_kill_loses_little_and_breaks_nothing(files, tmp_path, decoded):
    assert start(tmp_path, 13).wait() == -signal.SIGKILL
    small = open_masks(files, tmp_path, SIZE)
    assert 0 < len(decoded) < 2 * N  # some rows were written before the kill
    for row in range(N):
        assert np.array_equal(small[row], resized(read_masks(files, tmp_path, row), SIZE))


def test_two_processes_at_once(files, tmp_path, decoded):
    both = [start(tmp_path, 0), start(tmp_path, 0)]
    assert [process.wait() for process in both] == [0, 0]
    small = open_masks(files, tmp_path, SIZE)
    assert not decoded
    assert sorted(small.rows) == list(range(N))
