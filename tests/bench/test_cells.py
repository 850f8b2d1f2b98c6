"""Cells are run once, shards share them out, and a bench goes on where it was."""

from __future__ import annotations

import json

import pytest

from overread.benches.cells import file_of, parse_shard, read_records, run_cells, shard_of
from overread.benches.plan import Cell
from overread.errors import InputError

CELLS = [Cell("40", method, seed) for seed in (1, 2) for method in ("ce", "ousm", "forward")]


def quiet(what):
    pass


def test_a_finished_cell_is_not_run_again(tmp_path):
    ran = []
    run_cells(tmp_path, CELLS[:2], lambda cell: ran.append(cell) or {"figures": {}}, quiet, quiet)
    run_cells(tmp_path, CELLS, lambda cell: ran.append(cell) or {"figures": {}}, quiet, quiet)
    assert ran == CELLS
    record = json.loads(file_of(tmp_path, CELLS[0]).read_text())
    assert (record["cell"], record["condition"], record["seed"]) == ("40.ce.1", "40", 1)
    assert record["seconds"] >= 0


def test_an_interrupted_cell_leaves_no_file(tmp_path):
    def stop(cell):
        if cell.method == "ousm":
            raise KeyboardInterrupt
        return {}

    with pytest.raises(KeyboardInterrupt):
        run_cells(tmp_path, CELLS, stop, quiet, quiet)
    assert [record["cell"] for record in read_records(tmp_path, CELLS)] == ["40.ce.1"]


@pytest.mark.parametrize("parts", [1, 2, 4, 9])
def test_shards_share_out_all_cells_once(parts):
    dealt = [cell for part in range(1, parts + 1) for cell in shard_of(CELLS, (part, parts))]
    assert sorted(dealt, key=CELLS.index) == CELLS


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2"])
def test_a_shard_that_is_none_is_refused(text):
    with pytest.raises(InputError, match=r"--shard .* is not i/n"):
        parse_shard(text)


def test_a_cell_is_tidied_up_once_its_file_is_there(tmp_path):
    there = []

    def look(cell):
        there.append(file_of(tmp_path, cell).exists())

    run_cells(tmp_path, CELLS[:1], lambda cell: {}, quiet, look)
    assert there == [True]


def test_every_bench_names_each_cell_once():
    """And its tables and figures stand records of none."""
    from pathlib import Path

    from overread.benches import BENCHES
    from overread.benches.desk import Desk
    from overread.benches.sources import Source

    for name, entry in BENCHES.items():
        plan = entry.load()
        assert plan.name == name
        source = Source(
            "ham10000", "x", "stand-in", Path(), {"images": {"train": 9}, "structures": ["lungs"]}
        )
        for quick in (True, False):
            seeds = (1,) if quick else (1, 2, 3)
            cells = plan.cells(Desk(plan, Path(), {"ham10000": source}, quick, seeds))
            names = [cell.name for cell in cells]
            assert len(set(names)) == len(names) > 0
            assert not any(set(one) & set('/\\:*?"<>| ') for one in names), "no name of a file"
        assert len(plan.full.seeds) >= 3
