"""P3: which wrong labels the loss sequences find (experiment 1), and what their repair brings (experiment 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from overread.benches.desk import Desk
from overread.benches.figures import Line, Panel, over_seeds
from overread.benches.layouts import CHEST, HAM, KAGGLE_DR
from overread.benches.phantoms import PHANTOMS, PHANTOMS_BINARY
from overread.benches.plan import Bench, Cell, Record, Role, Scale
from overread.benches.reading import correct, curves, quality
from overread.benches.tables import Figures, Row, Table
from overread.detect.loss_sequence import loss_sequence

Array = np.ndarray[Any, np.dtype[Any]]
RATE, EPOCHS, SHOWN = 0.06, 8, 20  # P3's noise, N, and curves in figure 4
SPECIFICITY = 0.9515  # at which P3 tells its sensitivity
# P3 takes as many labels from each class; where some are rare that would leave them none that is right
NOISE = {"ham10000": "symmetric"}
PLAN = {"quick": {"size": 64}, "full": {"size": 224}}  # of the audit, which fine-tunes a network
SETS = {
    "noisy": "noisy labels (A')",
    "smoothed": "noisy labels, smoothed 0.1",
    "reviewed": "reviewed what loss sequences flag (A'')",
    "consensus": "reviewed what the consensus flags (ours)",
    "clean": "clean labels (A)",
}
WORDS = {
    **SETS,
    "kaggle_dr": "fundus",
    "ham10000": "HAM10000",
    "chest_xray": "chest radiographs",
    "loss-sequence": "loss sequences (P3), features z-scored",
    "loss-sequence-raw": "loss sequences (P3), raw features",
    "confident-learning": "confident learning (cleanlab)",
    "rarity": "rarity of the given class (sees no image)",
    "consensus-detector": "consensus (ours)",
}
FOUND = ("sensitivity_at_9515", "sensitivity", "specificity", "auroc", "ap", "auroc_within_class")
LEARNED = ("accuracy", "early", "peak", "balanced_accuracy", "macro_f1")
P3_FOUND = {"loss-sequence": {"sensitivity_at_9515": 0.7531, "sensitivity": 0.7531, "specificity": 0.9515}}
P3_LEARNED = {"noisy": {"peak": 0.9593}, "reviewed": {"peak": 0.9650}, "clean": {"peak": 0.9657}}


def cells(desk: Desk) -> list[Cell]:
    """One course a data set and seed: audit, review, trainings."""
    return [Cell(source, "course", seed) for seed in desk.seeds for source in desk.sources]


def run(cell: Cell, desk: Desk) -> Record:
    """One course."""
    noise = NOISE.get(cell.condition, "balanced")
    data = desk.noisy(cell.condition, noise, RATE, cell.seed)
    found = audited(cell, desk, data)
    sets = {
        "noisy": (data, {}),
        "smoothed": (data, {"settings": {"smoothing": "0.1"}}),
        **{
            name: (repaired(desk, data, found["flagged"][flags], f"{cell.name}-{name}"), {})
            for name, flags in (("reviewed", "loss-sequence"), ("consensus", "consensus"))
        },
        "clean": (desk.noisy(cell.condition, noise, 0.0, cell.seed), {}),
    }
    learned = {
        name: trained(f"{cell.name}-{name}", desk, source, {"seed": cell.seed, **more})
        for name, (source, more) in sets.items()
    }
    answers = {name: len(ids) for name, ids in found.pop("flagged").items()}
    return {**found, "answers": answers, "learned": learned}


def audited(cell: Cell, desk: Desk, data: Path) -> Record:
    """Experiment 1: how good each detector is, the ids that two of them flag, and figure 4's sequences."""
    from overread.data.options import DataOptions
    from overread.engine.evidence import Evidence
    from overread.measure import detection, rarity
    from overread.verbs.findings import find

    fields = {"effort": "full", "epochs": EPOCHS, **PLAN["quick" if desk.quick else "full"]}
    name = f"{cell.name}-audit"
    result = desk.audit(name, data, DataOptions(split="train"), seed=cell.seed, **fields)
    evidence = Evidence.load(result.out / "evidence.npz")
    wrong = wrong_of(result.out, evidence)
    opinions = {
        **find(evidence, None, cell.seed).opinions,
        "rarity": rarity(evidence.given),
        "loss-sequence-raw": loss_sequence(evidence, scale=False),
    }
    return {
        "detection": {name: detection(one, evidence.given, wrong) for name, one in opinions.items()},
        "found": {name: found_of(one.score, wrong) for name, one in opinions.items()},
        "patients": [str(one) for one in evidence.groups[wrong]],
        "flagged": {
            name: [str(one) for one in evidence.ids[opinions[name].wrong]]
            for name in ("loss-sequence", "consensus")
        },
        "sequences": sequences(evidence, wrong),
    }


