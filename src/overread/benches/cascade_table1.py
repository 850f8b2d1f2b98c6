"""P2: three networks that select for each other, then correct; table 1 and four analyses."""

from __future__ import annotations

from collections.abc import Sequence

from overread.benches.desk import Desk
from overread.benches.figures import Line, Panel, over_seeds
from overread.benches.layouts import JSRT_FOR_SHENZHEN, SHENZHEN
from overread.benches.masks import LUNGS, corrected, trained
from overread.benches.phantoms import PHANTOM_LUNGS
from overread.benches.plan import Bench, Cell, Record, Role, Scale
from overread.benches.tables import Row, Table
from overread.data.options import DataOptions

JOINT = ("ss-jo-20", "ss-jo-50", "ss-jo-80")
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the corrected mask; 0.5 is ss-jo-50 itself
METHODS: dict[str, tuple[str, dict[str, str]]] = {
    "unet": ("ce", {}),
    "unet-dice": ("ce", {"loss": "dice-ce"}),
    "unet-smooth": ("ce", {"smoothing": "0.1"}),
    "co-teaching": ("co-teaching", {}),
    "ss": ("ss", {}),
    **{name: ("ss-jo", {"start": f"0.{name[-2]}"}) for name in JOINT},
    "small-loss": ("ss", {"uncertain": "0"}),
    **{
        f"weight-{w}": ("ss-jo", {"given_weight": f"{1 - w}", "corrected_weight": f"{w}"})
        for w in WEIGHTS
        if w != 0.5
    },
}
TABLE = ("unet", "unet-dice", "unet-smooth", "co-teaching", "ss", *JOINT)
SHARES = ("00", "25", "50", "75")
WORDS = {
    "unet": "U-Net, cross-entropy",
    "unet-early": "U-Net, stopped early",
    "unet-dice": "U-Net, cross-entropy and Dice",
    "unet-smooth": "U-Net, masks smoothed 0.1",
    "co-teaching": "co-teaching",
    "ss": "SS",
    "ss-jo-20": "SS + JO from 20 % of the epochs",
    "ss-jo-50": "SS + JO from 50 %",
    "ss-jo-80": "SS + JO from 80 %",
    "small-loss": "small loss alone (no uncertainty)",
    "00": "clean",
    **{share: f"{share} %" for share in SHARES[1:]},
    "n5": "100 %, n = 5",
    "n20": "100 %, n = 20",
}
TABLE1 = {  # Dice at 0, 25, 50, 75 %
    "unet": (0.8989, 0.8758, 0.8478, 0.8496),
    "co-teaching": (0.9146, 0.8906, 0.8896, 0.9023),
    "ss": (None, 0.9142, 0.8956, 0.9041),
    "ss-jo-20": (0.9252, 0.9214, 0.8790, 0.9065),
    "ss-jo-50": (0.9250, 0.9253, 0.9003, 0.9108),
    "ss-jo-80": (0.9236, 0.9248, 0.8862, 0.9067),
}
PAPER = {
    (share, method): {"dice": value}
    for method, values in TABLE1.items()
    for share, value in zip(SHARES, values, strict=True)
    if value is not None
}


def cells(desk: Desk) -> list[Cell]:
    """Table 1, then the analyses; quick: fewer shares and methods of each."""
    quick = desk.quick
    found: list[tuple[str, str]] = []
    for share in ("00", "75") if quick else SHARES:
        found += [
            (share, name)
            for name in TABLE
            if not quick
            or (name not in ("unet-smooth", "ss-jo-20", "ss-jo-80") and (share, name) != ("00", "ss"))
        ]
    found += [(share, "small-loss") for share in (("75",) if quick else SHARES[1:])]
    found += [(noise, name) for noise in ("n5", "n20") for name in ("unet", "ss")]
    half = "75" if quick else "50"
    found += [(half, f"weight-{w}") for w in ((0.0, 1.0) if quick else WEIGHTS) if w != 0.5]
    return [Cell(*pair, seed) for seed in desk.seeds for pair in dict.fromkeys(found)]


