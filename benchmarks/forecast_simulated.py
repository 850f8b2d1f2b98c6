"""How often the forecast's intervals hold the truth in simulation: the table of docs/stopping.md.

    python benchmarks/forecast_simulated.py      # prints it; a minute

3000 labels of which `p_wrong` expects 15 % to be wrong; the most suspicious 150, or 600, are asked; 150 draws each.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from overread.cleaning.forecast import BINS, EDGES, Cells, Found, forecast, kernel, logit, sigmoid

LABELS, DRAWS, CLASSES = 3000, 150, 4
Array = np.ndarray[Any, np.dtype[Any]]
Draw = tuple[Array, Array, Array | None]  # p_wrong, what is wrong, classes where they are told apart


def suspicion(rng: np.random.Generator) -> Array:
    return rng.beta(0.35, 2.0, LABELS).clip(0.002, 0.998)


def as_assumed(rng: np.random.Generator) -> Draw:
    """How far p_wrong is off drawn as the forecast believes it to be."""
    bins = Cells(np.zeros(BINS, int), np.arange(BINS), np.ones(BINS), (EDGES[1:] + EDGES[:-1]) / 2)
    off = rng.multivariate_normal(np.zeros(BINS), kernel(bins, bins), method="eigh")
    p = suspicion(rng)
    return p, rng.random(LABELS) < sigmoid(logit(p) + np.interp(logit(p), bins.mean, off)), None


def off_by(rng: np.random.Generator, a: float, b: float) -> Draw:
    p = suspicion(rng)
    return p, rng.random(LABELS) < sigmoid(a + b * logit(p)), None


def off_by_class(rng: np.random.Generator) -> Draw:
    p, classes = suspicion(rng), rng.integers(0, CLASSES, LABELS)
    return p, rng.random(LABELS) < sigmoid(logit(p) + rng.normal(size=CLASSES)[classes]), classes


def one_class_right(rng: np.random.Generator) -> Draw:
    p, classes = suspicion(rng), rng.integers(0, CLASSES, LABELS)
    p[classes == 0] = 1.0 - 0.1 * p[classes == 0]
    return p, (rng.random(LABELS) < p) & (classes != 0), classes


ROWS: dict[str, Callable[[np.random.Generator], Draw]] = {
    "as assumed: g drawn anew": as_assumed,
    "right: a = 0, b = 1": partial(off_by, a=0.0, b=1.0),
    "too high: a = -1, b = 1": partial(off_by, a=-1.0, b=1.0),
    "too low: a = 1, b = 1": partial(off_by, a=1.0, b=1.0),
    "too sure: a = 0, b = 0.7": partial(off_by, a=0.0, b=0.7),
    "off by class: b = 1, a drawn anew for each of four (normal, 1)": off_by_class,
    "right, but for one class in four: all of it looks wrong and nothing is": one_class_right,
}


def row(name: str, draw: Callable[[np.random.Generator], Draw], asked: int) -> str:
    held, ratio = [], []
    for seed in range(DRAWS):
        p, wrong, classes = draw(np.random.default_rng(seed))
        order = np.argsort(-p, kind="stable")
        ask, rest = order[:asked], order[asked:]
        found = Found(p[ask], wrong[ask], classes=None if classes is None else classes[ask])
        said = forecast(p[rest], found, classes=None if classes is None else classes[rest])
        pairs = ((said.remaining, wrong[rest].sum()), (said.next_wrong, wrong[rest[:100]].sum()))
        held.append([count.low <= true <= count.high for count, true in pairs])
        ratio.append(said.remaining.expected / wrong[rest].sum())
    left, following = 100.0 * np.mean(held, 0)
    return f"| {name} | {asked} | {left:.0f} % | {following:.0f} % | {np.median(ratio):.2f} |"


if __name__ == "__main__":
    print("| `p_wrong` is | asked | remaining held | next hundred held | expected / true, median |")
    print("|---|---|---|---|---|")
    for name, draw in ROWS.items():
        for asked in (150, 600):
            print(row(name, draw, asked), flush=True)
