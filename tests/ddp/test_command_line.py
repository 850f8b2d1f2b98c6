"""The command line in two processes: one message, one result, each file once; stopped and resumed as alone."""

from __future__ import annotations

import json
import signal
import time

import pytest

from overread.data.options import DataOptions
from overread.errors import InputError
from overread.verbs.audit import audit
from overread.verbs.config import AuditConfig, load_config

pytestmark = pytest.mark.timeout(900)
SAME = ("suspects.csv", "evidence.npz", "manifest.csv", "gallery.json")
FILES = {
    *SAME,
    *("config.toml", "gallery", "log.jsonl", "report.html", "run.json", "summary.json"),
}


def lines(run):
    """The epochs in the log."""
    text = (run / "log.jsonl").read_text() if (run / "log.jsonl").exists() else ""
    return [(line["stage"], line["epoch"]) for line in map(json.loads, text.splitlines())]


def info(run):
    return json.loads((run / "run.json").read_text())


def assert_done(run):
    """Everything is there, once, and nothing else."""
    assert {path.name for path in run.iterdir()} == FILES
    assert info(run)["state"] == "done"
    assert info(run)["processes"] == 2
    assert len(lines(run)) == len(set(lines(run))) > 0


@pytest.fixture(scope="module")
def told(two):
    return [json.loads((two / f"verbs-{rank}.json").read_text()) for rank in (0, 1)]


def test_all_processes_return_what_the_first_one_found(two, told):
    assert told[0]["suspects"] == told[1]["suspects"]
    assert told[0]["metrics"] == told[1]["metrics"]
    assert len(told[0]["suspects"]) == 72
    assert_done(two / "audit")
    assert told[0]["masks"] == told[1]["masks"]
    assert info(two / "train-masks")["processes"] == 2
    suggested = list((two / "train-masks" / "suggested" / "disk").iterdir())
    assert len(suggested) == told[0]["masks"]["corrected"]["samples"] == 21
    assert info(two / "train")["processes"] == 2
    assert (two / "train" / "model" / "weights.safetensors").exists()
    assert not list(two.rglob("*.part"))


def test_what_is_wrong_is_said_once(two, told):
    first, second = (one["wrong"] for one in told)
    assert first[0] == 2
    assert "nowhere" in first[1]
    assert second == [2, ""]
    assert not (two / "never").exists()


def test_a_finished_run_is_read_back_by_one_process_and_an_unfinished_one_is_not(two):
    run = two / "audit"
    config = load_config(run / "config.toml", AuditConfig)
    back = audit(two / "colours", run, DataOptions(), config, resume=True, quiet=True)
    assert len(back.suspects) == 72
    told = info(run)
    try:
        (run / "run.json").write_text(json.dumps({**told, "state": "interrupted"}))
        with pytest.raises(InputError, match=r"a run of 2 processes, and there are 1 here.*Resume it with 2"):
            audit(two / "colours", run, DataOptions(), config, resume=True, quiet=True)
    finally:
        (run / "run.json").write_text(json.dumps(told))


@pytest.mark.slow
def test_stopped_by_ctrl_c_and_resumed_under_torchrun_ends_as_if_never_stopped(two, torchrun, worker):
    run = two / "stopped"
    flags = [text for name, value in worker.FLAGS.items() for text in (f"--{name.replace('_', '-')}", value)]
    command = ["audit", two / "colours", "-o", run, "--quiet", "--cache", two / "cache", *flags]
    process = torchrun(command)
    while process.poll() is None and len(lines(run)) < 5:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, complained = process.communicate(timeout=600)
    assert process.returncode != 0
    assert complained.count("Interrupted. What is finished is kept") == 1
    assert "fault of Overread" not in complained
    assert info(run)["state"] == "interrupted"
    assert 5 <= len(lines(run)) < len(lines(two / "audit"))
    process = torchrun([*command, "--resume"])
    _, complained = process.communicate(timeout=600)
    assert process.returncode == 0, complained
    for name in SAME:
        assert (run / name).read_bytes() == (two / "audit" / name).read_bytes(), name
    assert {path.name for path in run.iterdir()} == FILES


@pytest.mark.slow
def test_a_full_audit_by_torchrun_writes_and_prints_once(alone, torchrun):
    run, cache = alone[0] / "full", str(alone[0] / "other")
    tiny = ["--network", "tiny", "--size", "16", "--epochs", "3", "--batch-size", "16"]
    process = torchrun(["audit", alone[0] / "colours", "-o", run, *tiny], OVERREAD_CACHE=cache)
    said, complained = process.communicate(timeout=600)
    assert process.returncode == 0, complained
    assert_done(run)
    assert said.count("Report") == said.count("Read") == 1
    assert complained.count("network: epoch 3 of 3") == complained.count("head-1-of-5: epoch 10 of 10") == 1
    assert not [word for word in ("Warning", "Traceback", "Error") if word in complained], complained
