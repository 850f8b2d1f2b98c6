"""Files that appear whole or not at all, also on a full disk."""

from __future__ import annotations

import errno
from collections import namedtuple

import pytest

from overread.files import write_whole

Usage = namedtuple("Usage", "total used free")


def failing(part):
    part.write_text("half")
    raise RuntimeError("unexpected pos 576 vs 534")  # what torch.save says of a full disk


@pytest.mark.parametrize(("free", "expected"), [(1000, OSError), (10**9, RuntimeError)])
def test_a_full_disk_is_one_whatever_the_library_calls_it(tmp_path, monkeypatch, free, expected):
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(10**9, 0, free))
    (tmp_path / "file").write_text("before")
    with pytest.raises(expected) as failure:
        write_whole(tmp_path / "file", failing)
    if expected is OSError:
        assert (failure.value.errno, failure.value.filename) == (errno.ENOSPC, str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
