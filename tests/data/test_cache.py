"""Each image is decoded once, whatever happens to tables, files and processes."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from overread.data import cache as cache_module
from overread.data import cachedir, pool
from overread.data import decoding as opening
from overread.data.cache import open_images
from overread.data.images import decode
from overread.data.load import load
from overread.data.options import DataOptions
from overread.data.read import read
from overread.errors import InputError

ROWS = [f"images/{index}.png,{'ab'[index % 2]}" for index in range(8)]


@pytest.fixture(autouse=True)
def trusted(monkeypatch):
    """Files made a moment ago count as old enough to be known by their times."""
    monkeypatch.setattr(pool, "FRESH", 0)


@pytest.fixture
def decoded(monkeypatch):
    """The names of the images that were decoded."""
    names = []
    original = opening.decode_bytes

    def count(data, size, name):
        names.append(name)
        return original(data, size, name)

    monkeypatch.setattr(opening, "decode_bytes", count)
    return names


@pytest.fixture
def opened_files(monkeypatch):
    """The names of the files that were read."""
    names = []
    original = opening.read_file
    monkeypatch.setattr(
        opening, "read_file", lambda path, name: (names.append(name), original(path, name))[1]
    )
    return names


def open_(path, size=8, **kwargs):
    return open_images(read(path).manifest, size, quiet=True, **kwargs)


def test_images_come_in_the_order_of_the_manifest(table, tmp_path):
    images = open_(table())
    assert images.shape == (8, 8, 8, 3)
    assert images.dtype == np.uint8
    assert images.ndim == 4
    assert len(images) == 8
    for row in range(8):
        assert np.array_equal(images[row], decode(tmp_path / "images" / f"{row}.png", 8))
    assert np.array_equal(images[[3, 1]], np.asarray(images)[[3, 1]])
    assert np.array_equal(images[2:4], np.asarray(images)[2:4])
    assert np.array_equal(images.take(np.array([5, 2]))[0], images[5])
    assert isinstance(images.pool, np.memmap)


def test_a_second_run_reads_no_file(table, decoded, opened_files):
    first = open_(table())
    assert len(decoded) == len(opened_files) == 8
    second = open_(table())
    assert len(opened_files) == 8
    assert np.array_equal(first[:], second[:])
    assert first.hashes == second.hashes


def test_new_labels_another_order_and_a_part_decode_nothing(table, decoded):
    whole = open_(table())
    part = open_(table(rows=[row.replace(",a", ",x") for row in ROWS[::-1]][:5]))
    assert len(decoded) == 8
    assert np.array_equal(part[:], whole[[7, 6, 5, 4, 3]])


def test_moved_files_are_known_by_content(table, tmp_path, decoded):
    first = open_(table())
    shutil.move(tmp_path / "images", tmp_path / "other")
    second = open_(table(rows=[row.replace("images", "other") for row in ROWS]))
    assert len(decoded) == 8
    assert np.array_equal(first[:], second[:])


def test_a_changed_file_is_seen(table, draw, tmp_path, decoded):
    first = open_(table())
    draw(tmp_path / "images" / "3.png")
    second = open_(table())
    assert decoded[8:] == ["images/3.png"]
    assert first.hashes[3] != second.hashes[3]
    assert not np.array_equal(first[3], second[3])


def test_two_files_that_change_places_are_seen(table, tmp_path):
    table()
    folder = tmp_path / "images"
    for name in ("0.png", "1.png"):  # equal in size and time of change
        padded = (folder / name).read_bytes()
        (folder / name).write_bytes(padded + bytes(2000 - len(padded)))
        os.utime(folder / name, ns=(10**18, 10**18))
    first = open_(table())
    (folder / "0.png").rename(folder / "x")
    (folder / "1.png").rename(folder / "0.png")
    (folder / "x").rename(folder / "1.png")
    assert np.array_equal(open_(table())[[1, 0]], first[[0, 1]])


def test_a_file_that_may_still_change_is_read_again(table, opened_files, monkeypatch):
    monkeypatch.setattr(pool, "FRESH", 10**12)
    open_(table())
    open_(table())
    assert len(opened_files) == 16


def test_each_size_has_its_own_images(table, decoded):
    assert open_(table(), 8).shape != open_(table(), 4).shape
    assert len(decoded) == 16


def test_arrays_are_kept_too(tmp_path, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, 5), dtype=np.uint8)
    np.savez(tmp_path / "m.npz", train_images=pixels, train_labels=np.arange(6)[:, None] % 2)
    first = open_(tmp_path / "m.npz")
    assert np.array_equal(first[2], decode(pixels[2], 8))
    monkeypatch.setattr(opening, "decode_bytes", None)
    assert np.array_equal(open_(tmp_path / "m.npz")[:], first[:])


def test_ctrl_c_keeps_what_is_done(table, decoded, monkeypatch):
    path = table()
    counted = opening.decode_bytes

    def interrupt(data, size, name):
        if len(decoded) == 5:
            raise KeyboardInterrupt
        return counted(data, size, name)

    monkeypatch.setattr(opening, "decode_bytes", interrupt)
    with pytest.raises(KeyboardInterrupt):
        open_(path, workers=1)
    monkeypatch.setattr(opening, "decode_bytes", counted)
    images = open_(path, workers=1)
    assert len(decoded) == 8
    assert np.array_equal(images[7], decode(path.parent / "images" / "7.png", 8))


SCRIPT = """
import os, signal, sys
from overread.data import cache, decoding, pool
from overread.data.read import read
pool.FRESH, decoding.BATCH, decoding.AHEAD, left = 0, 2, 1, int(sys.argv[2])
original = decoding.decode_bytes
def decode(data, size, name):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(data, size, name)
decoding.decode_bytes = decode
images = cache.open_images(read(sys.argv[1]).manifest, 8, quiet=True, workers=1)
assert len(images) == 8 and not images.bad
"""


def start(path, left):
    source = str(Path(opening.__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, path, str(left)], env={**os.environ, "PYTHONPATH": source}
    )


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_kill_loses_little_and_breaks_nothing(table, tmp_path, cache, decoded):
    path = table()
    assert start(path, 7).wait() == -signal.SIGKILL
    with (cache / "images" / f"8px-v{cache_module.DECODER}.u8").open("ab") as file:
        file.write(b"half a row")  # what a kill in the middle of writing leaves
    images = open_(path)
    assert 0 < len(decoded) <= 4  # four or more were written before the kill
    for row in range(8):
        assert np.array_equal(images[row], decode(tmp_path / "images" / f"{row}.png", 8))


def test_two_processes_at_once(table, cache):
    path = table()
    both = [start(path, 0), start(path, 0)]
    assert [process.wait() for process in both] == [0, 0]
    index = sqlite3.connect(cache / "images" / "index.sqlite")
    assert index.execute("select count(*), max(row) from rows").fetchone() == (8, 7)
    index.close()


def test_rows_that_were_deleted_are_made_again(table, cache, decoded):
    first = open_(table())
    (cache / "images" / f"8px-v{cache_module.DECODER}.u8").unlink()
    assert np.array_equal(open_(table())[:], first[:])
    assert len(decoded) == 16


def test_bad_images_are_named_or_left_out(table, tmp_path):
    path = table(rows=[*ROWS, "images/text.jpg,a", "images/cut.png,b"])
    (tmp_path / "images/text.jpg").write_text("hello")
    (tmp_path / "images/cut.png").write_bytes((tmp_path / "images/0.png").read_bytes()[:99])
    with pytest.raises(InputError) as caught:
        open_(path)
    text = str(caught.value)
    assert "2 of 10 images cannot be read" in text
    assert "images/text.jpg: not an image, but text" in text
    assert "images/cut.png: the file is truncated" in text
    assert "--on-bad-image skip" in text
    images = open_(path, on_bad_image="skip")
    assert [row for row, _ in images.bad] == [8, 9]
    assert images.good.tolist() == list(range(8))
    assert images.hashes[8:] == ["", ""]


def test_a_full_disk_is_told_before_the_work(table, cache, monkeypatch):
    usage = shutil._ntuple_diskusage(10, 10, 0)
    monkeypatch.setattr(cachedir.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(InputError, match="needs 0 MiB and its disk has 0 MiB free") as caught:
        open_(table())
    assert str(cache) in str(caught.value)
    assert "OVERREAD_CACHE" in str(caught.value)


def test_a_disk_that_fills_during_the_work(table, monkeypatch):
    def full(self, row, images):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pool.Pool, "_write", full)
    with pytest.raises(InputError, match="the disk is full"):
        open_(table())


def test_a_cache_that_cannot_be_made_or_read(table, tmp_path, cache):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be used"):
        open_(table(), cache_dir=tmp_path / "file")
    (cache / "images").mkdir()
    (cache / "images" / "index.sqlite").write_bytes(b"no database" * 99)
    with pytest.raises(InputError, match="delete that folder"):
        open_(table())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_only_the_owner_may_look(table, cache):
    open_(table())
    assert (cache / "images").stat().st_mode & 0o077 == 0


def test_the_default_folder(monkeypatch, tmp_path):
    assert cachedir.default_cache_dir() == Path(os.environ["OVERREAD_CACHE"])
    monkeypatch.delenv("OVERREAD_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(cachedir.sys, "platform", "linux")
    assert cachedir.default_cache_dir() == tmp_path / "overread"


def test_duplicates_and_conflicts(table, tmp_path):
    path = table(
        "image,label,group",
        [*(f"{row},p{i}" for i, row in enumerate(ROWS)), "images/copy.png,a,p0", "images/1copy.png,a,q"],
    )
    shutil.copy(tmp_path / "images/0.png", tmp_path / "images/copy.png")
    shutil.copy(tmp_path / "images/1.png", tmp_path / "images/1copy.png")
    reading, _ = load(path, size=8, quiet=True)
    assert reading.duplicates == [["images/0.png", "images/copy.png"], ["images/1.png", "images/1copy.png"]]
    assert reading.conflicts == [["images/1.png", "images/1copy.png"]]
    assert any("1 image has copies in different groups" in note for note in reading.notes)
    told = "\n".join(reading.lines())
    assert "2 images are exact copies of another" in told
    assert "images/1.png = images/1copy.png" in told


def test_progress_is_shown_unless_quiet(table, capsys, monkeypatch):
    monkeypatch.setattr(opening, "PATIENCE", 0)
    original = opening.decode_bytes
    monkeypatch.setattr(opening, "decode_bytes", lambda *what: (time.sleep(0.1), original(*what))[1])
    open_images(read(table()).manifest, 8, workers=1)
    assert "Opening images" in capsys.readouterr().err
    open_images(read(table()).manifest, 4, workers=1, quiet=True)
    assert capsys.readouterr().err == ""


def test_skipping_may_leave_too_little(table, tmp_path):
    path = table(rows=[*ROWS, "images/x.png,c", "images/8.png,c"])
    (tmp_path / "images/x.png").write_bytes(b"")
    shutil.copy(tmp_path / "images/0.png", tmp_path / "images/8.png")
    with pytest.raises(InputError, match="1 label has one image only"):
        load(path, DataOptions(on_bad_image="skip"), 8, quiet=True)
