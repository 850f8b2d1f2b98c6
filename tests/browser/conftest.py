"""Chromium on the real server over small runs of phantoms; no network, and no audit: the runs are written by hand."""

from __future__ import annotations

import csv
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from overread.data import phantom

ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
)
LINK = re.compile(r"https?://\S+/enter#\S+")
PATIENCE = 120  # seconds until a server has started


def write_rows(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, fieldnames=list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def write_infos(run, **summary):
    info = {"verb": "audit", "state": "done", "data": {"source": "phantoms", "fingerprint": "0" * 32}}
    (run / "run.json").write_text(
        json.dumps({**info, "data": {**info["data"], "samples": summary["samples"]}})
    )
    (run / "summary.json").write_text(json.dumps({"overread": "0.1.0", **summary}))
    (run / "config.toml").write_text("seed = 0\n")


def draw(seed, count, size):
    """Phantoms, each of another patient, with their classes."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        patient = phantom.draw(rng)
        yield patient.label, phantom.render(patient, phantom.draw_view(rng), size)


def label_run(folder, count=40, size=96, classes=phantom.CLASSES, seed=0, deep=False):
    """A finished audit of labels; nearly every label is flagged, and the next class suggested. `deep`: 16 bits."""
    from overread.engine.evidence import Evidence

    run = folder / "run"
    (folder / "images").mkdir(parents=True)
    run.mkdir()
    manifest, suspects, codes = [], [], []
    for row, (label, picture) in enumerate(draw(seed, count, size)):
        code = phantom.CLASSES.index(label)
        path = folder / "images" / f"p{row:03d}.png"
        Image.fromarray(picture.image * np.uint16(16) if deep else picture.image).save(path)
        name = {"id": f"p{row:03d}.png", "image": str(path)}
        given, suggested = classes[code], classes[(code + 1) % len(classes)]
        codes.append(code)
        manifest.append({**name, "given": given, "group": f"g{row}", "split": "train"})
        why = "5 of 6 detectors doubt it (mean-loss, neighbours and others); it looks like something else."
        said = {"given": given, "suggested": suggested, "score": 9 - row / 100, "p_wrong": 0.97 - row / 1000}
        suspects.append({"rank": row + 1, **name, **said, "flagged": 1 if row < count - 6 else 0, "why": why})
    write_rows(run / "manifest.csv", manifest)
    write_rows(run / "suspects.csv", suspects)
    write_infos(run, task="classification", samples=count, classes=list(classes), flagged=count - 6)
    ids, given = np.array([one["id"] for one in manifest], object), np.array(codes)
    features = np.random.default_rng(1).normal(size=(count, 8)).astype(np.float32)
    Evidence(ids, given, tuple(classes), np.arange(count), features=features).save(run / "evidence.npz")
    return run


def mask_run(folder, count=6, size=128, structures=("heart", "left_lung"), seed=0):
    """A finished audit of masks; those given lie a little too far to the right."""
    run = folder / "run"
    manifest, suspects = [], []
    for kind in ("images", *(f"masks/{name}" for name in structures)):
        (folder / kind).mkdir(parents=True)
    for kind in ("doubt", *(f"suggested/{name}" for name in structures)):
        (run / kind).mkdir(parents=True)
    for row, (_, picture) in enumerate(draw(seed, count, size)):
        file = f"p{row:03d}.png"
        Image.fromarray(picture.image).save(folder / "images" / file)
        name = {"id": file, "image": str(folder / "images" / file)}
        doubt, cells = np.zeros((size, size)), {}
        for structure in structures:
            true = picture.masks[structure]
            given = np.roll(true, size // 24, 1)
            doubt += true ^ given
            Image.fromarray(given.astype(np.uint8) * 255).save(folder / "masks" / structure / file)
            Image.fromarray(true.astype(np.uint8) * 255).save(run / "suggested" / structure / file)
            cells[f"mask_{structure}"] = str(folder / "masks" / structure / file)
            said = {"given": cells[f"mask_{structure}"], "suggested": f"suggested/{structure}/{file}"}
            facts = {"agreement": 0.8, "score": 5 - row / 10, "p_wrong": 0.9 - row / 100, "flagged": 1}
            why = "Its contour lies 5.1 pixels outside the suggested one."
            suspects.append(
                {"rank": len(suspects) + 1, **name, "structure": structure, **said, **facts, "why": why}
            )
        Image.fromarray((np.clip(doubt, 0, 1) * 200).astype(np.uint8)).save(run / "doubt" / file)
        manifest.append({**name, **cells, "group": f"g{row}", "split": "train"})
    write_rows(run / "manifest.csv", manifest)
    write_rows(run / "suspects.csv", suspects)
    write_infos(run, task="segmentation", samples=count, structures=list(structures))
    return run


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def serving(run, *flags, port=None):
    """`overread review`; gives its url, the link for the first visit, and the process."""
    port = port or free_port()
    command = [
        sys.executable,
        "-m",
        "overread",
        "review",
        str(run),
        "--no-browser",
        "--port",
        str(port),
        *flags,
    ]
    log = run.parent / "server.log"
    with log.open("w") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        try:
            link = wait_for_link(log, process)
            wait_for_port(port)
            yield SimpleNamespace(url=f"http://127.0.0.1:{port}", link=link, port=port, process=process)
        finally:
            process.terminate()
            process.wait(20)


def wait_for_link(log, process):
    begun = time.monotonic()
    while time.monotonic() < begun + PATIENCE and process.poll() is None:
        if found := LINK.search(log.read_text()):
            return found[0]
        time.sleep(0.05)
    return pytest.fail(f"The server did not start:\n{log.read_text()}")


def wait_for_port(port):
    for _ in range(200):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)


def find_chromium():
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def chromium():
    """One browser for all tests; each opens a context of its own."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = find_chromium()
    if path is None:
        pytest.skip("there is no chromium on this machine")
    with playwright.sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium):
    """browse(link, **context): a page that has followed a link; what goes wrong in it fails the test."""
    contexts, wrong = [], []

    def open_page(link, **options):
        context = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        context.set_default_timeout(60_000)  # a machine may be busy
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda line: wrong.append(line.text) if is_wrong(line) else None)
        page.goto(link)
        page.wait_for_url(re.compile(r"/(adjudicate|curator)?$"))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong, wrong


def is_wrong(line):
    """Whether a line of the console tells of a fault; a server that is away on purpose is none."""
    return line.type == "error" and "Failed to load resource" not in line.text


@pytest.fixture
def labels(tmp_path):
    return lambda **how: label_run(tmp_path / "labels", **how)


@pytest.fixture
def masks(tmp_path):
    return lambda **how: mask_run(tmp_path / "masks", **how)


@pytest.fixture
def serve():
    return serving


@pytest.fixture(scope="session")
def shared(tmp_path_factory, chromium):
    """A server on labels that several tests look at, and a session with it; none of them answers."""
    with serving(label_run(tmp_path_factory.mktemp("shared") / "labels")) as server:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(server.link)
        page.wait_for_url(f"{server.url}/")
        server.state = context.storage_state()
        context.close()
        yield server


@pytest.fixture(scope="session")
def painted():
    """painted(page): waits until what was asked for has been drawn, which is done in the frame that follows."""
    frames = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    return lambda page: page.evaluate(frames)