def found_of(score: Array, wrong: Array) -> list[float]:
    """Of each wrong label, whether it lies above the score that 95.15 % of the right ones do not exceed."""
    return [float(one) for one in score[wrong] > np.quantile(score[~wrong], SPECIFICITY)]


def wrong_of(run: Path, evidence: Any) -> Array:
    """[N] bool: which labels were made wrong, as the run's manifest says; for measuring alone."""
    import pandas as pd

    table = pd.read_csv(run / "manifest.csv", dtype=str, keep_default_na=False).set_index("id")
    table = table.loc[[str(name) for name in evidence.ids]]
    return np.asarray(table["given"].to_numpy() != table["true"].to_numpy())


def sequences(evidence: Any, wrong: Array) -> dict[str, list[list[float]]]:
    """Figure 4: the losses of 20 samples of each kind, drawn at random, and the mean of all."""
    rng, found = np.random.default_rng(0), {}
    for kind, rows in (("right", np.flatnonzero(~wrong)), ("wrong", np.flatnonzero(wrong))):
        drawn = rng.choice(rows, min(SHOWN, len(rows)), replace=False)
        found[kind] = evidence.losses[drawn].astype(float).round(4).tolist()
        found[f"{kind}_mean"] = [evidence.losses[rows].mean(0).astype(float).round(4).tolist()]
    return found


def repaired(desk: Desk, data: Path, ids: Sequence[str], name: str) -> Path:
    """DATA in which an expert has answered for the labels of `ids`; each answer is charged."""
    import pandas as pd

    from overread.cleaning.experts import Oracle
    from overread.data.options import DataOptions
    from overread.data.read import read
    from overread.files import write_whole

    manifest = read(data, DataOptions(split="train")).manifest
    place = {str(one): row for row, one in enumerate(manifest.ids)}
    asked = np.array([place[one] for one in ids], np.int64)
    answers = {one.sample: one.label for one in Oracle(manifest).ask(asked, manifest.given)}
    images = {str(one): str(manifest.path(row)) for one, row in place.items()}
    labels = {images[one]: label for one, label in answers.items()}
    table = pd.read_csv(data / "labels.csv", dtype=str, keep_default_na=False)
    table["image"] = [str((data / one).resolve()) for one in table["image"]]
    resolved = {str(Path(one).resolve()): label for one, label in labels.items()}
    table["label"] = [resolved.get(one, old) for one, old in zip(table["image"], table["label"], strict=True)]
    out = desk.out / "noisy" / name
    write_whole(out / "labels.csv", lambda part: table.to_csv(part, index=False))
    return out


def trained(name: str, desk: Desk, data: Path, fields: dict[str, Any]) -> dict[str, Any]:
    """Experiment 2: plain cross-entropy on one set of labels, with its curves on the test part."""
    result = desk.train(name, data, method="ce", curves=True, **fields)
    seen = curves(result.out, ("test_accuracy", "test_loss"))
    last, best = quality(result.metrics), quality(result.metrics, "best")
    figures = {**last, "early": best["accuracy"], "peak": max(seen["test_accuracy"])}
    return {"figures": figures, "curves": seen, **correct(result.out)}


def tables(records: Sequence[Record]) -> list[Table]:
    return [found_table(records), learned_table(records)]


def found_table(records: Sequence[Record]) -> Table:
    """Experiment 1."""
    rows = [
        Row(
            one["condition"],
            "consensus-detector" if name == "consensus" else name,
            one["seed"],
            figures,
            one["found"][name],
            one["patients"],
        )
        for one in records
        for name, figures in one["detection"].items()
    ]
    return Table(
        "Experiment 1: what is found of 6 % wrong labels",
        rows,
        FOUND,
        "loss-sequence",
        everywhere(records, P3_FOUND),
        WORDS,
        notes=(
            "Sensitivity and specificity by each detector's own cut; sensitivity at 9515 at P3's specificity.",
        ),
        drawn="patients whose labels are wrong, at the same cuts",
    )


