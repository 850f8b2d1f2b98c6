"""The run folder: opened once, everything in it written whole, its state always true.

Where several processes work on one run, the first one writes.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from overread import __version__
from overread.errors import InputError
from overread.files import write_json
from overread.processes import started

PACKAGES = ("torch", "lightning", "monai", "cleanlab", "scikit-learn", "numpy", "pandas", "pillow")


@dataclass
class RunFolder:
    """One run's folder and what `run.json` says of it."""

    path: Path
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def checkpoint(self) -> Path:
        """Where finished and half-finished stages lie while the run goes on."""
        return self.path / "checkpoint"

    @property
    def is_done(self) -> bool:
        return self.info.get("state") == "done"

    def save(self) -> None:
        if started().is_first:
            write_json(self.path / "run.json", self.info)

    def log(self, line: dict[str, Any]) -> None:
        """Appends one line to log.jsonl."""
        if not started().is_first:
            return
        with (self.path / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times a part of the run; an interrupted run keeps what it had spent."""
        started = time.perf_counter()
        try:
            yield
        finally:
            seconds = self.info["seconds"]
            seconds[name] = round(seconds.get(name, 0.0) + time.perf_counter() - started, 3)
            self.save()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Keeps `state` true: running, or interrupted, or failed; `finish("done")` is the verb's last word."""
        self.info |= {"state": "running", "pid": os.getpid()}
        self.save()
        try:
            yield
        except BaseException as error:
            self.finish("interrupted" if isinstance(error, KeyboardInterrupt) else "failed")
            raise

    def finish(self, state: str) -> None:
        """The run ends in `state`; the report, which comes last, shows it."""
        self.info |= {"state": state, "finished": now()}
        self.save()


def check_out(path: Path, resume: bool) -> None:
    """Refuses a folder that holds another run or anything else, before any work is done."""
    if path.exists() and not path.is_dir():
        raise InputError(f"{path} is a file; -o expects a folder for the run.")
    if not path.is_dir() or not any(path.iterdir()):
        return
    if not (path / "run.json").is_file():
        raise InputError(f"{path} is not empty and holds no run. Give -o a new or empty folder.")
    if not resume:
        state = read_info(path).get("state", "unknown")
        cure = "--resume shows it again" if state == "done" else "--resume goes on with it"
        raise InputError(f"{path} already holds a run (state: {state}). Give -o another folder; {cure}.")


def open_run(
    path: Path, verb: str, identity: dict[str, Any], command: Sequence[str], seed: int, data: dict[str, Any]
) -> RunFolder:
    """A new run folder, or the one that `--resume` goes on with; `identity` must be equal then."""
    info = read_info(path) if (path / "run.json").is_file() else {}
    if info and info.get("verb") != verb:
        raise InputError(f"{path} holds a run of `overread {info.get('verb')}`. Give -o a new folder.")
    if info and info.get("identity") != identity:
        raise InputError(_differences(path, info.get("identity", {}), identity))
    check_processes(path, info)
    path.mkdir(parents=True, exist_ok=True)
    fresh = {
        "verb": verb,
        "command": list(command),
        "identity": identity,
        "versions": versions(),
        "machine": machine(),
        "processes": started().size,
        "seed": seed,
        "data": data,
        "state": "running",
        "started": now(),
        "seconds": {},
    }
    run = RunFolder(path, {**fresh, **info} if info else fresh)
    run.checkpoint.mkdir(exist_ok=True)
    return run


def check_processes(path: Path, info: dict[str, Any]) -> None:
    """Refuses to go on in another number of processes: each selects within its part of a batch."""
    before, size = info.get("processes", 1), started().size
    if info.get("state", "done") != "done" and before != size:
        raise InputError(
            f"{path} holds a run of {before} processes, and there are {size} here; what it ended with would be "
            f"neither's result. Resume it with {before}, or give -o a new folder."
        )


def read_info(path: Path) -> dict[str, Any]:
    """run.json of a run folder."""
    try:
        info = json.loads((path / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path / 'run.json'} cannot be read: {error}. Give -o a new folder.") from None
    if not isinstance(info, dict):
        raise InputError(f"{path / 'run.json'} is not a run's. Give -o a new folder.")
    return info


def _differences(path: Path, old: dict[str, Any], new: dict[str, Any]) -> str:
    changed = [f"{key} was {old.get(key)!r}, now {new[key]!r}" for key in new if old.get(key) != new[key]]
    return (
        f"{path} holds a run with other data or other flags: {'; '.join(changed)}. "
        "Resume with the flags of its config.toml, or give -o a new folder."
    )


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Overread, Python, and the packages that results depend on."""
    return {"overread": __version__, "python": platform.python_version()} | {
        name: version(name) for name in PACKAGES
    }


def machine() -> dict[str, Any]:
    """What the run ran on."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gib": round(pages / 2**30, 1),
        "platform": platform.platform(),
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
