"""P5: a judge of masks weighs each image; table 1, figures 3 and 4."""

from __future__ import annotations

from collections.abc import Sequence

from overread.benches.desk import Desk
from overread.benches.figures import Line, Panel, over_seeds
from overread.benches.layouts import JSRT
from overread.benches.masks import MERGE, trained
from overread.benches.phantoms import PHANTOM_MASKS
from overread.benches.plan import Bench, Cell, Record, Role, Scale
from overread.benches.tables import Row, Table
from overread.data.options import DataOptions

METHODS: dict[str, tuple[str, dict[str, str]]] = {
    "unet": ("ce", {}),
    "unet-dice": ("ce", {"loss": "dice-ce"}),
    "unet-smooth": ("ce", {"smoothing": "0.1"}),
    "qam": ("qam", {}),
    "qam-ocm": ("qam-ocm", {}),
    "qam-ocm-paper": ("qam-ocm", {"loss": "ce", "warmup": "0", "scope": "batch", "judge_rate": "1"}),
}
PIXELS = {"weak": "1,8", "strong": "5,13"}
SHARES = (25, 50, 75)
WIDE = 20  # weights above this are drawn on a logarithmic axis
CONDITIONS = ("00", *(f"{noise}-{share}" for noise in PIXELS for share in SHARES))
QUICK = ("00", "strong-50", "strong-75")
WORDS = {
    "unet": "U-Net, cross-entropy",
    "unet-early": "U-Net, stopped early",
    "unet-dice": "U-Net, cross-entropy and Dice",
    "unet-smooth": "U-Net, masks smoothed 0.1",
    "qam": "QAM",
    "qam-ocm": "QAM + OCM, warm-up and set-wide weights (ours)",
    "qam-ocm-paper": "QAM + OCM by the paper's words",
    "00": "clean",
    **{
        f"{noise}-{share}": f"{share} %, {PIXELS[noise].replace(',', '-')} px"
        for noise in PIXELS
        for share in SHARES
    },
}
STRUCTURES = ("lungs", "heart", "clavicles", "average")
TABLE1 = {  # condition -> U-Net, QAM, QAM + OCM, each lungs, heart, clavicles, average
    "00": "943 941 862 915  939 923 831 898  941 940 852 911",
    "weak-25": "868 888 538 765  925 926 748 866  936 925 823 895",
    "weak-50": "873 884 539 765  922 925 726 857  936 929 828 898",
    "weak-75": "820 828 512 720  898 825 536 753  937 939 809 895",
    "strong-25": "865 857 422 715  893 835 615 781  935 935 801 890",
    "strong-50": "755 807 393 652  828 853 491 714  942 942 853 912",
    "strong-75": "745 738 381 621  770 772 366 636  938 937 801 892",
}
PAPER = {
    (condition, method): {
        name: int(text.split()[4 * place + number]) / 1000 for number, name in enumerate(STRUCTURES)
    }
    for condition, text in TABLE1.items()
    for place, methods in enumerate((("unet",), ("qam",), ("qam-ocm", "qam-ocm-paper")))
    for method in methods
}


def cells(desk: Desk) -> list[Cell]:
    """Condition by condition."""
    methods = [name for name in METHODS if not desk.quick or name != "unet-smooth"]
    conditions = QUICK if desk.quick else CONDITIONS
    return [Cell(where, name, seed) for seed in desk.seeds for where in conditions for name in methods]


def run(cell: Cell, desk: Desk) -> Record:
    """One network."""
    noise, _, share = cell.condition.rpartition("-")
    settings, options = {"pixels": PIXELS[noise or "strong"]}, DataOptions(merge=MERGE)
    data = desk.noisy(
        desk.first, "erode-dilate", int(share) / 100, cell.seed, settings=settings, options=options
    )
    return trained(cell, desk, data, METHODS[cell.method])


def tables(records: Sequence[Record]) -> list[Table]:
    rows = []
    for one in records:
        key = one["condition"], one["method"], one["seed"]
        rows.append(Row(*key, one["figures"], one["units"], one["groups"]))
        if one["method"] == "unet":
            rows.append(Row(one["condition"], "unet-early", one["seed"], one["early"]))
    order = list(WORDS)
    rows.sort(key=lambda row: (CONDITIONS.index(row.condition), order.index(row.method), row.seed))
    names = ("average", "lungs", "heart", "clavicles")
    return [Table("Dice on the clean test part", rows, names, "unet", PAPER, WORDS), *judged(records)]


