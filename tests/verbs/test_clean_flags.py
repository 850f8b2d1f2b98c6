"""What each flag of `overread clean` does: first phases, trust, updates, samplers, settings."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from overread.engine.evidence import Evidence

STARTS = {
    "none": {"start": "none"},
    "none, all": {"start": "none", "update": "all", "method": "ousm"},
    "ce, nothing trusted": {"trust": "none"},
    "ce, its small losses": {"trust": "method", "retrain": True},
    "P4": {"start": "co-teaching-vog", "trust": "method", "settings": {"mix": "0.5", "window": "2"}},
    "P4, consensus": {"start": "co-teaching-vog", "trust": "consensus", "noise_rate": 0.2},
    "ousm": {"start": "ousm", "sampler": "random"},
    "Bernhardt": {
        "start": "co-teaching",
        "trust": "none",
        "update": "all",
        "sampler": "bernhardt",
        "readers": 3,
    },
    "all, by vog": {"start": "co-teaching-vog", "update": "all", "sampler": "margin"},
    "all, ousm of the run": {
        "update": "all",
        "method": "ousm",
        "settings": {"rank": "run", "rebalance": "0.5"},
        "sampler": "entropy",
        "balanced": True,
    },
}


@pytest.mark.parametrize("flags", STARTS.values(), ids=STARTS)
def test_first_phases_and_updates(cleaning, flags, colours, tmp_path):
    result = cleaning.run(colours, tmp_path / "run", **flags)
    assert result.rounds["verified"].iloc[-1] + result.summary["labels"]["closed"] <= 8
    assert result.rounds["asked"].tolist() == [0, 4, 4]
    assert 0 <= result.rounds["val_given_accuracy"].iloc[-1] <= 1
    learned = result.rounds["learned_from"].tolist()
    if flags.get("update") == "all":
        assert learned == [64, 64, 64]
    elif flags.get("start") == "none" or flags.get("trust") == "none":
        assert learned == [0, 4, 8]
    else:
        assert 0 < learned[0] <= learned[-1] + 8


@pytest.mark.parametrize(
    "sampler", ["random", "entropy", "least-confidence", "margin", "coreset", "bernhardt"]
)
def test_samplers(cleaning, sampler, colours, tmp_path):
    result = cleaning.run(colours, tmp_path / "run", sampler=sampler, budget=4, rounds=1, trust="none")
    assert len(cleaning.picked(tmp_path / "run")) == 4
    assert "not" in result.summary["stop"]["words"]
    assert cleaning.table(tmp_path / "run")["confirmed_in_a_row"].tolist() == ["", ""]


def test_a_sampler_of_ones_own(cleaning, colours, tmp_path):
    own = tmp_path / "own.py"
    own.write_text(
        "import numpy as np\n\ndef last(pool, budget, rng):\n    return np.flatnonzero(pool.askable)[::-1][:budget]\n"
    )
    cleaning.run(colours, tmp_path / "run", sampler=f"{own}:last", trust="none", rounds=2, budget=4)
    ids = Evidence.load(tmp_path / "run" / "evidence.npz").ids.tolist()
    assert [sample for _, _, sample in cleaning.picked(tmp_path / "run")] == ids[::-1][:4]


def test_balanced_asks_about_every_class(cleaning, colours, tmp_path):
    cleaning.run(colours, tmp_path / "run", sampler="random", balanced=True, start="none", rounds=1, budget=6)
    given = pd.read_csv(colours / "labels.csv", index_col="image")["label"]
    assert given[[sample for _, _, sample in cleaning.picked(tmp_path / "run")]].value_counts().tolist() == [
        2,
        2,
        2,
    ]


def test_set_reaches_the_first_phase_and_the_rounds(cleaning, colours, tmp_path):
    flags = {"start": "co-teaching-vog", "update": "all", "method": "ousm", "rounds": 1, "budget": 2}
    cleaning.run(colours, tmp_path / "run", **flags, settings={"mix": "0.3", "rank": "run", "drop": "0.2"})
    model = json.loads((tmp_path / "run" / "model" / "model.json").read_text())
    assert (model["method"], model["settings"]) == ("ousm", {"rank": "run", "drop": "0.2"})


def test_the_noise_rate_where_it_is_known(cleaning, colours, tmp_path):
    result = cleaning.run(colours, tmp_path / "run", noise_rate=0.25, start="co-teaching", trust="method")
    assert result.summary["noise_rate"]["estimate"] == 0.25
    assert result.rounds["learned_from"].iloc[0] == 48  # three quarters of 64


@pytest.mark.parametrize(
    ("flags", "epochs"),
    [
        ({}, "rounds"),
        ({"start": "none"}, "rounds"),
        ({"balance": "none"}, "never"),
        ({"update": "all"}, "never"),
        ({"balance": "sampler"}, "always"),
    ],
)
def test_rounds_show_each_class_of_what_is_trusted_equally_often(
    cleaning, flags, epochs, colours, tmp_path, monkeypatch
):
    from overread.engine import loop

    seen, plain = [], loop.balanced
    monkeypatch.setattr(
        loop, "balanced", lambda rows, y, *more: seen.append(len(rows)) or plain(rows, y, *more)
    )
    result = cleaning.run(colours, tmp_path / "run", **flags)
    if epochs == "never":
        assert seen == []
    elif epochs == "rounds":  # never the labels as they are given
        assert set(seen) <= {n for n in result.rounds["learned_from"] if n > 1}
        assert result.rounds["learned_from"].iloc[-1] in seen
    else:
        assert {64, *result.rounds["learned_from"]} == set(seen)
    report = (tmp_path / "run" / "config.toml").read_text()
    assert f'balance = "{flags.get("balance", "auto")}"' in report


@pytest.mark.parametrize(
    ("flags", "alone"),
    [
        ({"sampler": "suspicion"}, False),
        ({"sampler": "random"}, False),
        ({"sampler": "suspicion", "balanced": True}, True),
        ({"sampler": "entropy"}, True),
    ],
)
def test_the_forecast_rests_on_answers_that_speak_for_the_rest(cleaning, flags, alone, colours, tmp_path):
    result = cleaning.run(colours, tmp_path / "run", rounds=1, budget=4, **flags)
    words = result.summary["forecast"]["words"]
    assert words.startswith("This rests on p_wrong alone" if alone else "Of 4 answered labels")
    assert ("--balanced" in words) == flags.get("balanced", False)
