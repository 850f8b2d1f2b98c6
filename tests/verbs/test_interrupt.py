"""Ctrl-C and kill -9: `--resume` completes, and the result equals that of an undisturbed run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SAME = {
    "audit": ("suspects.csv", "evidence.npz", "gallery.json", "manifest.csv", "config.toml"),
    "train": ("metrics.json", "evidence.npz", "predictions.csv", "manifest.csv", "model/weights.safetensors"),
}
FLAGS = (
    "--network",
    "tiny",
    "--size",
    "16",
    "--epochs",
    "40",
    "--batch-size",
    "8",
    "--lr",
    "0.05",
    "--quiet",
)


def start(verb: str, colours: Path, run: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "overread", verb, str(colours), "-o", str(run), *FLAGS, *more]
    environment = {**os.environ, "OVERREAD_CACHE": str(colours.parent / "cache"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_epochs(run: Path, process: subprocess.Popen[str], count: int) -> None:
    """Until the log has `count` lines: the process is then somewhere between two epochs or within one."""
    while process.poll() is None:
        if (run / "log.jsonl").exists() and len((run / "log.jsonl").read_text().splitlines()) >= count:
            return
        time.sleep(0.002)
    pytest.fail(f"the run ended before it could be interrupted: {process.communicate()[1]}")


def finish(process: subprocess.Popen[str]) -> int:
    """Waits for the end; the exit code."""
    told = process.communicate()[1]
    assert "Traceback" not in told, told
    return process.returncode


def assert_same(verb: str, a: Path, b: Path) -> None:
    for name in SAME[verb]:
        assert (a / name).read_bytes() == (b / name).read_bytes(), name
    first, second = (json.loads((run / "summary.json").read_text()) for run in (a, b))
    first.pop("seconds"), second.pop("seconds")
    assert first == second
    assert {path.name for path in a.iterdir()} == {path.name for path in b.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("verb", list(SAME))
def test_ctrl_c_and_kill_9_lose_nothing(verb, colours, tmp_path):
    assert finish(start(verb, colours, tmp_path / "whole")) == 0
    broken = tmp_path / "broken"
    process = start(verb, colours, broken)
    wait_for_epochs(broken, process, 5)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 130
    assert "--resume" in told
    assert "Traceback" not in told
    assert json.loads((broken / "run.json").read_text())["state"] == "interrupted"
    for epochs in (20, 41, 75):
        process = start(verb, colours, broken, "--resume")
        wait_for_epochs(broken, process, epochs)
        process.kill()
        assert finish(process) == -signal.SIGKILL
    assert finish(start(verb, colours, broken, "--resume")) == 0
    assert_same(verb, tmp_path / "whole", broken)
