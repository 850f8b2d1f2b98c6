"""A run of `clean` that is reviewed to its end, with its networks."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_is_reviewed_to_its_end(serve, tmp_path):
    rng = np.random.default_rng(0)
    lines = ["image,label,group"]
    for number in range(48):
        pixels = rng.integers(0, 90, (20, 24, 3), dtype=np.uint8)
        pixels[:, :, number % 3] += 120
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{'abc'[(number + (number < 4)) % 3]},p{number // 2}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    flags = ["--effort", "fast", "--rounds", "1", "--budget", "3", "--device", "cpu", "--quiet"]
    command = [sys.executable, "-m", "overread", "clean", "labels.csv", "-o", "run", *flags]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=600)
    desk = serve(tmp_path / "run")
    boss = desk.person()
    state = boss.get("/api/curator/round").json()
    assert (state["round"], state["items"], state["state"]) == (1, 3, "open")
    assert boss.get(boss.items()[0]["shown"]["neighbours"]).json()["sets"]
    boss.read("label", 3, label="a")
    assert boss.post("/api/curator/round/run", json={}).json()["state"] == "running"
    while boss.get("/api/curator/round").json()["state"] == "running":
        time.sleep(1.0)
    end = boss.get("/api/curator/round").json()
    assert end["state"] == "finished", end
    assert len((tmp_path / "run" / "rounds.csv").read_text().splitlines()) == 3
