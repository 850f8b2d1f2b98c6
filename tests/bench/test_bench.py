"""A whole bench on phantoms: what it writes, that it resumes, and what it refuses."""

from __future__ import annotations

import json

import click
import pytest
from PIL import Image

import overread
from overread.benches.plan import Cell
from overread.cli.main import main
from overread.errors import InputError


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def two(desk):
    return [Cell("40", method, seed) for seed in desk.seeds for method in ("ce", "ousm")]


def test_a_whole_bench(tiny, tmp_path):
    tiny("memorisation", two)
    out = tmp_path / "out"
    half = overread.bench("memorisation", out, quick=True, seeds=(1,), shard="1/2", quiet=True)
    assert (half.done, half.cells) == (1, 2)
    assert "1 of 2 cells are finished" in (out / "table.md").read_text()
    with pytest.raises(InputError, match=r"already holds a bench. --resume goes on"):
        overread.bench("memorisation", out, quick=True, seeds=(1,), quiet=True)
    before = (out / "cells" / "40.ce.1.json").stat().st_mtime_ns
    whole = overread.bench("memorisation", out, quick=True, seeds=(1,), resume=True, quiet=True)
    assert (whole.done, whole.cells) == (2, 2)
    assert (out / "cells" / "40.ce.1.json").stat().st_mtime_ns == before
    check_outputs(out)
    with pytest.raises(InputError, match="other data or flags: asked was"):
        overread.bench("memorisation", out, quick=True, asked={"size": 32}, resume=True, quiet=True)


def check_outputs(out):
    """Every file is there, and says that phantoms stand for the paper's data."""
    table, text, found = (
        read(out / "table.json"),
        (out / "table.md").read_text(),
        read(out / "provenance.json"),
    )
    assert "generated phantoms in place of the paper's data" in text
    assert "generated phantoms" in next(iter(table["data"].values()))
    assert found["data"]["phantoms-binary"]["is"].startswith("generated phantoms")
    assert set(found["noise_seeds"]).isdisjoint(found["seeds"])
    assert {"machine", "versions", "load", "command", "learning"} <= set(found)
    line = table["tables"][0]["lines"][0]
    record = read(out / "cells" / "40.ce.1.json")
    assert line["figures"]["test_error"]["mean"] == record["figures"]["test_error"]
    assert record["curves"]["test_error"][-1] == pytest.approx(1 - record["last"]["accuracy"], abs=1e-4)
    with Image.open(out / "figure3.png") as picture:
        assert min(picture.size) > 300
    assert not (out / "runs" / "40.ce.1" / "model").exists(), "heavy parts are tidied away"


def test_the_command_line_refuses_in_a_sentence(tmp_path, capsys):
    assert main(["bench", "ousm-tabel1", "-o", str(tmp_path / "out")]) == 2
    assert "Did you mean 'ousm-table1'?" in capsys.readouterr().err
    assert main(["bench", "ousm-table1", "-o", str(tmp_path / "out"), "--seeds", "1,1"]) == 2
    assert "is not a list of different whole numbers" in capsys.readouterr().err
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    assert main(["bench", "ousm-table1", "-o", str(tmp_path / "full")]) == 2
    assert "already holds x" in capsys.readouterr().err


def test_help_names_every_bench():
    from overread.benches import BENCHES
    from overread.cli.bench import command

    said = "".join(command.get_help(click.Context(command)).split())  # lines break at hyphens
    assert all(name in said for name in BENCHES)


def test_rows_of_a_split_are_counted(tmp_path):
    from overread.benches.reading import count_of

    (tmp_path / "labels.csv").write_text("image,label,split\na,x,train\nb,y,test\nc,x,train\n")
    assert count_of(tmp_path, "train") == 2


def test_without_matplotlib_nothing_is_begun(tmp_path, monkeypatch):
    from overread.benches import figures

    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'overread\[bench\]'"):
        overread.bench("memorisation", tmp_path / "out", quick=True, quiet=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["ousm-table1", "loss-sequence", "active-cleaning", "pick-and-learn", "cascade-table1"]
)
def test_every_bench_runs_to_its_end(tiny, tmp_path, name):
    tiny(name)
    result = overread.bench(name, tmp_path / "out", quick=True, quiet=True)
    assert result.done == result.cells
    assert result.tables["tables"][0]["lines"]
    assert list((tmp_path / "out").glob("*.png"))
