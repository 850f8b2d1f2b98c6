"""`overread clean` interrupted at every moment: `--resume` goes on, and ends bit for bit as if nothing had been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from overread.errors import InputError

# (module, function, which of its calls, whether it is done before the interruption), in the order of a run
MOMENTS = [
    ("overread.verbs.cleaning.setting_up", "opened_store", 1, "after"),
    ("overread.verbs.clean", "begun", 1, "after"),
    ("overread.verbs.clean", "prepared", 1, "after"),
    ("overread.verbs.cleaning.model", "judged", 2, "before"),  # in the second epoch of the first phase
    ("overread.verbs.cleaning.first", "learned", 1, "after"),
    ("overread.verbs.cleaning.first", "trusted", 1, "after"),
    ("overread.verbs.cleaning.rounds", "updated", 1, "after"),
    ("overread.verbs.cleaning.rounds", "write_rounds", 1, "after"),
    ("overread.verbs.cleaning.rounds", "enqueue", 1, "before"),
    ("overread.verbs.cleaning.rounds", "enqueue", 1, "after"),
    ("overread.verbs.cleaning.rounds", "ask_oracle", 1, "before"),
    ("overread.verbs.cleaning.rounds", "ask_oracle", 1, "after"),
    ("overread.verbs.cleaning.model", "judged", 2, "before"),  # in the second epoch of round 1
    ("overread.verbs.cleaning.rounds", "write_rounds", 1, "before"),
    ("overread.verbs.cleaning.rounds", "write_rounds", 1, "after"),
    ("overread.verbs.cleaning.rounds", "doubts", 2, "after"),  # what is known before round 2, and after it
    ("overread.verbs.clean", "evidence_now", 1, "before"),
    ("overread.verbs.clean", "summarise", 1, "before"),
    ("overread.verbs.clean", "report", 1, "before"),
    ("overread.verbs.clean", "report", 1, "after"),
]
SAME = (
    "evidence.npz",
    "metrics.json",
    "manifest.csv",
    "config.toml",
    "model/weights.safetensors",
    "gallery.json",
)


def files(out):
    """What a run leaves; a store that was never closed keeps its log beside it."""
    return {path.name for path in out.iterdir() if not path.name.startswith("labels.sqlite-")}


def assert_same(cleaning, a, b):
    assert cleaning.table(a).equals(cleaning.table(b))
    assert cleaning.picked(a) == cleaning.picked(b)
    assert cleaning.said(a) == cleaning.said(b)
    for name in SAME:
        assert (a / name).read_bytes() == (b / name).read_bytes(), name
    first, second = (json.loads((run / "summary.json").read_text()) for run in (a, b))
    for summary in (first, second):
        for name in ("seconds", "head", "store"):  # the trail holds times of day
            summary.pop(name)
    assert first == second
    assert files(a) == files(b)


def stopping(function, call, when):
    """`function`, which is interrupted at a call of it."""
    calls = []

    def wrapped(*args, **kwargs):
        calls.append(1)
        if len(calls) < call:
            return function(*args, **kwargs)
        if when == "after":
            function(*args, **kwargs)
        raise KeyboardInterrupt

    return wrapped


def interrupted(cleaning, source, out, monkeypatch, flags):
    """A run that is interrupted at every moment, one after the other."""
    import importlib

    for place, (module, name, call, when) in enumerate(MOMENTS):
        with monkeypatch.context() as patch:
            function = getattr(importlib.import_module(module), name)
            patch.setattr(f"{module}.{name}", stopping(function, call, when))
            with pytest.raises(KeyboardInterrupt):
                cleaning.run(source, out, resume=place > 0, **flags)
        said = json.loads((out / "run.json").read_text())["state"]
        assert said == "interrupted" or place == 0 or name == "report", (name, when)
    return cleaning.run(source, out, resume=True, **flags)


FLAGS = {
    "default": {},
    "Bernhardt": {
        "start": "co-teaching",
        "trust": "none",
        "update": "all",
        "readers": 3,
        "expert_error": 0.3,
    },
}


@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS)
def test_interrupted_at_every_moment(cleaning, flags, colours, tmp_path, monkeypatch):
    cleaning.run(colours, tmp_path / "whole", **flags)
    result = interrupted(cleaning, colours, tmp_path / "broken", monkeypatch, flags)
    assert result.state == "done"
    assert_same(cleaning, tmp_path / "whole", tmp_path / "broken")


def test_a_finished_run_is_shown_again(cleaning, colours, tmp_path):
    first = cleaning.run(colours, tmp_path / "run")
    with pytest.raises(InputError, match="already holds a run"):
        cleaning.run(colours, tmp_path / "run")
    (tmp_path / "run" / "report.html").unlink()
    again = cleaning.run(colours, tmp_path / "run", resume=True)
    assert again.rounds.equals(first.rounds)
    assert again.summary == first.summary
    assert (tmp_path / "run" / "report.html").is_file()


def test_other_flags_are_refused(cleaning, colours, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("overread.verbs.clean.first_phase", stopping(None, 1, "before"))
        with pytest.raises(KeyboardInterrupt):
            cleaning.run(colours, tmp_path / "run")
    with pytest.raises(InputError, match="sampler was 'suspicion', now 'random'"):
        cleaning.run(colours, tmp_path / "run", sampler="random", resume=True)


def test_a_store_of_another_run_is_refused(cleaning, colours, tmp_path):
    cleaning.run(colours, tmp_path / "a", db=str(tmp_path / "labels.sqlite"))
    with pytest.raises(InputError, match="holds rounds of another run"):
        cleaning.run(colours, tmp_path / "b", db=str(tmp_path / "labels.sqlite"))


def test_a_store_that_was_made_anew_is_refused(cleaning, colours, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("overread.verbs.clean.summarise", stopping(None, 1, "before"))
        with pytest.raises(KeyboardInterrupt):
            cleaning.run(colours, tmp_path / "run")
    for path in (tmp_path / "run").glob("labels.sqlite*"):
        path.unlink()
    with pytest.raises(InputError, match="does not hold the rounds"):
        cleaning.run(colours, tmp_path / "run", resume=True)


COMMAND = (
    *("--effort", "fast", "--network", "tiny", "--size", "16", "--epochs", "30", "--round-epochs", "30"),
    *("--rounds", "3", "--budget", "9", "--expert", "oracle", "--sampler", "entropy", "--quiet"),
)


def start(colours, out, *more):
    """The command in a process of its own."""
    command = [sys.executable, "-m", "overread", "clean", str(colours), "-o", str(out), *COMMAND, *more]
    environment = {**os.environ, "OVERREAD_CACHE": str(colours.parent / "cache"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def lines(out):
    """How far a run is: lines of its log, and finished rounds."""
    files = (out / "log.jsonl", out / "rounds.csv")
    return sum(len(path.read_text().splitlines()) for path in files if path.exists())


@pytest.mark.slow
def test_kill_9_at_many_moments(cleaning, colours, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    process = start(colours, whole)
    told = process.communicate()[1]
    assert process.returncode == 0, told
    every = max(1, lines(whole) // 7)
    for number in range(1, 7):
        process = start(colours, broken, *(["--resume"] if number > 1 else []))
        while process.poll() is None and lines(broken) < number * every:
            time.sleep(0.002)
        process.kill()
        told = process.communicate()[1]
        assert process.returncode == -signal.SIGKILL, told
    process = start(colours, broken, "--resume")
    told = process.communicate()[1]
    assert process.returncode == 0, told
    assert_same(cleaning, whole, broken)
