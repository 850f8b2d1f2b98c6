"""The ledger: what lies in a file is what would lie in memory, and little of it is in memory at a time."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest
import torch

from overread.engine import ledger as module
from overread.engine import storage
from overread.engine.ledger import WHOLE_RUN, Column, Ledger
from overread.engine.parallel import Exchange
from overread.errors import InputError

COUNT, EPOCHS = 37, 5
COLUMNS = {
    "gradient": Column((3,), torch.float16, window=2),
    "seen": Column((), torch.int16, fill=-1, scratch=True),
    "sums": Column((2, 2), window=3, fill=0.0),
    "loss": Column(window=WHOLE_RUN),
}


@pytest.fixture
def small_files(monkeypatch):
    """Columns lie in files though they are small, and are written and read a few values at a time."""
    monkeypatch.setattr(module, "MAP_ABOVE", 1)
    monkeypatch.setattr(storage, "WAITING", 200)
    monkeypatch.setattr(storage, "RELEASE_EVERY", 50)
    monkeypatch.setattr(storage, "CHUNK", 60)


def used(ledger, epochs=range(EPOCHS)):
    """What a run of shuffled batches does, with a sample that comes twice; what it read on the way."""
    read = []
    for epoch in epochs:
        ledger.epoch = epoch
        generator = torch.Generator().manual_seed(epoch)
        order = torch.cat([torch.randperm(COUNT, generator=generator), torch.tensor([4])])
        for ids in order.split(8):
            for name, column in COLUMNS.items():
                values = torch.randn((len(ids), *column.shape), generator=generator)
                ledger.put(name, ids, 10 * values)
            read += [ledger.window("sums", ids), ledger.get("gradient", ids)]
        ledger.put_all("sums", torch.randn((COUNT, 2, 2), generator=generator))
        ledger.gather(Exchange())
    return read


def assert_same(one, other):
    torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


def test_columns_in_files_are_those_in_memory(small_files, tmp_path):
    mapped = Ledger(COUNT, EPOCHS, COLUMNS, tmp_path)
    held = Ledger(COUNT, EPOCHS, COLUMNS)
    for one, other in zip(used(mapped), used(held), strict=True):
        assert_same(one, other)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["gradient", "seen", "sums"]
    for name in COLUMNS:
        assert_same(mapped.history(name), held.history(name))
        for ledger in (mapped, held):
            parts = [part.clone() for part in ledger.chunks(name)]
            assert len(parts) > 1
            assert_same(torch.cat(parts), held.history(name))
    assert list(mapped.state()) == ["loss"]
    mapped.close()
    assert not list(tmp_path.iterdir())


def test_files_are_taken_up_again_or_begun_anew(small_files, tmp_path):
    first = Ledger(COUNT, EPOCHS, COLUMNS, tmp_path)
    used(first, range(3))
    again = Ledger(COUNT, EPOCHS, COLUMNS, tmp_path, fresh=False)
    again.restore(first.state())
    used(again, range(3, EPOCHS))
    whole = Ledger(COUNT, EPOCHS, COLUMNS)
    used(whole)
    for name in COLUMNS:
        assert_same(again.history(name), whole.history(name))
    anew = Ledger(COUNT, EPOCHS, COLUMNS, tmp_path)
    assert anew.history("gradient").isnan().all()
    assert (anew.history("seen") == -1).all()
    assert (anew.history("sums") == 0).all()


def test_a_file_that_is_gone_or_cut_short_is_said(small_files, tmp_path):
    used(Ledger(COUNT, EPOCHS, COLUMNS, tmp_path), range(2))
    with (tmp_path / "gradient.column").open("r+b") as file:
        file.truncate(10)
    with pytest.raises(InputError, match=r"gradient\.column is gone or cut short.*Give -o a new folder"):
        Ledger(COUNT, EPOCHS, COLUMNS, tmp_path, fresh=False)
    (tmp_path / "gradient.column").unlink()
    with pytest.raises(InputError, match=r"gradient\.column is gone"):
        Ledger(COUNT, EPOCHS, COLUMNS, tmp_path, fresh=False)


def test_what_is_small_lies_in_memory_and_scratch_is_no_part_of_the_state(tmp_path):
    ledger = Ledger(COUNT, EPOCHS, COLUMNS, tmp_path)
    used(ledger)
    assert not list(tmp_path.iterdir())
    assert sorted(ledger.state()) == ["gradient", "loss", "sums"]


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system cannot reserve a place on a disk")
def test_a_disk_that_is_too_small_is_said_before_the_run(small_files, monkeypatch, tmp_path):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=r"No space left.*gradient\.column"):
        Ledger(COUNT, EPOCHS, COLUMNS, tmp_path)
    assert not list(tmp_path.iterdir())


def resident_files():
    """Bytes of mapped files that are in memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("RssFile"))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the resident memory on Linux alone")
def test_little_of_a_file_is_resident(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "MAP_ABOVE", 1)
    monkeypatch.setattr(storage, "RELEASE_EVERY", 8 * 2**20)
    monkeypatch.setattr(storage, "WAITING", 4 * 2**20)
    monkeypatch.setattr(storage, "CHUNK", 2**20)
    before = resident_files()
    ledger = Ledger(8192, 1, {"x": Column((1024,), torch.float32, window=2)}, tmp_path)  # 64 MiB
    found = [resident_files()]
    for ids in torch.randperm(8192, generator=torch.Generator().manual_seed(0)).split(256):
        ledger.put("x", ids, torch.ones(256, 1024))
        found.append(resident_files())
    for chunk in ledger.chunks("x"):
        assert chunk[:, 0].isnan().any() or (chunk[:, 0] == 1).all()
        found.append(resident_files())
    for ids in torch.arange(8192).split(512):
        ledger.window("x", ids)
        found.append(resident_files())
    assert max(found) - before <= 40 * 2**20  # 8 MiB, the chunk at hand, and what a read of 512 rows touches
    ledger.close()
