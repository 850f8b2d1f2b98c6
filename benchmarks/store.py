"""How quick the label store is with 1,000,000 samples and 100,000 opinions, on SQLite and on PostgreSQL.

    python benchmarks/store.py [--samples 1000000] [--opinions 100000] [--only sqlite] [--folder /tmp]

Thirty readers answer rounds of a thousand items, each sample by one to three of them; some are unsure, skip, undo,
or speak as an authority. Then: the current labels of all samples, in a store that was just opened and in one that
has been; the next item of a reader, in a round of a thousand items half of which he has answered, and in one of as
many as there are opinions, of which he has answered all but the last hundred (`first`: the first time that a process
asks, when it reads the round); one opinion appended, and a hundred at once; the trail verified. Seconds by the
clock; `processor` is what this process used of them, for other work on the machine, whose `load` (processes that
wanted to run, mean of a minute) is told too. With `--only` the figures of the other database stay as they are.
PostgreSQL is started by scripts/postgres, with its settings as they come. The result goes to
benchmarks/results/store.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from overread import __version__
from overread.files import write_json
from overread.run import machine, now
from overread.store import LabelStore, Opinion

HERE = Path(__file__).parent
POSTGRES = str(HERE.parent / "scripts" / "postgres")
CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
OUTCOMES, SHARES = ("label", "keep", "unsure", "skip", "unreadable"), (0.45, 0.45, 0.05, 0.04, 0.01)
SEED, READERS, ROUND, TIMES = 0, 30, 1000, 300
GOALS = {"current": 2.0, "next": 0.020}  # seconds


def clocked(work: Callable[[], Any]) -> dict[str, float]:
    """What a piece of work takes: seconds by the clock, and of this process's time."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return {
        "seconds": round(time.perf_counter() - clock, 4),
        "processor": round(time.process_time() - processor, 4),
    }


def each(work: Callable[[int], Any], times: int) -> dict[str, float]:
    """Seconds by the clock of `work(0)`, `work(1)`, ...: the middle one, the 99th of a hundred, the slowest."""
    taken, processor = [], time.process_time()
    for number in range(times):
        start = time.perf_counter()
        work(number)
        taken.append(time.perf_counter() - start)
    found = {
        "median": statistics.median(taken),
        "p99": float(np.quantile(taken, 0.99)),
        "slowest": max(taken),
    }
    mean = (time.process_time() - processor) / times
    return {name: round(value, 5) for name, value in {**found, "processor": mean, "times": times}.items()}


def register(store: LabelStore, count: int, rng: np.random.Generator) -> None:
    """Samples with names as they are in practice, two images a lesion."""
    given = [CLASSES[code] for code in rng.integers(0, len(CLASSES), count)]
    ids = [f"images/ISIC_{number:07d}.jpg" for number in range(count)]
    store.register(ids, given, [f"HAM_{number // 2:07d}" for number in range(count)])


