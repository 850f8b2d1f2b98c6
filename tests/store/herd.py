"""Eight processes that append to one store, and are killed at random moments: a script that test_kills.py runs.

    python herd.py URL FOLDER KILLS SEED [POSTGRES]

A writer appends one to three opinions at once; when `append` has returned it notes their keys, numbers and hashes in
FOLDER/NAME.jsonl. A new one takes the place of each that is killed, and hands in again what was not acknowledged,
under the same keys. With POSTGRES, the folder of a server, that is killed too, four times.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from overread.errors import OverreadError
from overread.store import LabelStore, Opinion

WRITERS, SAMPLES, SERVER_KILLS = 8, 200, 4
SCRIPT = str(Path(__file__).parents[2] / "scripts" / "postgres")


def write(url: str, name: str, path: Path) -> None:
    """Appends without end."""
    number = len(path.read_bytes().splitlines()) if path.is_file() else 0
    notes = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    store: LabelStore | None = None
    while True:
        opinions = [
            Opinion(f"s{(7 * number + k) % SAMPLES}", name, "label", "nv", key=f"{name}:{number}:{k}")
            for k in range(1 + number % 3)
        ]
        try:
            store = store or LabelStore.open(url, create=False)
            entries = store.append(opinions)
        except (OverreadError, DBAPIError):  # the server is down
            store = None
            time.sleep(0.05)
            continue
        noted = [[entry.key, entry.number, entry.hash] for entry in entries]
        os.write(notes, json.dumps(noted).encode() + b"\n")
        number += 1


def start(url: str, name: str, folder: Path) -> int:
    """A new writer; returns the id of its process."""
    pid = os.fork()
    if pid == 0:
        try:
            write(url, name, folder / f"{name}.jsonl")
        finally:
            os._exit(1)
    return pid


def kill(pid: int) -> None:
    """Kills a writer; says so where it had ended by itself."""
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), "a writer ended by itself"


def main(url: str, folder: Path, kills: int, seed: int, postgres: str | None) -> None:
    rng = random.Random(seed)
    names = [f"writer-{number}" for number in range(WRITERS)]
    running = {name: start(url, name, folder) for name in names}
    try:
        for number in range(kills):
            time.sleep(rng.uniform(0.01, 0.15))
            name = rng.choice(names)
            kill(running.pop(name))
            running[name] = start(url, name, folder)
            if postgres and number % (kills // SERVER_KILLS) == kills // SERVER_KILLS // 2:
                subprocess.run([SCRIPT, "kill", postgres], check=True)
                subprocess.run([SCRIPT, "again", postgres], check=True)
        time.sleep(0.5)
    finally:
        for pid in running.values():
            kill(pid)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), *(sys.argv[5:] or [None]))
