"""Is the review page quick with thirty readers, and is nothing lost or doubled when its server is killed?

    python benchmarks/review_load.py [--minutes 5] [--readers 30] [--kills 5] [--items 1000000] [--folder /tmp]

A run folder of 10,000 samples is written by hand (images of 512 x 512; no network is trained), 4,000 of them
flagged, each to be read twice. Every reader answers three times a minute, as the page does: the answer is posted, the
next items come back, and the image that is new among them is fetched. Meanwhile the server is killed (SIGKILL) and
started again, evenly spread; a reader whose request failed posts the very same again until it is answered. In the end
every read that was acknowledged must be in the label store once, and the trail whole.

A read is the time from the key to the next items, by the clock of the reader; reads that a killed server made wait
are told apart. Then: how soon the page is served on 10,000 samples, and how quick pages of the queue and the next
items are in queues of 1,000 and of 1,000,000. The result goes to benchmarks/results/review_load.json.
"""

from __future__ import annotations

import argparse
import csv
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from overread import __version__
from overread.data import phantom
from overread.files import write_json
from overread.run import machine, now
from overread.store import LabelStore

HERE = Path(__file__).parent
CLASSES = ("cardiomegaly", "nodule", "normal")
SAMPLES, FLAGGED, PICTURES, SIZE = 10_000, 4_000, 40, 512
GOAL = 0.150  # seconds, 95 of 100 reads
PATIENCE = 60.0  # seconds that a reader tries again


def write_run(run: Path, count: int, flagged: int, pictures: int = PICTURES, size: int = SIZE) -> None:
    """A run folder as an audit leaves it; the samples share a few images."""
    run.mkdir(parents=True)
    paths = []
    for number in range(pictures):
        rng = np.random.default_rng(number)
        patient = phantom.draw(rng, CLASSES[number % 3])
        paths.append(run / f"{number}.png")
        Image.fromarray(phantom.render(patient, phantom.draw_view(rng), size).image).save(paths[-1])
    with (
        (run / "manifest.csv").open("w", newline="") as one,
        (run / "suspects.csv").open("w", newline="") as two,
    ):
        manifest, suspects = csv.writer(one), csv.writer(two)
        manifest.writerow(["id", "image", "given", "group", "split"])
        suspects.writerow(["rank", "id", "image", "given", "suggested", "score", "p_wrong", "flagged", "why"])
        for row in range(count):
            path, given, other = paths[row % pictures], CLASSES[row % 3], CLASSES[(row + 1) % 3]
            manifest.writerow([f"s{row}", path, given, f"p{row // 2}", "train"])
            p_wrong = round(1.0 - 0.5 * row / max(flagged, row), 6)
            suspects.writerow(
                [row + 1, f"s{row}", path, given, other, p_wrong, p_wrong, int(row < flagged), "It is."]
            )
    (run / "run.json").write_text(json.dumps({"verb": "audit", "state": "done", "command": []}))
    (run / "summary.json").write_text(json.dumps({"classes": CLASSES}))