def opinions(count: int, samples: int, rng: np.random.Generator) -> Iterator[Opinion]:
    """Opinions in rounds; an item is answered by one to three readers."""
    number = 0
    for round in range(1 + count // ROUND):
        chosen = rng.choice(samples, ROUND, replace=False)
        for sample in chosen:
            for reader in rng.choice(READERS, rng.integers(1, 4), replace=False):
                outcome = str(rng.choice(OUTCOMES, p=SHARES))
                number += 1
                if number > count:
                    return
                yield Opinion(
                    f"images/ISIC_{sample:07d}.jpg",
                    f"reader-{reader}",
                    outcome,
                    CLASSES[rng.integers(len(CLASSES))] if outcome == "label" else None,
                    seconds=float(rng.uniform(1, 60)),
                    authority=bool(rng.random() < 0.05),
                    evidence={"score": float(rng.random()), "suggested": "nv"},
                    round=round,
                    key=f"key-{number}",
                )


def say_all(store: LabelStore, count: int, samples: int, rng: np.random.Generator) -> None:
    """Appends them a hundred at once, and undoes one of each hundred."""
    batch: list[Opinion] = []
    for opinion in opinions(count - count // 100, samples, rng):
        batch.append(opinion)
        if len(batch) == 99:
            last = store.append(batch)[-1]
            store.append(Opinion(last.sample, last.reader, "undo", undoes=last.number))
            batch = []
    if batch:
        store.append(batch)


def answer(store: LabelStore, round: int, items: int, answered: int) -> None:
    """A round of `items`, of which one reader has answered the first ones."""
    ids = [f"images/ISIC_{number:07d}.jpg" for number in range(items)]
    store.enqueue(round, [(name, place, {"score": 0.5}) for place, name in enumerate(ids)])
    for begin in range(0, answered, ROUND):
        part = ids[begin : min(begin + ROUND, answered)]
        store.append([Opinion(name, "ann", "label", "nv", round=round) for name in part])


def measure(url: str, samples: int, count: int) -> dict[str, Any]:
    """All figures of one store."""
    rng, store = np.random.default_rng(SEED), LabelStore.open(url)
    found: dict[str, Any] = {"date": now(), "load before": loads()}
    found |= {"register": clocked(lambda: register(store, samples, rng))}
    found["say"] = clocked(lambda: say_all(store, count, samples, rng))
    found["entries"] = store.head()[0]
    fresh = LabelStore.open(url)
    found["current, just opened"] = clocked(fresh.current)
    found["current, again"] = clocked(fresh.current)
    found["verify"] = clocked(fresh.verify)
    for name, items, answered in (("small", ROUND, ROUND // 2), ("large", count, count - 100)):
        round = 10**6 + items
        answer(store, round, items, answered)
        reader = LabelStore.open(url)
        found[f"next, {name} round, first"] = clocked(lambda at=round, who=reader: who.next("ann", at))

        def ask(_number: int, at: int = round, who: LabelStore = reader) -> None:
            who.next("ann", at)

        found[f"next, {name} round"] = each(ask, TIMES)
    found["append one"] = each(
        lambda n: store.append(Opinion(f"images/ISIC_{n:07d}.jpg", "bob", "keep")), TIMES
    )
    found["append a hundred"] = each(
        lambda n: store.append([Opinion(f"images/ISIC_{i:07d}.jpg", "cy", "keep") for i in range(100)]), 20
    )
    assert store.verify() == []
    found["load after"] = loads()
    return found


@contextmanager
def postgres() -> Iterator[tuple[str, str] | None]:
    """The URL of a server that is there for the block, and its version; None where PostgreSQL is not installed."""
    done = subprocess.run([POSTGRES, "start"], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"without PostgreSQL: {done.stderr.strip()}")
        yield None
        return
    folder = done.stdout.strip()
    url = f"postgresql://postgres@/postgres?host={folder}"
    try:
        import psycopg

        with psycopg.connect(url) as connection:
            found = connection.info.server_version
        yield url, f"{found // 10000}.{found % 10000}"
    finally:
        subprocess.run([POSTGRES, "stop", folder], check=True)


def loads() -> float | None:
    """Processes that wanted to run, mean of the last minute."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--opinions", type=int, default=100_000)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--folder", type=Path, help="where the SQLite file is made; removed at the end")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "store.json")
    args = parser.parse_args()
    size = args.samples, args.opinions
    stores: dict[str, Any] = {}
    if args.only and args.out.is_file():  # the other one's figures stay
        stores = json.loads(args.out.read_text(encoding="utf-8"))["stores"]
    versions = {
        "overread": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }
    versions |= {name: version(name) for name in ("sqlalchemy", "psycopg", "numpy")}
    if args.only != "postgresql":
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            stores["sqlite"] = measure(f"{folder}/labels.sqlite", *size)
            stores["sqlite"]["bytes"] = sum(file.stat().st_size for file in Path(folder).iterdir())
    if args.only != "sqlite":
        with postgres() as server:
            if server:
                versions["postgresql"] = server[1]
                stores["postgresql"] = measure(server[0], *size)
    about = {"command": ["python", *sys.argv], "date": now(), "versions": versions, "machine": machine()}
    result = {
        **about,
        "seed": SEED,
        "samples": size[0],
        "opinions": size[1],
        "goals": GOALS,
        "stores": stores,
    }
    write_json(args.out, result)
    for name, found in stores.items():
        for what, value in found.items():
            print(f"{name}: {what}: {value}")


if __name__ == "__main__":
    main()
