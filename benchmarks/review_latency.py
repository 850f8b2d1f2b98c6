"""How long from a key press to the next image on the screen, on the review page in headless Chromium.

    python benchmarks/review_latency.py [--reads 60] [--sides 512 2048] [--pause 0.7]

A finished audit of phantoms is written by hand, `overread review` serves it, and a reader answers by keys with a
pause between: keys that name a class, Enter and U in turn. The clock is the browser's own: from the time stamp of the
key's event to after the frame in which the next image was painted. The result goes to
benchmarks/results/review_latency.json.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from overread import __version__
from overread.data import phantom
from overread.files import write_json
from overread.run import machine, now

HERE = Path(__file__).parent
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-gpu"]
KEYS, DIFFERENT = ("1", "Enter", "u", "2", "3"), 12
GOAL = 0.080  # seconds, median
CLOCK = """() => {
    window.taken = [];
    let pressed = 0;
    addEventListener('keydown', (event) => { pressed = event.timeStamp; }, { capture: true });
    const painted = () => requestAnimationFrame(() => {
        const channel = new MessageChannel(); // a message comes after the frame was painted
        channel.port1.onmessage = () => window.taken.push(performance.now() - pressed);
        channel.port2.postMessage(null);
    });
    const options = { attributes: true, attributeFilter: ['data-shown'] };
    new MutationObserver(painted).observe(document.documentElement, options);
}"""


def write_run(folder: Path, reads: int, side: int) -> Path:
    """A finished audit of `reads` suspected labels; images of `side` pixels."""
    run, rng = folder / "run", np.random.default_rng(0)
    run.mkdir(parents=True)
    different = [
        phantom.render(phantom.draw(rng), phantom.draw_view(rng), side).image for _ in range(DIFFERENT)
    ]
    rows = []
    for row in range(reads):
        path = folder / f"{row:04d}.png"
        Image.fromarray(different[row % DIFFERENT]).save(path)
        rows.append(
            {
                "id": path.name,
                "image": str(path),
                "given": phantom.CLASSES[row % 3],
                "group": row,
                "split": "train",
            }
        )
    said = {
        "suggested": phantom.CLASSES[0],
        "score": 1.0,
        "p_wrong": 0.9,
        "flagged": 1,
        "why": "2 of 6 doubt it.",
    }
    write_table(run / "manifest.csv", rows)
    suspects = [{"rank": rank, **row, **said} for rank, row in enumerate(rows, 1)]
    write_table(run / "suspects.csv", suspects)
    (run / "run.json").write_text(json.dumps({"verb": "audit", "state": "done", "data": {"samples": reads}}))
    (run / "summary.json").write_text(
        json.dumps({"task": "classification", "classes": phantom.CLASSES, "samples": reads})
    )
    (run / "config.toml").write_text("seed = 0\n")
    return run


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, fieldnames=list(rows[0]))
        table.writeheader()
        table.writerows(rows)


@contextmanager
def serving(run: Path) -> Iterator[str]:
    """The link of `overread review` on a run."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    log = run.parent / "server.log"
    command = [sys.executable, "-m", "overread", "review", str(run), "--no-browser", "--port", str(port)]
    with log.open("w") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        try:
            while not (found := re.search(r"http://\S+/enter#\S+", log.read_text())):
                if process.poll() is not None:
                    sys.exit(log.read_text())
                time.sleep(0.1)
            time.sleep(1)
            yield found[0]
        finally:
            process.terminate()


def read(browser: Any, link: str, reads: int, pause: float) -> list[float]:
    """Seconds of each read."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(link)
    page.locator("html[data-shown]").wait_for(state="attached")
    page.wait_for_timeout(1000)
    page.evaluate(CLOCK)
    for number in range(reads - 1):
        page.keyboard.press(KEYS[number % len(KEYS)])
        page.wait_for_timeout(1000 * pause)
    found = [one / 1000 for one in page.evaluate("window.taken")]
    version = browser.version
    page.close()
    if len(found) != reads - 1:
        sys.exit(f"{len(found)} images were shown after {reads - 1} keys, in Chromium {version}.")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reads", type=int, default=60)
    parser.add_argument("--sides", type=int, nargs="+", default=[512, 2048])
    parser.add_argument("--pause", type=float, default=0.7, help="seconds between keys")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    rows = []
    with sync_playwright() as tools, tempfile.TemporaryDirectory() as folder:
        browser = tools.chromium.launch(executable_path=path, args=ARGUMENTS)
        for side in options.sides:
            run = write_run(Path(folder) / str(side), options.reads, side)
            with serving(run) as link:
                taken = read(browser, link, options.reads, options.pause)
            facts = {
                "median": statistics.median(taken),
                "p95": float(np.quantile(taken, 0.95)),
                "slowest": max(taken),
            }
            rows.append(
                {"side": side, "reads": len(taken), **{name: round(one, 4) for name, one in facts.items()}}
            )
            print(rows[-1], flush=True)
        told = {"chromium": browser.version, "pause": options.pause, "goal_median": GOAL}
    write_json(
        HERE / "results" / "review_latency.json",
        {"overread": __version__, "at": now(), "machine": machine(), **told, "measured": rows},
    )


if __name__ == "__main__":
    main()
