"""P1, table 1: classifiers of skin lesions trained on labels of which the hardest are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from overread.benches.desk import Desk
from overread.benches.figures import Line, Panel, over_seeds
from overread.benches.layouts import HAM_BINARY, ISIC2017
from overread.benches.phantoms import PHANTOMS_BINARY
from overread.benches.plan import Bench, Cell, Record, Role, Scale
from overread.benches.reading import correct, quality
from overread.benches.tables import Row, Table

METHODS: dict[str, tuple[str, dict[str, str]]] = {  # name in the table -> method, --set
    "ce": ("ce", {}),
    "ce-smooth": ("ce", {"smoothing": "0.1"}),
    "forward": ("forward", {}),
    "ousm": ("ousm", {}),
    "ousm-plof": ("ousm-plof", {}),
    "ousm-told": ("ousm", {}),
    "ousm-plof-told": ("ousm-plof", {}),
    "ousm-ours": ("ousm", {"rank": "run", "rebalance": "0.35"}),
}
TOLD = "-told"  # methods that know the true noise rate: P1 gives no K, and its noise hides from estimates
RATES = (0, 5, 10, 20, 40)
WORDS = {
    "ce": "CE (P1's lower bound)",
    "ce-early": "CE, stopped early",
    "ce-smooth": "CE, labels smoothed 0.1",
    "forward": "forward correction, T estimated",
    "ousm": "OUSM, rate estimated",
    "ousm-plof": "OUSM + pLOF (P1's method), rate estimated",
    "ousm-told": "OUSM, told the rate",
    "ousm-plof-told": "OUSM + pLOF (P1's method), told the rate",
    "ousm-ours": "OUSM by the run, rebalanced (ours)",
    **{f"{rate:02d}": f"{rate} %" for rate in RATES},
}
P1 = {  # table 1, accuracy
    "ce": (0.863, 0.826, 0.791, 0.752, 0.653),
    "forward": (None, 0.832, 0.813, 0.797, 0.684),
    "ousm": (None, 0.825, 0.812, 0.776, 0.736),
    "ousm-plof": (None, 0.845, 0.836, 0.807, 0.757),
}
PAPER = {
    (f"{rate:02d}", method): {"accuracy": value}
    for name, values in P1.items()
    for method in ((name, name + TOLD) if "ousm" in name else (name,))
    for rate, value in zip(RATES, values, strict=True)
    if value is not None
}


def cells(desk: Desk) -> list[Cell]:
    """Rate by rate, each with all methods."""
    rates = (0, 20, 40) if desk.quick else RATES
    return [
        Cell(f"{rate:02d}", method, seed)
        for seed in desk.seeds
        for rate in rates
        for method in METHODS
        if rate or not method.endswith(TOLD)
    ]


def run(cell: Cell, desk: Desk) -> Record:
    """One model."""
    rate = int(cell.condition) / 100
    data = desk.noisy(desk.first, "loss-ranked", rate, cell.seed)
    method, settings = METHODS[cell.method]
    told: dict[str, Any] = {"noise_rate": rate} if cell.method.endswith(TOLD) else {}
    result = desk.train(cell.name, data, method=method, settings=settings, seed=cell.seed, **told)
    return {
        "figures": quality(result.metrics),
        "early": quality(result.metrics, "best"),
        "noise_rate": result.summary["noise_rate"],
        **correct(result.out),
    }


def rows(records: Sequence[Record]) -> list[Row]:
    """Those of the last epoch; of CE also those of the epoch that the noisy validation part likes best."""
    found = []
    for one in records:
        key = one["condition"], one["method"], one["seed"]
        found.append(Row(*key, one["figures"], one["units"], one["groups"]))
        if one["method"] == "ce":
            found.append(Row(one["condition"], "ce-early", one["seed"], one["early"]))
    order = {name: place for place, name in enumerate(WORDS)}
    return sorted(found, key=lambda row: (row.condition, order[row.method], row.seed))


def tables(records: Sequence[Record]) -> list[Table]:
    figures = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")
    return [Table("Accuracy on the clean test part", rows(records), figures, "ce", PAPER, WORDS)]


def figures(records: Sequence[Record]) -> dict[str, list[Panel]]:
    """Accuracy and balanced accuracy against the share of wrong labels; dashed, the paper's."""
    found = rows(records)
    methods = [name for name in WORDS if any(row.method == name for row in found)]
    panels = []
    for name in ("accuracy", "balanced_accuracy"):
        lines = [course(found, method, name, place) for place, method in enumerate(methods)]
        if name == "accuracy":
            lines += [
                Line(said, RATES, P1[method.removesuffix(TOLD)], colour=methods.index(method), dashed=True)
                for method, said in (("ce", "the paper's CE"), ("ousm-plof-told", "the paper's OUSM + pLOF"))
                if method in methods
            ]
        panels.append(Panel(name.replace("_", " "), "wrong labels, %", "test part", lines))
    return {"accuracy": panels}


def course(found: Sequence[Row], method: str, name: str, colour: int) -> Line:
    """One method's figure over the rates, mean and standard deviation over seeds."""
    own = [row for row in found if row.method == method]
    rates = sorted({int(row.condition) for row in own})
    seeds = sorted({row.seed for row in own})
    at = {(row.seed, int(row.condition)): row.figures[name] for row in own}
    mean, spread = over_seeds([[at.get((seed, rate)) for rate in rates] for seed in seeds])
    return Line(WORDS[method], rates, mean, spread, colour)


BENCH = Bench(
    name="ousm-table1",
    title="P1, table 1: classifiers trained on wrong labels of skin lesions",
    paper="Xue et al. 2019 report accuracies of ResNet-101 on ISIC 2017 part 3 that fall from 86.3 % on clean labels "
    "to 65.3 % at 40 % noise with plain cross-entropy, and to 75.7 % with OUSM and re-weighting by pLOF.",
    roles=(Role((ISIC2017, HAM_BINARY), PHANTOMS_BINARY),),
    quick=Scale((1,), {"train": 1600, "val": 300, "test": 800}, {"effort": "fast"}),
    full=Scale((1, 2, 3), {}, {"effort": "full", "size": 224, "epochs": 30, "augment": "flip"}),
    cells=cells,
    run=run,
    tables=tables,
    figures=figures,
    notes=(
        "Noise as the paper's: the labels of highest loss in each class flip, by a classifier fitted on the rest; in "
        "train and val, the test part is clean. Last epoch, but for CE stopped early: the epoch with the best "
        "accuracy on the noisy validation labels. The noise rate is estimated, but for the rows that "
        "are told it: P1 does not say how many samples it leaves out.",
    ),
)