def run(cell: Cell, desk: Desk) -> Record:
    """One cascade, or one of its rivals."""
    whole = cell.condition.startswith("n")
    least = cell.condition[1:] if whole else "5"
    settings = {"pixels": f"{least},{least if whole else 15}", "element": "square"}
    share = 1.0 if whole else int(cell.condition) / 100
    sides = "left_lung" in desk.sources[desk.first].about["structures"]
    options = DataOptions(merge=LUNGS if sides else None)
    data = desk.noisy(desk.first, "erode-dilate", share, cell.seed, settings=settings, options=options)
    record = trained(cell, desk, data, METHODS[cell.method])
    return {
        **record,
        "figures": {"dice": record["figures"]["average"], **corrected(record)},
        "early": {"dice": record["early"]["average"]},
    }


def tables(records: Sequence[Record]) -> list[Table]:
    """Table 1, and a table an analysis."""
    shares = [one for one in records if one["condition"] in SHARES and one["method"] in TABLE]
    rows = [row for one in shares for row in rows_of(one)]
    order = list(WORDS)
    rows.sort(key=lambda row: (row.condition, order.index(row.method), row.seed))
    main = Table("Table 1: Dice of lungs on the clean test part", rows, ("dice",), "unet", PAPER, WORDS)
    noisy = [one["condition"] for one in records if one["method"] == "small-loss"]
    selection = pick(records, noisy, ("small-loss", "ss"))
    nothing_clean = pick(records, ("n5", "n20"), ("unet", "ss"))
    return [
        main,
        *some(
            Table(
                "Analysis 1: selection by small loss alone", selection, ("dice",), "small-loss", words=WORDS
            )
        ),
        *some(Table("Analysis 2: no mask is right", nothing_clean, ("dice",), "unet", words=WORDS)),
        *some(weights_table(records)),
        *some(labels_table(shares)),
    ]


def rows_of(one: Record) -> list[Row]:
    key = one["condition"], one["method"], one["seed"]
    rows = [Row(*key, one["figures"], one["units"], one["groups"])]
    early = Row(one["condition"], "unet-early", one["seed"], one["early"])
    return [*rows, early] if one["method"] == "unet" else rows


def pick(records: Sequence[Record], conditions: Sequence[str], methods: Sequence[str]) -> list[Row]:
    """Rows of these conditions and methods, in their order."""
    return [
        rows_of(one)[0]
        for where in dict.fromkeys(conditions)
        for name in methods
        for one in records
        if (one["condition"], one["method"]) == (where, name)
    ]


def some(table: Table) -> list[Table]:
    return [table] if table.rows else []


def weight_of(method: str) -> float | None:
    """What the corrected mask weighs.

    >>> weight_of("ss-jo-50"), weight_of("weight-1.0"), weight_of("ss")
    (0.5, 1.0, None)
    """
    if method == "ss-jo-50":
        return 0.5
    return float(method.removeprefix("weight-")) if method.startswith("weight-") else None


def weighed(records: Sequence[Record]) -> list[Record]:
    """The records of analysis 3, by weight."""
    where = {one["condition"] for one in records if one["method"].startswith("weight-")}
    own = [one for one in records if one["condition"] in where and weight_of(one["method"]) is not None]
    return sorted(own, key=lambda one: (weight_of(one["method"]), one["seed"]))


def weights_table(records: Sequence[Record]) -> Table:
    rows = [
        Row(r.condition, f"{weight_of(r.method)}", r.seed, r.figures, r.units, r.groups)
        for one in weighed(records)
        for r in rows_of(one)[:1]
    ]
    title = "Analysis 3: the weight of the corrected mask (0: the given one alone)"
    return Table(title, rows, ("dice", "corrected"), "0.5", words=WORDS)


def labels_table(records: Sequence[Record]) -> Table:
    """Dice with the truth of wrongly drawn training masks, as given and as the final networks draw them."""
    rows = [
        Row(
            one["condition"], one["method"], one["seed"], one["figures"]
        )  # no images: those known are of the test part
        for one in records
        if one["figures"].get("given") is not None
    ]
    title = "Analysis 4: Dice of wrong training masks with the truth, given and corrected at the end"
    return Table(title, rows, ("corrected", "given"), "unet", words=WORDS)


