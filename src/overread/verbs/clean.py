"""`overread clean`: labels are bought back round by round, where it helps most."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from overread.data.load import load
from overread.data.options import DataOptions
from overread.data.parts import parted
from overread.data.reading import Reading
from overread.data.task import task_of
from overread.errors import InputError
from overread.files import write_json, write_whole
from overread.processes import started
from overread.run import check_out, open_run
from overread.verbs.cleaning import setting_up
from overread.verbs.cleaning.answers import check_answers, take_answers, waiting_round
from overread.verbs.cleaning.beginning import begun
from overread.verbs.cleaning.changed import write_changed
from overread.verbs.cleaning.config import CleanConfig
from overread.verbs.cleaning.desk import Desk
from overread.verbs.cleaning.first import First, first_phase, prepared
from overread.verbs.cleaning.rounds import WAITING, Rounds, cleaned
from overread.verbs.cleaning.summary import evidence_now, measured, summarise, waiting_words
from overread.verbs.predictions import held_table
from overread.verbs.report import report
from overread.verbs.setting_up import begin, data_of, first_size, identity_of
from overread.verbs.training import say

POLL = 3.0  # seconds between two looks at the label store


@dataclass(frozen=True)
class CleanResult:
    """What cleaning gave: `rounds` is rounds.csv, `state` "done" or "waiting" for people to answer."""

    out: Path
    state: str
    summary: dict[str, Any]
    rounds: pd.DataFrame


def clean(
    source: str | Path,
    out: str | Path,
    options: DataOptions | None = None,
    config: CleanConfig | None = None,
    *,
    answers: Path | None = None,
    wait: bool = False,
    resume: bool = False,
    quiet: bool = False,
    command: Sequence[str] | None = None,
) -> CleanResult:
    """Buys labels of `source` back, round by round, and writes the run folder `out`.

    With `--expert queue` a round is written to the queue, and the run waits: it ends in the state "waiting" and goes
    on with `resume` once the round is answered; with `wait` it stays and looks again every few seconds. `answers`
    is a filled-in queue.csv. Raises `InputError` where the data, a flag or the folder is wrong.
    """
    out, options, config = Path(out), options or DataOptions(), config or CleanConfig()
    if started().size > 1:
        raise InputError("`overread clean` works in one process. Start it without torchrun.")
    check_out(out, resume)
    check_answers(out, config.expert, answers, wait)
    config = setting_up.settled(config, task_of(source, options))
    setup = setting_up.set_up_cleaning(config, quiet)
    reading, images = load(source, options, first_size(config), setup.cache, quiet=setup.quiet)
    manifest = parted(reading.manifest, config.val_share, config.seed, whole=options.split is not None)
    setting_up.check_data(manifest, config)
    run = open_run(
        out, "clean", identity_of(reading, config), command or [], config.seed, data_of(reading, options)
    )
    if run.is_done:
        return read_back(out)
    if answers is not None:
        with closing(setting_up.opened_store(config, manifest, run)) as store:
            taken = take_answers(store, manifest.classes, answers, waiting_round(out))
        say(f"{taken} new answers taken from {answers}.", setup)
    with run.running():
        begin(out, config, manifest, reading.readings)
        with closing(setting_up.opened_store(config, manifest, run)) as store:
            with run.stage("learn"):
                desk, gathering = prepared(begun(manifest, run, store), images, config, setup, run, store)
                first = first_phase(desk, gathering)
            with run.stage("rounds"):
                rounds = bought(desk, first, wait)
            result = conclude(desk, reading, first, rounds)
    if rounds.end != WAITING:
        shutil.rmtree(run.checkpoint, ignore_errors=True)
    return result


def bought(desk: Desk, first: First, wait: bool) -> Rounds:
    """The rounds, to their end or until people have to answer; with `wait` it waits for them."""
    rounds = cleaned(desk, first, lambda text: say(text, desk.setup))
    while wait and rounds.end == WAITING:
        say(waiting_words(desk, rounds), desk.setup)
        while is_waiting(desk, rounds):
            time.sleep(POLL)
        rounds = cleaned(desk, first, lambda text: say(text, desk.setup))
    return rounds


def is_waiting(desk: Desk, rounds: Rounds) -> bool:
    """Whether a round lacks answers."""
    state = desk.store.progress(rounds.items[0].round, desk.config.readers)
    return state.answered < state.items


def conclude(desk: Desk, reading: Reading, first: First, rounds: Rounds) -> CleanResult:
    """Writes what is known: summary.json, metrics.json, predictions.csv, evidence.npz and the report."""
    run = desk.run
    write_whole(run.path / "evidence.npz", evidence_now(desk, rounds).save)
    write_json(run.path / "metrics.json", measured(desk, rounds))
    if (model := rounds.look.model) is not None and model.held:
        table = held_table(desk.manifest, model.held)
        write_whole(run.path / "predictions.csv", lambda part: table.to_csv(part, index=False))
    summary = summarise(desk, reading, first, rounds)
    write_json(run.path / "summary.json", summary)
    write_changed(desk, rounds.look)
    if rounds.end != WAITING:
        (run.path / "queue.csv").unlink(missing_ok=True)
    run.finish(WAITING if rounds.end == WAITING else "done")
    report(run.path)
    return CleanResult(run.path, summary["state"], summary, pd.read_csv(run.path / "rounds.csv"))


def read_back(out: Path) -> CleanResult:
    """The result of a run that is done; its last acts are repeated where they were cut short."""
    report(out)
    shutil.rmtree(out / "checkpoint", ignore_errors=True)
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return CleanResult(out, summary["state"], summary, pd.read_csv(out / "rounds.csv"))