class Server:
    """`overread review` in a process of its own, on one port."""

    def __init__(self, run: Path, *flags: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.command = [
            sys.executable,
            "-m",
            "overread",
            "review",
            str(run),
            "--no-browser",
            "--port",
            str(self.port),
        ]
        self.command += flags
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> tuple[str, float]:
        """The token of its link, and the seconds until it served a page."""
        begin = time.perf_counter()
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        lines: list[str] = []
        while not (found := re.search(r"enter#(\S+)", lines[-1] if lines else "")):
            lines.append(self.process.stderr.readline())
            if not lines[-1]:
                raise SystemExit("".join(lines))
        browser = Browser(self.port)
        browser.ask("GET", "/enter")
        return found.group(1), time.perf_counter() - begin

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()


class Browser:
    """One connection that is kept, with the cookie and the secret of a session."""

    def __init__(self, port: int) -> None:
        self.port, self.headers = (
            port,
            {"Origin": f"http://127.0.0.1:{port}", "Content-Type": "application/json"},
        )
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Status and content; asks again where the server is away, the same."""
        text, end, wait = None if body is None else json.dumps(body), time.monotonic() + PATIENCE, 0.05
        while True:
            try:
                self.connection.request(method, path, text, self.headers)
                answer = self.connection.getresponse()
                content = answer.read()
                if cookie := answer.headers.get("set-cookie"):
                    self.headers["Cookie"] = cookie.partition(";")[0]
                if answer.status < 500:
                    return answer.status, content
            except (OSError, http.client.HTTPException):
                self.connection.close()
            if time.monotonic() > end:
                raise TimeoutError(path)
            time.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(1.0, wait * 1.5)

    def json(self, method: str, path: str, body: Any = None) -> Any:
        status, content = self.ask(method, path, body)
        if status != 200:
            raise SystemExit(f"{path}: {status} {content.decode()[:300]}")
        return json.loads(content)

    def enter(self, token: str) -> None:
        self.json("POST", "/api/session", {"token": token})
        self.headers["X-CSRF-Token"] = self.json("GET", "/api/session")["csrf"]


@dataclass
class Reader:
    """Somebody who answers a few times a minute, and writes down what was acknowledged."""

    name: str
    browser: Browser
    rate: float  # reads a second
    began: list[tuple[float, float]] = field(default_factory=list)  # start and end of each read
    images: list[float] = field(default_factory=list)
    said: list[tuple[int, str, str]] = field(default_factory=list)  # number, item, label
    fault: str = ""

    def run(self, end: float) -> None:
        try:
            self._read(end)
        except BaseException as error:
            self.fault = f"{type(error).__name__}: {error}"

    def _read(self, end: float) -> None:
        rng = random.Random(self.name)
        at = time.monotonic() + rng.uniform(0, 1 / self.rate)
        items, seen = self.browser.json("GET", "/api/next?ahead=3")["items"], set()
        while at < end and items:
            time.sleep(max(0.0, at - time.monotonic()))
            at += rng.uniform(0.5, 1.5) / self.rate
            item, label = items[0], rng.choice(CLASSES)
            body = {"ticket": item["ticket"], "outcome": "label", "label": label, "seconds": 5.0, "ahead": 3}
            start = time.time()
            done = self.browser.json("POST", "/api/answers", body)
            self.began.append((start, time.time()))
            self.said.append((done["answer"]["number"], item["item"], label))
            items = done["next"]["items"]
            for one in items:
                if one["item"] not in seen:
                    seen.add(one["item"])
                    start = time.time()
                    self.browser.ask("GET", one["image"]["url"])
                    self.images.append(time.time() - start)


def load(folder: Path, minutes: float, count: int, kills: int) -> dict[str, Any]:
    """Thirty readers, and a server that dies now and then."""
    run = folder / "run"
    write_run(run, SAMPLES, FLAGGED)
    server = Server(run, "--readers", "2", "--reader", "curator")
    token, first = server.start()
    curator = Browser(server.port)
    curator.enter(token)
    readers = []
    for number in range(count):
        link = curator.json(
            "POST", "/api/curator/invites", {"name": f"reader {number}", "roles": ["reader"]}
        )["link"]
        browser = Browser(server.port)
        browser.enter(link.partition("#")[2])
        readers.append(Reader(f"reader {number}", browser, 3 / 60))
    begin, end = time.monotonic(), time.monotonic() + 60 * minutes
    threads = [threading.Thread(target=one.run, args=[end]) for one in readers]
    for thread in threads:
        thread.start()
    away, starts = [], []
    for number in range(kills):
        time.sleep(max(0.0, begin + 60 * minutes * (number + 0.5) / kills - time.monotonic()))
        died = time.time()
        server.kill()
        starts.append(server.start()[1])
        away.append((died, time.time()))
    for thread in threads:
        thread.join()
    server.kill()
    return {
        "started_first": round(first, 3),
        "restarted": [round(s, 3) for s in starts],
        **judged(run, readers, away),
    }


def judged(run: Path, readers: list[Reader], away: list[tuple[float, float]]) -> dict[str, Any]:
    """What was acknowledged against what is stored, and how long reads took."""
    store = LabelStore.open(run / "labels.sqlite", create=False)
    stored = [(one.reader, one.number, one.sample.removeprefix("s"), one.label) for one in store.opinions()]
    said = {(one.name, *entry) for one in readers for entry in one.said}
    twice = [key for key, often in Counter((name, item) for name, _, item, _ in stored).items() if often > 1]
    faults = store.verify()
    store.close()
    waited = [end - start for one in readers for start, end in one.began if touches(start, end, away)]
    quick = [end - start for one in readers for start, end in one.began if not touches(start, end, away)]
    return {
        "readers": len(readers),
        "reads_acknowledged": len(said),
        "reads_stored": len(stored),
        "lost": len(said - set(stored)),
        "doubled": len(twice),
        "never_acknowledged": len(set(stored) - said),
        "faults_of_the_trail": faults,
        "faults_of_readers": [one.fault for one in readers if one.fault],
        "read": spread(quick),
        "image": spread([taken for one in readers for taken in one.images]),
        "reads_that_waited_for_a_killed_server": spread(waited),
    }


def touches(start: float, end: float, away: list[tuple[float, float]]) -> bool:
    """Whether a read fell into the time in which the server was away."""
    return any(start < back and end > died for died, back in away)


def spread(seconds: list[float]) -> dict[str, float | int]:
    """How many, the middle, the 95th and 99th of a hundred, the longest."""
    if not seconds:
        return {"count": 0}
    middle, p95, p99, most = np.percentile(seconds, [50, 95, 99, 100])
    named = {"median": middle, "p95": p95, "p99": p99, "longest": most}
    return {"count": len(seconds), **{name: round(float(value), 4) for name, value in named.items()}}


def paging(folder: Path, items: int) -> dict[str, Any]:
    """Pages and next items of a queue, in this process: seconds by the clock and of the processor."""
    from overread.reviewing import curator
    from overread.reviewing.accounts import Person
    from overread.reviewing.opening import opened
    from overread.reviewing.routes import next_items
    from overread.reviewing.settings import ReviewSettings

    run = folder / f"queue-{items}"
    write_run(run, items, items, pictures=3, size=64)
    opened(run, ReviewSettings())[0].close()
    begin = time.perf_counter(), time.process_time()
    review, _ = opened(run, ReviewSettings())
    found: dict[str, Any] = {"opened": lasted(begin)}
    wanted = {
        "first_page": curator.Wanted(),
        "middle_page": curator.Wanted(after=str(items // 2)),
        "last_page": curator.Wanted(after=str(items - 51)),
        "page_of_a_class": curator.Wanted(after=str(items // 2), given="nodule"),
    }
    with review.turn() as state:
        for name, one in wanted.items():
            curator.page(review, state, one)
            begin = time.perf_counter(), time.process_time()
            for _ in range(20):
                curator.page(review, state, one)
            found[name] = {key: round(value / 20, 5) for key, value in lasted(begin).items()}
        begin = time.perf_counter(), time.process_time()
        for number in range(20):
            next_items(review, state, Person(f"reader {number}", ("reader",)), "read", 3)
        found["next_items"] = {key: round(value / 20, 5) for key, value in lasted(begin).items()}
    review.close()
    return found


def lasted(begin: tuple[float, float]) -> dict[str, float]:
    return {
        "seconds": round(time.perf_counter() - begin[0], 4),
        "processor": round(time.process_time() - begin[1], 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--readers", type=int, default=30)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=HERE / "results" / "review_load.json")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        folder, before = Path(name), os.getloadavg()
        result = {
            "overread": __version__,
            "when": now(),
            "machine": machine(),
            "load_of_the_machine": [round(one, 1) for one in before],
            "minutes": chosen.minutes,
            "kills": chosen.kills,
            "goal_p95": GOAL,
            "load": load(folder, chosen.minutes, chosen.readers, chosen.kills),
            "queue": {str(count): paging(folder, count) for count in (1000, chosen.items)},
        }
        result["load_of_the_machine_after"] = [round(one, 1) for one in os.getloadavg()]
    write_json(chosen.out, result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