def figures(records: Sequence[Record]) -> dict[str, list[Panel]]:
    """Figure 4: (a) selection, (b) nothing clean, (c) labels, (d) the weight."""
    return {
        "figure4": [
            Panel("(a) selection", "epoch", "test Dice", courses(records, ("small-loss", "ss", "unet"))),
            Panel("(b) no mask is right", "iterations n", "test Dice", nothing_right(records)),
            Panel("(c) wrong training masks", "wrong masks, %", "Dice with the truth", labels_lines(records)),
            Panel(
                "(d) joint optimisation", "weight of the corrected mask", "test Dice", weight_line(records)
            ),
        ]
    }


def courses(records: Sequence[Record], methods: Sequence[str]) -> list[Line]:
    """Test Dice over the epochs at the highest share at which small loss alone was tried."""
    where = max((one["condition"] for one in records if one["method"] == "small-loss"), default="")
    lines = []
    for colour, name in enumerate(methods):
        own = [
            one["curves"]["test_dice"]
            for one in records
            if (one["condition"], one["method"]) == (where, name)
        ]
        if own:
            mean, spread = over_seeds(own)
            lines.append(Line(f"{WORDS[name]}, {where} %", range(1, len(mean) + 1), mean, spread, colour))
    return lines


def mean_of(records: Sequence[Record], condition: str, method: str, figure: str) -> float | None:
    own = [
        one["figures"][figure] for one in records if (one["condition"], one["method"]) == (condition, method)
    ]
    known = [value for value in own if value is not None]
    return sum(known) / len(known) if known else None


def nothing_right(records: Sequence[Record]) -> list[Line]:
    lines = []
    for colour, name in enumerate(("unet", "ss")):
        y = [mean_of(records, where, name, "dice") for where in ("n5", "n20")]
        lines += [Line(WORDS[name], (5, 20), y, None, colour)] if None not in y else []
    return lines


def labels_lines(records: Sequence[Record]) -> list[Line]:
    shares = [share for share in SHARES[1:] if mean_of(records, share, "unet", "given") is not None]
    x = [int(share) for share in shares]
    given = [mean_of(records, share, "unet", "given") for share in shares]
    lines = [Line("given", x, given, None, 0)] if shares else []
    for colour, name in enumerate(("unet", "ss", "ss-jo-50"), 1):
        y = [mean_of(records, share, name, "corrected") for share in shares]
        lines += [Line(f"corrected by {WORDS[name]}", x, y, None, colour)] if shares and any(y) else []
    return lines


def weight_line(records: Sequence[Record]) -> list[Line]:
    own = weighed(records)
    x = sorted({weight for one in own if (weight := weight_of(one["method"])) is not None})
    at = [[one["figures"]["dice"] for one in own if weight_of(one["method"]) == weight] for weight in x]
    return [Line(f"{own[0]['condition']} % wrong", x, [sum(v) / len(v) for v in at], None, 3)] if own else []


BENCH = Bench(
    name="cascade-table1",
    title="P2: a cascade that is robust to wrong masks",
    paper="Xue et al. 2020 report on lungs of the Shenzhen set that the Dice of U-Net falls from 0.899 to 0.850 "
    "where 75 % of the masks are wrong, and that the cascade (SS + JO from half way) reaches 0.925 and keeps 0.911; "
    "that small loss alone selects worse, and that SS loses to U-Net where no mask is right.",
    roles=(Role((SHENZHEN, JSRT_FOR_SHENZHEN), PHANTOM_LUNGS),),
    quick=Scale((1,), {"train": 80, "test": 50}, {"size": 64, "epochs": 40}),
    full=Scale((1, 2, 3), {}, {"size": 256, "epochs": 100}),
    cells=cells,
    run=run,
    tables=tables,
    figures=figures,
    notes=(
        "Masks are eroded or dilated by n iterations of a 3x3 square at 256x256, 5 to 15, one n and one direction an "
        "image. Co-teaching, SS and JO descend on cross-entropy and Dice together (decision 17), U-Net on "
        "cross-entropy unless the row says otherwise. Last epoch, but for U-Net stopped early. Analysis 4 is taken "
        "at the end of training, as the paper's text has it.",
    ),
)
