"""`overread clean` as a new user meets it: what it prints, and one plain message for each slip."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from overread.cli.main import main

SMALL = (
    *("--effort", "fast", "--network", "tiny", "--size", "16", "--batch-size", "16", "--device", "cpu"),
    *("--epochs", "3", "--round-epochs", "2", "--rounds", "2", "--budget", "8"),
)


@pytest.fixture
def said(colours, tmp_path, capsys):
    """Runs the command; exit code, stdout and stderr."""

    def run(*flags, out="run", quiet=True):
        more = ["--cache", str(tmp_path / "cache"), *(["--quiet"] if quiet else [])]
        code = main(["clean", str(colours), "-o", str(tmp_path / out), *SMALL, *more, *flags])
        return (code, *capsys.readouterr())

    return run


def test_a_round_for_people_from_beginning_to_end(said, tmp_path):
    code, printed, _ = said(quiet=False)
    assert code == 0
    assert "round 1: 4 labels, 0 answered" in printed
    assert str(tmp_path / "run" / "queue.csv") in printed
    assert "--resume --answers FILE" in printed
    queue = pd.read_csv(tmp_path / "run" / "queue.csv", dtype=str, keep_default_na=False)
    queue.assign(answer="keep").to_csv(tmp_path / "mine.csv", index=False)
    code, _, told = said()
    assert code == 2
    assert "already holds a run (state: waiting)" in told
    code, printed, told = said("--resume", "--answers", str(tmp_path / "mine.csv"), "--json")
    assert code == 0
    summary = json.loads(printed)
    assert (summary["state"], summary["bought"], summary["waiting"]["round"]) == ("waiting", 4, 2)


def test_a_run_is_repeated_by_its_configuration(said, cleaning, tmp_path):
    assert said("--expert", "oracle", "--balanced", "--sampler", "margin")[0] == 0
    config = tmp_path / "run" / "config.toml"
    assert "balanced = true" in config.read_text()
    assert said("--config", str(config), out="again")[0] == 0
    assert cleaning.picked(tmp_path / "run") == cleaning.picked(tmp_path / "again")
    assert cleaning.table(tmp_path / "run").equals(cleaning.table(tmp_path / "again"))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--budgett", "3"], "No such option '--budgett'"),
        (["--sampler", "entropi"], "Did you mean 'entropy'"),
        (["--budget", "1000"], "--budget 1000 is more than the 64 training images"),
        (["--start", "none", "--trust", "consensus"], "--trust consensus needs a first phase"),
        (["--stop-after", "59", "--balanced"], "--stop-after counts labels"),
        (["--expert", "oracle", "--wait"], "--wait is for --expert queue"),
        (["--expert", "oracle", "--expert-confusion", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_slips_are_answered_in_a_sentence(said, flags, words, tmp_path):
    code, printed, told = said(*flags)
    assert (code, printed) == (2, "")
    assert words in told
    assert "Traceback" not in told
    assert not (tmp_path / "run").exists()


def test_an_image_that_is_damaged(said, colours, tmp_path):
    (colours / "images" / "05.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    code, _, told = said("--expert", "oracle")
    assert code == 2
    assert "05.png" in told
    assert said("--expert", "oracle", "--on-bad-image", "skip")[0] == 0
    assert "images/05.png" in (tmp_path / "run" / "summary.json").read_text()


def test_ctrl_c_says_how_to_go_on(said, monkeypatch):
    def pressed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("overread.verbs.cleaning.rounds.ask_oracle", pressed)
        code, _, told = said("--expert", "oracle")
    assert code == 130
    assert "the same command with --resume goes on" in told
    assert said("--expert", "oracle", "--resume")[0] == 0


def test_a_full_disk_loses_nothing(said, cleaning, monkeypatch, tmp_path):
    import errno

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "rounds.csv")

    with monkeypatch.context() as patch:
        patch.setattr("overread.verbs.cleaning.rounds.write_rounds", full)
        code, _, told = said("--expert", "oracle")
    assert code == 1
    assert "the disk is full" in told
    assert "Traceback" not in told
    assert said("--expert", "oracle", "--resume")[0] == 0
    shutil.move(tmp_path / "run", tmp_path / "first")
    assert said("--expert", "oracle")[0] == 0
    assert cleaning.table(tmp_path / "run").equals(cleaning.table(tmp_path / "first"))