def learned_table(records: Sequence[Record]) -> Table:
    """Experiment 2."""
    rows = [
        Row(
            one["condition"],
            name,
            one["seed"],
            {**this["figures"], "answers": one["answers"].get(REVIEWED.get(name, ""))},
            this["units"],
            this["groups"],
        )
        for one in records
        for name, this in one["learned"].items()
    ]
    return Table(
        "Experiment 2: training again",
        rows,
        (*LEARNED, "answers"),
        "noisy",
        everywhere(records, P3_LEARNED),
        WORDS,
        notes=(
            "Accuracy of the last epoch; early: of the epoch that the noisy validation part likes best; peak: of "
            "the epoch that is best on the test part, which is how the paper chooses: not to be had in practice.",
        ),
    )


def everywhere(records: Sequence[Record], paper: Mapping[str, Figures]) -> dict[tuple[str, str], Figures]:
    """The paper's figures beside each of our data sets."""
    return {(one["condition"], name): said for one in records for name, said in paper.items()}


REVIEWED = {"reviewed": "loss-sequence", "consensus": "consensus"}


def figures(records: Sequence[Record]) -> dict[str, list[Panel]]:
    return {"figure4": figure4(records), "figure6": figure6(records)}


def figure4(records: Sequence[Record]) -> list[Panel]:
    """Loss sequences of 20 samples of each kind, of the first seed; thick, the mean of all."""
    panels = []
    for one in first_seed(records):
        lines = []
        for kind, colour in (("right", 1), ("wrong", 2)):
            seen, mean = one["sequences"][kind], one["sequences"][f"{kind}_mean"]
            x = range(1, len(mean[0]) + 1)
            lines += [Line(f"{len(seen)} {kind} labels", x, y, colour=colour, faint=True) for y in seen]
            lines += [Line(f"mean of all {kind} ones", x, y, colour=colour) for y in mean]
        panels.append(
            Panel(f"{words(one['condition'])}: figure 4", "epoch", "loss of the given label", lines)
        )
    return panels


def words(code: str) -> str:
    return WORDS.get(code, code)


def first_seed(records: Sequence[Record]) -> list[Record]:
    least = min((one["seed"] for one in records), default=0)
    return [one for one in records if one["seed"] == least]


def figure6(records: Sequence[Record]) -> list[Panel]:
    """Accuracy and loss on the test part, epoch by epoch."""
    panels = []
    for condition in dict.fromkeys(one["condition"] for one in records):
        for name, word in (("test_accuracy", "accuracy"), ("test_loss", "loss")):
            lines = []
            for colour, which in enumerate(SETS):
                courses = [
                    one["learned"][which]["curves"][name] for one in records if one["condition"] == condition
                ]
                mean, spread = over_seeds(courses)
                lines.append(Line(SETS[which], range(1, len(mean) + 1), mean, spread, colour))
            panels.append(Panel(f"{words(condition)}: figure 6", "epoch", f"test {word}", lines))
    return panels


BENCH = Bench(
    name="loss-sequence",
    title="P3: wrong labels by their loss sequences, and what their repair brings",
    paper="Zhang et al. 2020 find, with Inception-v3 on fundus images of which 6 % have wrong labels, 75.3 % of "
    "these at 95.2 % specificity. After review of what was flagged (9.1 % of the images) the best accuracy of 30 "
    "epochs rises from 95.93 to 96.50 %; with clean labels it is 96.57 %.",
    roles=(
        Role((KAGGLE_DR, HAM), PHANTOMS),
        Role((KAGGLE_DR, CHEST), PHANTOMS_BINARY),
    ),
    quick=Scale((1,), {"train": 1600, "val": 300, "test": 800}, {"effort": "fast"}),
    full=Scale((1, 2, 3), {}, {"effort": "full", "size": 224, "epochs": 30, "augment": "flip"}),
    cells=cells,
    run=run,
    tables=tables,
    figures=figures,
    notes=(
        "Noise: 6 % of the labels of train and val, as many from and to each class (on HAM10000 symmetric). The "
        "audit fine-tunes for 8 epochs and takes the losses of the training pass; what it flags goes to a simulated "
        "expert, each answer charged. Then plain cross-entropy, the same recipe for every set of labels.",
    ),
)
