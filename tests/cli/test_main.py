"""Exit codes and messages: what a user or a script sees when things go right and wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

import overread
from overread.cli import main as cli
from overread.cli.main import VERBS, main
from overread.errors import InputError, OverreadError


@pytest.fixture
def failing(monkeypatch):
    """Makes `overread list` raise what it is told to."""

    def fail(error: BaseException) -> int:
        def raises(kind):
            raise error

        monkeypatch.setattr("overread.verbs.list.list", raises)
        return main(["list"])

    return fail


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb, capsys):
    assert main([verb, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Example" in shown
    assert f"  overread {verb} " in shown


def test_help_version_and_nothing(capsys):
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    assert all(verb in listed for verb in VERBS)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"overread {overread.__version__}\n"
    assert main([]) == 2
    assert "Usage: overread" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["audti"], "There is no verb 'audti'. Did you mean 'audit'?"),
        (["audit", "data", "-o", "run", "--epohcs", "3"], "--epochs"),
        (["audit", "data"], "Missing option '-o'"),
        (["audit", "-o", "run"], "Missing argument 'DATA'"),
        (["audit", "data", "-o", "run", "--epochs", "few"], "'few' is not a valid integer"),
        (["audit", "data", "-o", "run", "--epochs", "0", "--lr", "0"], "--lr must be above 0"),
        (["audit", "data", "-o", "run", "--noise-rate", "much"], "'much' is neither 'auto' nor a number"),
        (["audit", "data", "-o", "run", "--noise-rate", "20"], "share from 0 to below 1, not 20"),
        (["audit", "data", "-o", "run", "--effort", "ful"], "'ful' is not one of 'full', 'fast'"),
        (["list", "noise"], "'noise' is not one of"),
    ],
)
def test_wrong_flags_are_answered_with_code_2(arguments, message, capsys):
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert message in told.err
    assert "Traceback" not in told.err
    assert told.out == ""


def test_wrong_input_is_one_message_with_code_2(failing, capsys):
    assert failing(InputError("There is no such thing.")) == 2
    assert capsys.readouterr().err == "Error: There is no such thing.\n"


def test_our_fault_is_code_1_and_says_how_to_see_more(failing, capsys, monkeypatch):
    assert failing(ZeroDivisionError("division by zero")) == 1
    told = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero" in told
    assert "OVERREAD_DEBUG=1" in told
    assert "Traceback" not in told
    monkeypatch.setenv("OVERREAD_DEBUG", "1")
    assert failing(ZeroDivisionError("division by zero")) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_failure_in_words_is_no_fault_of_the_program(failing, capsys):
    assert failing(OverreadError("The disk is full.")) == 1
    assert capsys.readouterr().err == "Error: The disk is full.\n"


def test_a_place_that_may_not_be_written(failing, capsys):
    assert failing(PermissionError(13, "Permission denied", "/root/run")) == 2
    assert "Error: /root/run cannot be opened or written: Permission denied." in capsys.readouterr().err


def test_ctrl_c_is_code_130(failing, capsys, monkeypatch):
    assert failing(KeyboardInterrupt()) == 130
    assert "Interrupted." in capsys.readouterr().err
    monkeypatch.setattr(cli, "RESUMABLE", ("list",))
    assert failing(KeyboardInterrupt()) == 130
    assert "the same command with --resume goes on" in capsys.readouterr().err


def test_a_closed_pipe_is_quiet():
    line = f'"{sys.executable}" -m overread list | true'
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""


def test_python_m_overread_and_its_exit_code():
    call = [sys.executable, "-m", "overread"]
    assert subprocess.run([*call, "--version"], capture_output=True, check=False, timeout=60).returncode == 0
    assert subprocess.run([*call, "lisst"], capture_output=True, check=False, timeout=60).returncode == 2


def fastest(arguments: list[str]) -> float:
    """Seconds of the fastest of three runs: the others measure what else the machine does."""
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "overread", *arguments], capture_output=True, check=True, timeout=60
        )
        taken.append(time.perf_counter() - start)
    return min(taken)


@pytest.mark.parametrize(("arguments", "limit"), [(["--help"], 0.4), (["list"], 1.0)])
def test_help_and_list_come_at_once(arguments, limit):
    allowed = limit * (2 if os.environ.get("PYTEST_XDIST_WORKER") else 1)  # beside busy workers
    assert fastest(arguments) < allowed


def test_the_verbs_are_functions():
    assert overread.corrupt.__module__ == "overread.verbs.corrupt"
    assert "audit" in dir(overread)
    with pytest.raises(AttributeError, match="'overread' has no attribute 'adit'"):
        _ = overread.adit
