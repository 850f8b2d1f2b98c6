"""Small run folders, made by hand, and people who are logged in."""

from __future__ import annotations

import csv
import io
import json
from base64 import b64encode
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image
from starlette.testclient import TestClient

from overread.engine.evidence import Evidence
from overread.reviewing.app import application, names_for
from overread.reviewing.opening import opened
from overread.reviewing.settings import ReviewSettings

ADDRESS = "http://127.0.0.1:8765"
EVIL = "<img src=x onerror=alert(1)>"
CLASSES = (EVIL, "mel", "nv")


def write_table(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def labels_run(tmp_path):
    """An audit of 30 images of 15 patients: every third label is flagged. Image 4 has 16 bits, 5 is broken."""
    return make_labels_run(tmp_path / "labels")


@pytest.fixture
def make_run(tmp_path):
    """make_run(count, flagged) gives another one."""
    return lambda count, flagged=lambda row: row % 3 == 0: make_labels_run(
        tmp_path / f"labels-{count}", count, flagged
    )


def make_labels_run(tmp_path, count=30, flagged=lambda row: row % 3 == 0):
    run, images = tmp_path / "run", tmp_path / "images"
    run.mkdir(parents=True)
    images.mkdir()
    rng = np.random.default_rng(0)
    manifest, suspects = [], []
    for row in range(count):
        path = images / f"Doe^John {row}.png"
        Image.fromarray(rng.integers(0, 255, (24, 32, 3), np.uint8)).save(path)
        given, suggested = CLASSES[row % 3], CLASSES[(row + 1) % 3]
        manifest.append(
            {
                "id": f"Doe^John {row}",
                "image": str(path),
                "given": given,
                "group": f"p{row // 2}",
                "split": "",
            }
        )
        suspects.append(
            {"rank": row + 1, "id": f"Doe^John {row}", "image": str(path), "given": given, "suggested": suggested,
             "score": 1.0 - row / 100, "p_wrong": round(0.9 - row / 100, 3), "flagged": int(flagged(row)),
             "why": f"It looks like {suggested}."}
        )  # fmt: skip
    deep = np.arange(24 * 32, dtype=np.uint16).reshape(24, 32) * 5 + 100
    Image.fromarray(deep).save(manifest[4]["image"])
    (images / "Doe^John 5.png").write_bytes(b"no image")
    write_table(run / "manifest.csv", manifest)
    write_table(run / "suspects.csv", suspects)
    (run / "run.json").write_text(json.dumps({"verb": "audit", "state": "done", "command": []}))
    (run / "summary.json").write_text(json.dumps({"classes": CLASSES}))
    ids = np.array([one["id"] for one in manifest], object)
    given = np.arange(count) % 3
    features = np.eye(3, 8)[given] + rng.normal(0, 0.1, (count, 8))
    Evidence(ids, given, CLASSES, np.arange(count) // 2, features=features).save(run / "evidence.npz")
    return run


SIZE = (40, 30)  # width, height of the images and masks of the run below


@pytest.fixture
def masks_run(tmp_path):
    """An audit of 3 images with two structures each, of which the lungs are flagged."""
    return make_masks_run(tmp_path / "masks")


def make_masks_run(tmp_path):
    run = tmp_path / "run"
    for folder in ("suggested/lungs", "suggested/heart", "doubt"):
        (run / folder).mkdir(parents=True)
    manifest, suspects = [], []
    for row in range(3):
        image = tmp_path / f"{row}.png"
        Image.fromarray(np.full(SIZE[::-1], 20 * row, np.uint8)).save(image)
        line = {"id": f"{row}.png", "image": str(image), "group": str(row), "split": ""}
        for place, name in enumerate(("lungs", "heart")):
            path = tmp_path / f"{row}-{name}.png"
            Image.fromarray(square(2 + place, 10 + row)).save(path)
            line[f"mask_{name}"] = str(path)
            Image.fromarray(square(4 + place, 12 + row)).save(run / f"suggested/{name}/{row}.png")
            suspects.append(
                {"rank": len(suspects) + 1, "id": f"{row}.png", "image": str(image), "structure": name,
                 "given": str(path), "suggested": f"suggested/{name}/{row}.png", "agreement": 0.7, "score": 1.0,
                 "p_wrong": 0.8, "flagged": int(name == "lungs"), "why": "It differs."}
            )  # fmt: skip
        Image.fromarray(np.full(SIZE[::-1], 200, np.uint8)).save(run / f"doubt/{row}.png")
        manifest.append(line)
    write_table(run / "manifest.csv", manifest)
    write_table(run / "suspects.csv", suspects)
    (run / "run.json").write_text(json.dumps({"verb": "audit", "state": "done", "command": []}))
    (run / "summary.json").write_text(json.dumps({"classes": ["lungs", "heart"], "task": "segmentation"}))
    return run


def square(begin, end):
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[begin:end, begin:end] = 255
    return mask


def as_png(values):
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def draw():
    """square(begin, end) draws a mask, text(mask) is how it is handed in, pixels(response) what came back."""
    return SimpleNamespace(
        square=square,
        text=lambda values: b64encode(as_png(values)).decode(),
        pixels=lambda response: np.asarray(Image.open(io.BytesIO(response.content))),
        save=lambda values, path: Image.fromarray(values).save(path),
        evil=EVIL,
        classes=CLASSES,
    )


class Browser(TestClient):
    """Somebody's browser."""

    def items(self, **query):
        found = self.get("/api/next", params=query)
        assert found.status_code == 200, found.text
        return found.json()["items"]

    def say(self, item, outcome="keep", **more):
        """Answers an item; the response as JSON."""
        done = self.post("/api/answers", json={"ticket": item["ticket"], "outcome": outcome, **more})
        assert done.status_code == 200, done.text
        return done.json()

    def read(self, outcome="keep", count=1, **more):
        """Answers the next items."""
        for _ in range(count):
            last = self.say(self.items(ahead=0)[0], outcome, **more)
        return last

    def refused(self, url, body, code):
        """Posts what is refused; the words."""
        done = self.post(url, json=body)
        assert done.status_code == code, done.text
        return done.json()["error"]


@dataclass
class Desk:
    """A review that is served in this process."""

    run: object
    review: object
    app: object

    def client(self, **headers):
        """A browser that is not logged in."""
        return Browser(self.app, base_url=ADDRESS, headers={"origin": ADDRESS, **headers})

    def person(self, name="boss", roles=("reader", "adjudicator", "curator")):
        """Somebody who came in by a link."""
        token, _ = self.review.accounts.invite(name, roles)
        return self.enter(token)

    def enter(self, token):
        client = self.client()
        assert client.post("/api/session", json={"token": token}).status_code == 200
        client.headers["x-csrf-token"] = client.get("/api/session").json()["csrf"]
        return client


def in_haste(review):
    """Nothing waits for the disk, whose care for what is written the store's own tests look after."""
    review.accounts.query("PRAGMA synchronous=OFF")
    for engine in (review.store._database.engine, review.database.engine):
        if engine.dialect.name != "sqlite":
            continue
        engine.dispose()
        sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))


@pytest.fixture
def serve():
    """serve(run, **settings) gives the desk of a review; all are closed in the end."""
    desks = []

    def start(run, **settings):
        chosen = ReviewSettings(**settings)
        review, _ = opened(run, chosen)
        in_haste(review)
        desks.append(Desk(run, review, application(review, ADDRESS, names_for(chosen.host, chosen.url))))
        return desks[-1]

    yield start
    for desk in desks:
        desk.review.close()
