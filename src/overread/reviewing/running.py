"""The next round of `overread clean`: its own command, with --resume, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from overread.reviewing.refusing import Refused
from overread.reviewing.source import Source

LOG = "review-round.log"
SHOWN = 4000  # signs of the log
ONCE = ("--answers", "--config")  # flags with a value that are not repeated
ALONE = ("--resume", "--wait", "--quiet", "--json")


class Runner:
    """Starts it, and knows how it ended."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def failed(self) -> bool:
        return self._process is not None and self._process.poll() not in (None, 0)

    def start(self) -> None:
        """Runs the next round. Raises `Refused` where that cannot be."""
        with self._lock:
            if self.is_running:
                raise Refused(409, "The next round is being made already.")
            command, folder = command_of(self._source.folder)
            with (self._source.folder / LOG).open("wb") as log:
                self._process = subprocess.Popen(
                    command,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # it goes on where the review is ended
                )

    def log(self) -> str:
        """The end of what it printed."""
        path = self._source.folder / LOG
        if not path.is_file():
            return ""
        text = path.read_bytes()[-4 * SHOWN :].decode("utf-8", "replace").replace("\r", "\n")
        return "\n".join(line for line in text.splitlines() if line.strip())[-SHOWN:]

    def state(self) -> str:
        """What run.json says of the run."""
        try:
            info: dict[str, Any] = json.loads((self._source.folder / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return "unknown"
        return str(info.get("state", "unknown"))


def command_of(run: Path) -> tuple[list[str], Path]:
    """The command that made a run, to go on with it, and the folder to call it in."""
    info = json.loads((run / "run.json").read_text(encoding="utf-8"))
    typed = [str(word) for word in info.get("command", [])]
    if typed[:2] != ["overread", "clean"]:
        raise Refused(409, "This run was not started from the command line: go on with it as it was started.")
    words, folder = again(typed[1:]), folder_of(typed, run)
    return [sys.executable, "-m", "overread", *words, "--resume", "--quiet"], folder


def again(words: list[str]) -> list[str]:
    """A command's words without the flags that were meant for once."""
    kept: list[str] = []
    skip = False
    for word in words:
        name = word.partition("=")[0]
        if skip or word in ALONE or name in ONCE:
            skip = not skip and word in ONCE
            continue
        kept.append(word)
    return kept


def folder_of(typed: list[str], run: Path) -> Path:
    """The folder in which a command was typed, which its relative paths start from."""
    out = value_of(typed, ("-o", "--out"))
    here = Path.cwd()
    if out is None:
        return here
    path = Path(out)
    if not path.is_absolute() and ".." not in path.parts:
        parts = [part for part in path.parts if part != "."]
        if list(run.resolve().parts[-len(parts) :]) == parts:
            return run.resolve().parents[len(parts) - 1]
    if (here / path).resolve() != run.resolve():
        raise Refused(
            409,
            f"It is not known in which folder the run was started. Call there: {' '.join(again(typed))} --resume",
        )
    return here


def value_of(words: list[str], names: tuple[str, ...]) -> str | None:
    """The value of a flag."""
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else (words[place + 1] if place + 1 < len(words) else None)
    return None