def judged(records: Sequence[Record]) -> list[Table]:
    """How well the judge's weights tell wrong masks from right ones in the end."""
    rows = [
        Row(one["condition"], one["method"], one["seed"], {"auroc": one["weights"]["auroc"][-1]})
        for one in records
        if one["weights"]
    ]
    return (
        [Table("AUROC of a low weight for a wrong mask, last epoch", rows, ("auroc",), words=WORDS)]
        if rows
        else []
    )


def figures(records: Sequence[Record]) -> dict[str, list[Panel]]:
    return {"figure3": figure3(records), "figure4": figure4(records)}


def figure3(records: Sequence[Record]) -> list[Panel]:
    """Mean Dice over the noise, and the course of loss and test Dice where half of the masks are wrong."""
    methods = [name for name in METHODS if any(one["method"] == name for one in records)]
    lines = []
    for name in methods:
        for noise, dashed in (("strong", False), ("weak", True)):
            found = {}
            for share in (0, *SHARES):
                own = of(records, name, f"{noise}-{share}" if share else "00")
                if own:
                    found[share] = sum(one["figures"]["average"] for one in own) / len(own)
            if len(found) > 1:
                label = f"{WORDS[name]}, {PIXELS[noise].replace(',', '-')} px"
                lines.append(
                    Line(label, list(found), list(found.values()), None, methods.index(name), dashed)
                )
    panels = [Panel("average over structures", "wrong masks, %", "test Dice", lines)]
    for what, word in (("loss", "training loss"), ("test_dice", "test Dice")):
        courses = [course(records, name, what, methods.index(name)) for name in methods]
        panels.append(Panel("50 % wrong, 5-13 px", "epoch", word, [one for one in courses if one]))
    return panels


def of(records: Sequence[Record], method: str, condition: str) -> list[Record]:
    return [one for one in records if (one["method"], one["condition"]) == (method, condition)]


def course(records: Sequence[Record], method: str, what: str, colour: int) -> Line | None:
    """One method's course where half of the masks are wrong."""
    own = of(records, method, "strong-50")
    if not own:
        return None
    mean, spread = over_seeds([one["curves"][what] for one in own])
    return Line(WORDS[method], range(1, len(mean) + 1), mean, spread, colour)


def figure4(records: Sequence[Record]) -> list[Panel]:
    """Mean and variance of the weights of right and wrong masks over the epochs."""
    panels = []
    for method in ("qam-ocm", "qam-ocm-paper", "qam"):
        own = [one for one in of(records, method, "strong-50") if one["weights"]]
        lines = []
        for kind, colour in (("right", 1), ("wrong", 2)) if own else ():
            for what, dashed in (("mean", False), ("variance", True)):
                mean, spread = over_seeds([one["weights"][f"{kind}_{what}"] for one in own])
                label = f"{kind} masks: {what}"
                lines.append(Line(label, range(1, len(mean) + 1), mean, spread, colour, dashed))
        wide = any(value is not None and value > WIDE for line in lines for value in line.y)
        panels.append(
            Panel(f"{WORDS[method]}: weights", "epoch", "weight in its batch (1: mean)", lines, wide=wide)
        )
    return panels


BENCH = Bench(
    name="pick-and-learn",
    title="P5: networks that pick the masks they learn from",
    paper="Zhu et al. 2019 report on JSRT that the mean Dice of U-Net falls from 0.915 to 0.652 and 0.621 where 50 "
    "and 75 % of the masks are eroded or dilated by 5-13 pixels, and that QAM + OCM keeps 0.912 and 0.892.",
    roles=(Role((JSRT,), PHANTOM_MASKS),),
    quick=Scale((1,), {"train": 110, "test": 50}, {"size": 64, "epochs": 40}),
    full=Scale((1, 2, 3), {}, {"size": 256, "epochs": 100}),
    cells=cells,
    run=run,
    tables=tables,
    figures=figures,
    notes=(
        "Left and right are merged. Erosion or dilation by a disk of n pixels at 256x256, one n and one direction an "
        "image; six images of a hundred are held out of the training part to choose the epoch of early stopping, "
        "their masks as noisy as the others. Last epoch, but for U-Net stopped early. Same epochs and augmentation "
        "for all. The judge's methods descend on cross-entropy and Dice together (decision 17), but for the row by "
        "the paper's words.",
    ),
)
