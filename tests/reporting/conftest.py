"""A small made-up run folder with hostile names in it."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

EVIL = ("<script>alert(1)</script>", "$x_{1}$ & \"q\" 'a'", "naïve 漢字 \u202eمرحبا")
N, EPOCHS, FLAGGED = 60, 5, 7


class RunFolder:
    """A run folder whose JSON files tests may change."""

    def __init__(self, path):
        self.path = path

    def change(self, name, **values):
        file = self.path / name
        content = json.loads(file.read_text(encoding="utf-8")) | values
        file.write_text(json.dumps(content), encoding="utf-8")

    def drop(self, name, *keys):
        file = self.path / name
        content = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps({k: v for k, v in content.items() if k not in keys}), encoding="utf-8")

    def page(self):
        from overread.reporting import write_report

        return write_report(self.path).read_text(encoding="utf-8")


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "run"
    build(path)
    return RunFolder(path)


def build(path):
    rng = np.random.default_rng(0)
    (path / "gallery").mkdir(parents=True)
    ids = [f"img/{EVIL[row % 3]}-{row}.png" for row in range(N)]
    rows = [
        [
            row + 1,
            name,
            f"/data/{name}",
            EVIL[row % 3],
            EVIL[(row + 1) % 3],
            1 - row / N,
            0.99 - row / 70,
            int(row < FLAGGED),
            EVIL[0],
        ]
        for row, name in enumerate(ids)
    ]
    with (path / "suspects.csv").open("w", newline="", encoding="utf-8") as file:
        header = ["rank", "id", "image", "given", "suggested", "score", "p_wrong", "flagged", "why"]
        csv.writer(file).writerows([header, *rows])
    with (path / "evidence.npz").open("wb") as file:
        np.savez(file, ids=np.array(ids[::-1]), losses=rng.random((N, EPOCHS)).astype(np.float32))
    Image.fromarray(rng.integers(0, 255, (16, 16), dtype=np.uint8)).save(path / "gallery/00001.jpg")
    near = [{"id": EVIL[0], "thumb": "gallery/00001.jpg"}] * 3
    card = {"given": EVIL[0], "suggested": EVIL[1], "score": 0.9, "p_wrong": 0.934, "why": EVIL[0]}
    card |= {"thumb": "gallery/00001.jpg", "like_given": near, "like_suggested": near}
    cards = [{**card, "rank": rank, "id": ids[rank]} for rank in range(1, 15)]
    (path / "config.toml").write_text('source = "</pre><script>alert(1)</script>"\n', encoding="utf-8")
    for name, content in (("gallery.json", cards), ("summary.json", summary()), ("run.json", info())):
        (path / name).write_text(json.dumps(content), encoding="utf-8")


def info():
    return {
        "command": ["overread", "audit", EVIL[0], "-o", "a run"],
        "versions": {"overread": "0.1.0", "torch": "2.13.0"},
        "machine": {"cores": 2},
        "seed": 17,
        "data": {"source": EVIL[0], "fingerprint": "feed"},
        "state": "done",
        "started": "2026-01-02 03:04:05",
        "finished": "2026-01-02 03:14:05",
        "seconds": {"train": 98.0, "detect": 1.5},
    }


def summary():
    row = {"auroc": 0.911, "ap": 0.822, "auroc_within_class": 0.733, "ap_within_class": 0.644}
    row |= {"sensitivity": 0.555, "specificity": 0.966}
    return {
        "overread": "0.1.0",
        "effort": "full",
        "method": "ce",
        "epochs": EPOCHS,
        "samples": N,
        "groups": 31,
        "classes": list(EVIL),
        "flagged": FLAGGED,
        "noise_rate": {"estimate": 0.059, "low": 0.048, "high": 0.071, "level": 0.95, "how": EVIL[0]},
        "per_class": {name: {"samples": 20, "flagged": 2, "noise_rate": 0.05} for name in EVIL},
        "given_vs_suggested": [[15, 3, 2], [1, 18, 1], [0, 4, 16]],
        "read": {
            "source": EVIL[0],
            "kind": "table",
            "guessed": {"image": EVIL[0]},
            "left_out": [{"image": EVIL[0], "why": EVIL[1]}] * 30,
            "duplicates": [[EVIL[0], "b"]],
            "conflicts": [["c", "d"]],
            "groups_across_splits": [EVIL[2]],
            "notes": [EVIL[0]],
        },
        "warnings": [EVIL[0]],
        "limits": [EVIL[0]],
        "detectors": {
            "consensus": {"flagged": FLAGGED, "what": EVIL[0]},
            EVIL[0]: {"flagged": 3, "what": "x"},
        },
        "detection": {"mean-loss": row, "rarity": {**row, "ap": 0.311}, "consensus": {**row, "ap": 0.899}},
        "calibration": {"ece": 0.03, "bins": [{"p": 0.1, "wrong": 0.2}, {"p": 0.9, "wrong": 0.8}]},
    }
