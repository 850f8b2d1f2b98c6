"""How often the forecast of wrong labels left was right, in the runs of benchmarks/clean.py.

    python benchmarks/forecast.py --work /tmp/bench

After each round of each run the forecast is made again, as `overread clean` makes it, from the answers up to then
(where the sampler's answers speak for the rest) and from `p_wrong`: of labels that were asked later as it was when
they were asked, of the others as it was in the end. Writes
benchmarks/results/forecast.json: for each run how often the 95 % interval held the true number, the mean error of the
expected number and the mean width of the interval, both as shares of the true number.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from overread.cleaning.forecast import Found, forecast, speaks_for_the_rest

OUT = Path(__file__).parent / "results" / "forecast.json"


def replay(run: Path) -> list[tuple[bool, float, float]]:
    """Of each round: held, error, width."""
    with sqlite3.connect(f"file:{run / 'labels.sqlite'}?mode=ro", uri=True) as store:
        queue = pd.read_sql("select round, sample, why from queue", store)
    manifest = pd.read_csv(run / "manifest.csv", dtype=str).set_index("id")
    evidence = np.load(run / "evidence.npz")
    wrong = manifest["given"] != manifest["true"]
    plan = json.loads((run / "summary.json").read_text())
    asked = np.array([json.loads(why)["p_wrong"] for why in queue["why"]])
    never = pd.Series(evidence["column.p_wrong"], index=evidence["ids"].astype(str)).drop(queue["sample"])
    found = []
    for number in sorted(queue["round"].unique()):
        done = (queue["round"] <= number).to_numpy()
        names = queue["sample"]
        left = np.concatenate([never.to_numpy(), asked[~done]])
        true = int(wrong[never.index].sum() + wrong[names[~done]].sum())
        heard = done if speaks_for_the_rest(plan["sampler"], plan["balanced"]) else np.zeros(len(done), bool)
        given = manifest["given"]
        answers = Found(
            asked[heard], wrong[names[heard]].to_numpy(), classes=given[names[heard]].to_numpy(str)
        )
        classes = given[[*never.index, *names[~done]]].to_numpy(str)
        said = forecast(left, answers, classes=classes).remaining
        found.append(
            (said.low <= true <= said.high, abs(said.expected - true) / true, (said.high - said.low) / true)
        )
    return found


def means(rounds: list[tuple[bool, float, float]]) -> dict[str, Any]:
    held, error, width = np.array(rounds, float).mean(0).round(3).tolist()
    return {"rounds": len(rounds), "held": held, "error": error, "width": width}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=Path("/tmp/overread-bench"))
    runs = sorted((parser.parse_args().work / "clean-runs").glob("f-*"))
    each = {
        run.name: replay(run)
        for run in runs
        if (run / "summary.json").exists() and (run / "rounds.csv").exists()
    }
    found = {
        kind: means([one for name, rounds in each.items() if name.startswith(begins) for one in rounds])
        for kind, begins in (("all", "f-"), ("symmetric", "f-symmetric"), ("look-alike", "f-class"))
    }
    found |= {name: means(rounds) for name, rounds in each.items()}
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps({kind: found[kind] for kind in ("all", "symmetric", "look-alike")}))


if __name__ == "__main__":
    main()
