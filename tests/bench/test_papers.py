"""The tables and figures of every paper, from records made by hand: nothing is trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from overread.benches import (
    active_cleaning,
    cascade_table1,
    loss_sequence,
    memorisation,
    ousm_table1,
    pick_and_learn,
)
from overread.benches.desk import Desk
from overread.benches.figures import draw
from overread.benches.sources import Source
from overread.benches.tables import as_markdown
from overread.measure import sensitivity_at

QUALITY = {"accuracy": 0.8, "balanced_accuracy": 0.7, "macro_f1": 0.6, "auroc": 0.9}
NAMED = {"named": [["nv", "nv"], ["df", "nv"]], "groups": ["a", "b"]}
UNITS = {"units": [1.0, 0.0], "groups": ["a", "b"]}


def cells(plan, quick=False, sources=("ham10000",)):
    there = {
        name: Source(name, name, "stand-in", Path(), {"images": {"train": 100}, "structures": ["lungs"]})
        for name in sources
    }
    return plan.cells(Desk(plan, Path(), there, quick, (1, 2)))


def records(plan, make, **more):
    return [
        {"condition": one.condition, "method": one.method, "seed": one.seed, **make(one)}
        for one in cells(plan, **more)
    ]


def of_masks(cell):
    dice = {
        "average": 0.8,
        "lungs": 0.9,
        "heart": 0.8,
        "clavicles": 0.7,
        "dice": 0.9,
        "given": 0.6,
        "corrected": 0.7,
    }
    judged = {f"{kind}_{what}": [1.0, 0.5] for kind in ("right", "wrong") for what in ("mean", "variance")}
    return {
        "figures": dice,
        "early": {**dice, "dice": 0.91},
        "curves": {"loss": [0.5, 0.4], "test_dice": [0.7, 0.8]},
        "weights": {**judged, "auroc": [0.5, 0.9]}
        if "qam" in cell.method and cell.condition != "00"
        else None,
        **UNITS,
    }


def of_labels(cell):
    return {"figures": QUALITY, "early": {**QUALITY, "accuracy": 0.85}, **UNITS}


def of_course(cell):
    found = {"auroc": 0.9, "ap": 0.5, "sensitivity": 0.7, "specificity": 0.95, "sensitivity_at_9515": 0.7}
    names = ("loss-sequence", "loss-sequence-raw", "confident-learning", "consensus", "rarity")
    learned = {**QUALITY, "early": 0.8, "peak": 0.82}
    curve = {"test_accuracy": [0.7, 0.8], "test_loss": [0.6, 0.5]}
    lines = {f"{kind}{part}": [[2.0, 1.0]] for kind in ("right", "wrong") for part in ("", "_mean")}
    return {
        "detection": dict.fromkeys(names, found),
        "found": {name: [1.0, 0.0] for name in names},
        "patients": ["1", "2"],
        "answers": {"loss-sequence": 9, "consensus": 8},
        "sequences": lines,
        "learned": {name: {"figures": learned, "curves": curve, **UNITS} for name in loss_sequence.SETS},
    }


def of_cleaning(cell):
    if cell.method == "ceiling":
        return {"kind": "ceiling", "figures": QUALITY, **NAMED}
    if cell.method in active_cleaning.KEEPERS:
        kept = {"clean": 9, "recall": 0.5, "guess": 0.4}
        return {
            "kind": "kept",
            "figures": QUALITY,
            "classes": dict.fromkeys(("DF", "VASC", "SCC", "NV"), kept),
        }
    first = None if cell.method.startswith("al") else 0.3
    rows = [
        {
            "bought": bought,
            "repaired": bought // 2,
            "test_true_macro_f1": f1,
            "test_true_balanced_accuracy": 0.5,
        }
        for bought, f1 in ((0, first), (10, 0.4), (20, 0.5))
    ]
    return {"kind": "course", "rounds": rows, **NAMED}


def of_errors(cell):
    course = [0.4, 0.2]
    return {
        "figures": dict.fromkeys(memorisation.FIGURES, 0.2) | {"epoch_of_least": 2.0},
        "curves": dict.fromkeys(memorisation.COURSES, course),
    }


MADE = {
    "ousm": (ousm_table1.BENCH, of_labels),
    "memorisation": (memorisation.BENCH, of_errors),
    "loss-sequence": (loss_sequence.BENCH, of_course),
    "active": (active_cleaning.BENCH, of_cleaning),
    "pick": (pick_and_learn.BENCH, of_masks),
    "cascade": (cascade_table1.BENCH, of_masks),
}


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("name", MADE)
def test_papers_tables_and_figures_stand_on_records(name, quick, tmp_path):
    plan, make = MADE[name]
    made = records(plan, make, quick=quick)
    for some in (made, made[:1]):  # one cell alone says something too
        for table in plan.tables(some):
            lines = [line for line in as_markdown(table) if line.startswith("|")]
            assert len(lines) > 2
            assert len({line.count("|") for line in lines}) == 1
        panels = plan.figures(some)
        assert panels
    for figure, found in plan.figures(made).items():
        assert all(panel.lines for panel in found), figure
        draw(found, tmp_path / f"{figure}.png", "made by hand")
        assert (tmp_path / f"{figure}.png").stat().st_size > 5000


def lines_of(name, title, **more):
    plan, make = MADE[name]
    table = next(one for one in plan.tables(records(plan, make, **more)) if one.title.startswith(title))
    return {(line["condition"], line["method"]): line for line in table.lines()}


def test_papers_figures_are_those_that_were_printed():
    ousm = lines_of("ousm", "Accuracy")
    assert ousm["40 %", ousm_table1.WORDS["ousm-plof"]]["paper"] == {"accuracy": 0.757}
    assert ousm["40 %", ousm_table1.WORDS["ousm-plof"]]["paper_difference"] == pytest.approx(0.104)
    assert ousm["40 %", ousm_table1.WORDS["ce-early"]]["figures"]["accuracy"]["mean"] == 0.85
    pick = lines_of("pick", "Dice")
    assert pick["75 %, 5-13 px", "QAM"]["paper"]["clavicles"] == 0.366
    assert pick["clean", "U-Net, cross-entropy"]["paper"]["average"] == 0.915
    cascade = lines_of("cascade", "Table 1")
    assert cascade["50 %", "SS + JO from 50 %"]["paper"] == {"dice": 0.9003}
    assert len(cascade_table1.PAPER) == 23
    assert len(pick_and_learn.PAPER) == 28


def test_papers_four_analyses_of_the_cascade_are_there():
    plan, make = MADE["cascade"]
    titles = [table.title[:10] for table in plan.tables(records(plan, make))]
    assert titles == ["Table 1: D", "Analysis 1", "Analysis 2", "Analysis 3", "Analysis 4"]
    weights = lines_of("cascade", "Analysis 3")
    assert [method for _, method in weights] == ["0.0", "0.25", "0.5", "0.75", "1.0"]


def test_papers_figures_of_a_course_start_when_something_is_known():
    nothing = active_cleaning.course_figures(of_cleaning(next(iter(cells(active_cleaning.BENCH)[3:4]))))
    assert nothing["at_start"] is None
    assert nothing["mean"] == pytest.approx(0.45)
    assert nothing["repaired_per_label"] == 0.5


def test_found_labels_are_those_of_the_sensitivity_that_is_told():
    rng = np.random.default_rng(0)
    wrong = rng.random(500) < 0.1
    score = rng.normal(size=500) + 2 * wrong
    told = sensitivity_at(score, wrong, loss_sequence.SPECIFICITY)
    assert np.mean(loss_sequence.found_of(score, wrong)) == pytest.approx(told)
    assert 0.1 < told < 0.9


def test_the_gain_of_corrected_masks_is_not_that_of_the_test_part():
    plan = cascade_table1.BENCH
    made = [
        {**one, "units": [0.1, 0.1] if one["method"] == "unet" else [0.9, 0.9]}
        for one in records(plan, of_masks)
    ]
    labels = plan.tables(made)[-1]
    assert "Analysis 4" in labels.title
    gains = [line["difference"] for line in labels.lines() if line["difference"]]
    assert gains
    assert all(gain["value"] == 0.0 for gain in gains)  # the records by hand have the same corrected masks
