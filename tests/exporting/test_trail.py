"""`--to audit`: the trail in files, checked by the script of docs/export.md that knows nothing of Overread."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import overread
from overread.cli.main import main
from overread.errors import InputError
from overread.store import LabelStore, Opinion

PAGE = Path(__file__).parents[2] / "docs" / "export.md"


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def checked(folder: Path) -> str:
    """What the script of the docs says of an export: "" where all is well."""
    [source] = re.findall(
        r"^```python check.py\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert len(source.splitlines()) <= 14
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


@pytest.fixture
def out(said, tmp_path):
    overread.export(said, tmp_path / "out", "audit")
    return tmp_path / "out"


def test_the_trail_is_whole(said, out):
    assert sorted(file.name for file in out.iterdir()) == [
        "export.json",
        "head.json",
        "samples.jsonl",
        "trail.jsonl",
    ]
    head = json.loads((out / "head.json").read_text("utf-8"))
    store = LabelStore.open(said / "labels.sqlite")
    entries, (number, last) = list(store.opinions()), store.head()
    store.close()
    assert (head["number"], head["hash"], head["samples"]) == (number, last, 8)
    assert head["readers"] == {"+eve": 1, "ann": 4, "bob": 2}
    assert head["outcomes"] == {"keep": 2, "label": 4, "unreadable": 1}
    told = (out / "trail.jsonl").read_text("utf-8").split("\n")[:-1]
    assert [json.loads(line) for line in told] == [vars(entry) for entry in entries]
    assert (
        hashlib.sha256((out / "samples.jsonl").read_bytes()).hexdigest() == entries[0].before == head["start"]
    )
    assert json.loads((out / "export.json").read_text("utf-8"))["head"] == {"number": number, "hash": last}
    assert checked(out) == ""


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("trail.jsonl", lambda text: text.replace('"nv"', '"mel"', 1)),
        (
            "trail.jsonl",
            lambda text: "".join(line for line in lines(text) if '"number":4' not in line),
        ),
        ("trail.jsonl", lambda text: "".join(lines(text)[:-1])),
        ("trail.jsonl", lambda text: text + lines(text)[-1]),
        ("samples.jsonl", lambda text: text.replace("mel", "nv", 1)),
        ("head.json", lambda text: text.replace('"hash": "', '"hash": "0')),
    ],
)
def test_what_is_changed_is_found_by_the_script(out, name, change):
    text = (out / name).read_text("utf-8")
    assert change(text) != text
    (out / name).write_text(change(text), "utf-8")
    assert "AssertionError" in checked(out)


def test_masks_are_in_it(kit, cases, tmp_path):
    run = kit.make_run(cases, tmp_path / "run")
    store = kit.open_store(run)
    mask = kit.png(kit.boxes(1)["heart"])
    store.append([Opinion(f"images/{n}.png", "ann", "label", structure="heart", mask=mask) for n in range(2)])
    store.close()
    overread.export(run, tmp_path / "out", "audit")
    [file] = (tmp_path / "out" / "masks").iterdir()
    assert file.read_bytes() == mask
    assert checked(tmp_path / "out") == ""
    file.write_bytes(mask + b"x")
    assert "AssertionError" in checked(tmp_path / "out")


def test_an_empty_trail_is_whole_too(kit, run, tmp_path):
    kit.open_store(run).close()
    overread.export(run, tmp_path / "out", "audit")
    assert (tmp_path / "out" / "trail.jsonl").read_bytes() == b""
    assert checked(tmp_path / "out") == ""


def test_without_a_store_there_is_no_trail(run, tmp_path):
    with pytest.raises(
        InputError, match=r"has no label store yet, so there is no trail: .* name it: --db URL"
    ):
        overread.export(run, tmp_path / "out", "audit")
    assert not (tmp_path / "out").exists()


def test_the_head_of_an_export_finds_a_tail_that_was_cut_off(said, out):
    from overread.verbs.verify import verify

    head = json.loads((out / "export.json").read_text("utf-8"))["head"]["hash"]
    assert verify(said, head=head).faults == []
    with sqlite3.connect(said / "labels.sqlite") as connection:
        names = [
            row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ]
        for name in names:
            connection.execute(f"DROP TRIGGER {name}")
        before = connection.execute("SELECT before FROM opinions WHERE number = 7").fetchone()[0]
        connection.execute("DELETE FROM opinions WHERE number = 7")
        connection.execute("UPDATE head SET number = 6, hash = ?", (before,))
    connection.close()
    assert verify(said).faults == []
    found = verify(said, head=head)
    assert (len(found.faults), found.exit_code) == (1, 1)
    assert found.lines[0].startswith("NOT WHOLE: 1 fault in 6 entries on 8 samples in ")
    assert found.lines[1].startswith(f"- No entry has the hash {head}")


def test_what_it_prints(said, tmp_path, capsys):
    assert main(["export", str(said), "-o", str(tmp_path / "out"), "--to", "audit"]) == 0
    shown = capsys.readouterr().out
    head = json.loads((tmp_path / "out" / "head.json").read_text("utf-8"))["hash"]
    assert f"{head} (entry 7)" in shown
    assert str(tmp_path / "out" / "trail.jsonl") in shown
    assert main(["export", str(said), "-o", str(tmp_path / "json"), "--to", "audit", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"]["hash"] == head
