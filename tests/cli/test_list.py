"""`overread list`."""

from __future__ import annotations

import json

import pytest

from overread.cli.main import main
from overread.errors import InputError
from overread.verbs.list import KINDS
from overread.verbs.list import list as list_kinds


def test_all_kinds_with_a_line_and_a_source_each(capsys):
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    for kind, table in list_kinds().items():
        assert f"\n{kind}\n" in f"\n{shown}"
        for name, entry in table.items():
            (line,) = [line for line in shown.splitlines() if line.startswith(f"  {name} ")]
            assert entry.what in line
            assert entry.source in line


def test_one_kind(capsys):
    assert main(["list", "noises"]) == 0
    shown = capsys.readouterr().out
    assert "loss-ranked" in shown
    assert "methods" not in shown


def test_as_json(capsys):
    assert main(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert set(listed) == set(KINDS)
    assert set(listed["noises"]["pair"]) == {"what", "source"}


def test_an_unknown_kind():
    with pytest.raises(InputError, match="Did you mean 'noises'"):
        list_kinds("noise")
