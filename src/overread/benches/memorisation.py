"""P1, figure 3: networks learn wrong labels by heart, while their test error rises again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from overread.benches.desk import Desk
from overread.benches.figures import Line, Panel, over_seeds
from overread.benches.layouts import HAM_BINARY, ISIC2017
from overread.benches.phantoms import PHANTOMS_BINARY
from overread.benches.plan import Bench, Cell, Record, Role, Scale
from overread.benches.reading import curves, quality
from overread.benches.tables import Row, Table

RATES = (5, 10, 20, 40)
EPOCHS = 60  # of the quick one's heads
COURSES = {
    "train_error": "training part, given labels",
    "right_error": "training part, right labels",
    "wrong_error": "training part, wrong labels",
    "test_error": "clean test part",
}
FIGURES = ("test_error", "least_test_error", "epoch_of_least", "train_error", "right_error", "wrong_error")
WORDS = {"ce": "CE", "ousm": "OUSM, told the rate", **{f"{rate:02d}": f"{rate} %" for rate in RATES}}


def cells(desk: Desk) -> list[Cell]:
    """CE at each rate; OUSM beside it at the highest, to see what leaving out does."""
    plain = [Cell(f"{rate:02d}", "ce", seed) for seed in desk.seeds for rate in RATES]
    return [*plain, *(Cell("40", "ousm", seed) for seed in desk.seeds)]


def run(cell: Cell, desk: Desk) -> Record:
    """One model, watched in every epoch."""
    rate = int(cell.condition) / 100
    data = desk.noisy(desk.first, "loss-ranked", rate, cell.seed)
    told: dict[str, Any] = {"noise_rate": rate} if cell.method == "ousm" else {}
    result = desk.train(cell.name, data, method=cell.method, seed=cell.seed, curves=True, **told)
    seen = errors(result.out)
    least = min(seen["test_error"])
    figures = {**{name: values[-1] for name, values in seen.items()}, "least_test_error": least}
    figures["epoch_of_least"] = 1.0 + seen["test_error"].index(least)
    return {"figures": figures, "curves": seen, "last": quality(result.metrics)}


def errors(run: Path) -> dict[str, list[float]]:
    """The error in every epoch: of the training part as seen in training, by kind of label, and of the test part.

    With two classes a given label is missed where its probability is below one half: where its loss is above ln 2.
    """
    from overread.benches.loss_sequence import wrong_of
    from overread.engine.evidence import Evidence

    evidence = Evidence.load(run / "evidence.npz")
    assert evidence.losses is not None
    assert len(evidence.classes) == 2, "errors are read off the losses of two classes"
    missed = evidence.losses > math.log(2)  # [N, E]
    wrong = wrong_of(run, evidence)
    kinds = {"train_error": np.ones_like(wrong), "right_error": ~wrong, "wrong_error": wrong}
    found = {name: missed[rows].mean(0).astype(float).round(5).tolist() for name, rows in kinds.items()}
    test = curves(run, ("test_accuracy",))["test_accuracy"]
    return {**found, "test_error": [round(1.0 - value, 5) for value in test]}


def tables(records: Sequence[Record]) -> list[Table]:
    rows = [Row(one["condition"], one["method"], one["seed"], one["figures"]) for one in records]
    note = "Errors of the last epoch; the least test error, and its epoch, are looked up on the test part."
    return [Table("Errors after training", rows, FIGURES, words=WORDS, notes=(note,))]


def figures(records: Sequence[Record]) -> dict[str, list[Panel]]:
    """Errors over the epochs, a line a rate; OUSM at 40 % dashed."""
    panels = []
    for name, word in COURSES.items():
        lines = []
        for colour, (condition, method) in enumerate(
            [*((f"{rate:02d}", "ce") for rate in RATES), ("40", "ousm")]
        ):
            own = [one for one in records if (one["condition"], one["method"]) == (condition, method)]
            if not own:
                continue
            mean, spread = over_seeds([one["curves"][name] for one in own])
            label = f"{WORDS[condition]} wrong" + (", OUSM" if method == "ousm" else "")
            x = range(1, len(mean) + 1)
            lines.append(Line(label, x, mean, spread, colour, dashed=method == "ousm"))
        panels.append(Panel(word, "epoch", "error", lines))
    return {"figure3": panels}


BENCH = Bench(
    name="memorisation",
    title="P1, figure 3: wrong labels are learned by heart",
    paper="Xue et al. 2019 show for 5, 10, 20 and 40 % of wrong labels that the training error goes to 0, later the "
    "more labels are wrong, and that the test curve gets better first and then worse.",
    roles=(Role((ISIC2017, HAM_BINARY), PHANTOMS_BINARY),),
    quick=Scale((1,), {"train": 1600, "val": 200, "test": 800}, {"effort": "fast", "epochs": EPOCHS}),
    full=Scale((1, 2, 3), {}, {"effort": "full", "size": 224, "epochs": 60, "augment": "none"}),
    cells=cells,
    run=run,
    tables=tables,
    figures=figures,
    notes=(
        "Noise as in table 1: the hardest labels flip. Errors of the training part are those that the network makes "
        "as it meets each image, before it learns from it in that epoch.",
    ),
)
