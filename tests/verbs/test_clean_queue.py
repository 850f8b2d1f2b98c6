"""`overread clean --expert queue`: a round is put to people, waits, takes their answers, and goes on."""

from __future__ import annotations

import json
import threading
import time
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from overread.engine.evidence import Evidence
from overread.errors import InputError
from overread.exporting.asked import questions, round_of_run
from overread.exporting.labels import labels_of
from overread.reporting.cleaning import read_clean_run
from overread.store import LabelStore, Opinion
from overread.verbs.cleaning.answers import round_of, take_answers

COLUMNS = ["round", "place", "id", "image", "label", "suggested", "p_wrong", "answer", "reader", "reason"]


def queue_of(out):
    return pd.read_csv(out / "queue.csv", dtype=str, keep_default_na=False)


def truth_of(source):
    return pd.read_csv(source / "labels.csv", index_col="image")["true_label"]


def filled(out, source, file="answers.csv", reader=""):
    """queue.csv with every true label in the column `answer`, as a file of its own."""
    queue = queue_of(out)
    queue["answer"], queue["reader"] = truth_of(source)[queue["id"]].to_numpy(), reader
    queue.to_csv(out.parent / file, index=False)
    return out.parent / file


def state(out):
    return json.loads((out / "run.json").read_text())["state"]


def test_people_answer_round_after_round(cleaning, colours, tmp_path):
    out = tmp_path / "run"
    waiting = cleaning.run(colours, out, expert="queue")
    assert (waiting.state, state(out)) == ("waiting", "waiting")
    assert waiting.summary["waiting"] == {"round": 1, "items": 4, "answered": 0}
    assert waiting.rounds["round"].tolist() == [0]
    queue = queue_of(out)
    assert queue.columns.tolist() == COLUMNS
    assert queue["round"].tolist() == ["1"] * 4
    assert queue["place"].tolist() == ["1", "2", "3", "4"]
    assert queue["answer"].tolist() == [""] * 4
    given = pd.read_csv(colours / "labels.csv", index_col="image")["label"]
    assert queue["label"].tolist() == given[queue["id"]].tolist()
    assert (queue["label"] != queue["suggested"]).all()

    second = cleaning.run(colours, out, expert="queue", resume=True, answers=filled(out, colours))
    assert (second.state, second.rounds["round"].tolist()) == ("waiting", [0, 1])
    assert set(queue_of(out)["round"]) == {"2"}
    done = cleaning.run(colours, out, expert="queue", resume=True, answers=filled(out, colours))
    assert (done.state, state(out), done.summary["waiting"]) == ("done", "done", None)
    assert not (out / "queue.csv").exists()
    assert not (out / "checkpoint").exists()

    cleaning.run(colours, tmp_path / "oracle")  # who asks people does what the experiment does
    assert cleaning.picked(out) == cleaning.picked(tmp_path / "oracle")
    assert cleaning.table(out).equals(cleaning.table(tmp_path / "oracle"))
    assert (out / "evidence.npz").read_bytes() == (tmp_path / "oracle" / "evidence.npz").read_bytes()


def test_a_round_that_is_answered_in_part_goes_on_waiting(cleaning, colours, tmp_path):
    out = tmp_path / "run"
    cleaning.run(colours, out, expert="queue", rounds=1)
    queue = queue_of(out)
    queue.loc[:2, "answer"] = ["skip", "keep", "keep"]  # who skips has not answered
    queue.to_csv(out / "queue.csv", index=False)
    result = cleaning.run(colours, out, expert="queue", rounds=1, resume=True, answers=out / "queue.csv")
    assert result.summary["waiting"] == {"round": 1, "items": 8, "answered": 2}
    assert queue_of(out).equals(queue)  # what somebody has begun to fill in stays


def test_a_round_saved_by_a_spreadsheet_that_separates_with_semicolons(cleaning, colours, tmp_path):
    out = tmp_path / "run"
    cleaning.run(colours, out, expert="queue", rounds=1)
    queue = queue_of(out)
    queue.loc[:1, "answer"] = ["keep", "keep"]
    queue["p_wrong"] = queue["p_wrong"].str.replace(".", ",")  # as where commas are decimal points
    queue.to_csv(out / "queue.csv", index=False, sep=";", encoding="utf-8-sig")
    result = cleaning.run(colours, out, expert="queue", rounds=1, resume=True, answers=out / "queue.csv")
    assert result.summary["waiting"] == {"round": 1, "items": 8, "answered": 2}
    assert [row["id"] for row in read_clean_run(out).queue] == queue["id"].tolist()  # the report shows it too


def test_what_is_asked_is_known_where_the_table_was_moved_away(cleaning, colours, tmp_path):
    out = tmp_path / "run"
    cleaning.run(colours, out, expert="queue")
    asked = queue_of(out)["id"].tolist()
    (out / "queue.csv").rename(tmp_path / "with-the-experts.csv")
    with closing(LabelStore.open(out / "labels.sqlite", create=False)) as store:
        labels = labels_of(out, tmp_path / "to-send", store)
        assert [str(labels.kept.ids[one.row]) for one in questions(labels)] == asked
        assert round_of_run(out, store) == 1  # as `overread import` asks


@pytest.fixture
def answered(cleaning, colours, tmp_path):
    """Answers to one round of 8: a function of eight cells (and readers) that hands back the finished run."""

    def answer(cells, readers="", reasons=""):
        out = tmp_path / "run"
        cleaning.run(colours, out, expert="queue", rounds=1, trust="none")
        queue = queue_of(out)
        queue["answer"], queue["reader"], queue["reason"] = cells, readers, reasons
        queue.to_csv(tmp_path / "answers.csv", index=False)
        more = {"resume": True, "answers": tmp_path / "answers.csv"}
        return queue, cleaning.run(colours, out, expert="queue", rounds=1, trust="none", **more)

    return answer


def test_answers_that_are_no_label(cleaning, answered, tmp_path):
    cells = ["keep", "unsure", "unreadable", "out-of-scope", "blue", "green", "red", " keep "]
    queue, result = answered(cells, "ann", "blurred")
    assert result.state == "done"
    last = result.rounds.iloc[-1]
    assert (last["asked"], last["bought"], last["cost"]) == (8, 8, 8)
    assert last["changed"] + last["confirmed"] == last["verified"] == last["learned_from"] == 5
    assert result.summary["labels"]["closed"] == 2
    assert result.summary["labels"]["asked"] == 8
    said = {sample: (outcome, label) for sample, _, outcome, label, _ in cleaning.said(tmp_path / "run")}
    assert said[queue["id"][0]] == ("keep", queue["label"][0])
    assert said[queue["id"][2]] == ("unreadable", None)
    assert said[queue["id"][4]] == ("label", "blue")
    evidence = Evidence.load(tmp_path / "run" / "evidence.npz")
    verified = set(evidence.ids[evidence.columns["verified"]])
    assert verified == set(queue["id"][[0, 4, 5, 6, 7]])


def test_everything_that_is_wrong_with_a_table_is_told_at_once(cleaning, colours, tmp_path):
    out = tmp_path / "run"
    cleaning.run(colours, out, expert="queue", rounds=1)
    queue = queue_of(out)
    queue["answer"] = ["bleu", "keep", "keep", "", "yes", "keep", "keep", "keep"]
    queue.loc[1, "id"] = "images/99.png"
    queue = pd.concat([queue, queue.iloc[[5]].assign(answer="red")])
    queue.to_csv(tmp_path / "answers.csv", index=False)
    with pytest.raises(InputError) as told:
        cleaning.run(colours, out, expert="queue", rounds=1, resume=True, answers=tmp_path / "answers.csv")
    text = str(told.value)
    assert "nothing was taken from it" in text
    for words in (
        "line 2: 'bleu'",
        "line 6: 'yes'",
        "line 3: 'images/99.png'",
        "two answers of one reader",
        "line 7",
        "line 10",
        "'blue', 'green', 'red'",
        "unreadable",
    ):
        assert words in text, words
    assert cleaning.said(out) == []
    assert state(out) == "waiting"


def test_no_answers_where_nothing_waits(cleaning, colours, tmp_path):
    with pytest.raises(InputError, match="waits for no answers"):
        cleaning.run(colours, tmp_path / "run", expert="queue", answers=tmp_path / "answers.csv")


def test_no_answers_to_a_run_that_is_done(cleaning, colours, tmp_path):
    out, flags = tmp_path / "run", {"expert": "queue", "rounds": 1}
    cleaning.run(colours, out, **flags)
    answers = filled(out, colours)
    (out / "queue.csv").unlink()  # moved instead of copied: it is not needed
    assert cleaning.run(colours, out, **flags, resume=True, answers=answers).state == "done"
    with pytest.raises(InputError, match="waits for no answers"):
        cleaning.run(colours, out, **flags, resume=True, answers=answers)


def test_a_run_that_nobody_has_answered_keeps_waiting(cleaning, colours, tmp_path):
    first = cleaning.run(colours, tmp_path / "run", expert="queue")
    (tmp_path / "run" / "queue.csv").unlink()
    again = cleaning.run(colours, tmp_path / "run", expert="queue", resume=True)
    assert again.state == "waiting"
    assert again.rounds.equals(first.rounds)
    assert len(queue_of(tmp_path / "run")) == 4


def test_two_readers_agree_or_the_label_is_disputed(cleaning, colours, tmp_path):
    out, flags = tmp_path / "run", {"expert": "queue", "rounds": 1, "readers": 2, "trust": "none"}
    cleaning.run(colours, out, **flags)
    first = filled(out, colours, "ann.csv", "ann")
    one = cleaning.run(colours, out, **flags, resume=True, answers=first)
    assert one.summary["waiting"] == {"round": 1, "items": 8, "answered": 0}  # nobody has read a second time
    second = pd.read_csv(first, dtype=str, keep_default_na=False).assign(reader="bob")
    second.loc[0, "answer"] = next(name for name in ("blue", "red") if name != second.loc[0, "answer"])
    second.loc[1, "answer"] = "unsure"
    second.to_csv(tmp_path / "bob.csv", index=False)
    done = cleaning.run(colours, out, **flags, resume=True, answers=tmp_path / "bob.csv")
    assert done.state == "done"
    evidence = Evidence.load(out / "evidence.npz")
    assert set(evidence.ids[evidence.columns["verified"]]) == set(
        second["id"][1:]
    )  # disputed is not verified
    row = np.flatnonzero(evidence.ids == second["id"][0])[0]
    assert evidence.classes[evidence.given[row]] == second["label"][0]  # and stands as it was given
    last = done.rounds.iloc[-1]
    assert (last["bought"], last["cost"], last["verified"]) == (8, 16, 7)
    assert last["changed"] + last["confirmed"] == 7
    assert "read again" in done.summary["guard"]["words"]
    raw = next(one for one in done.summary["agreement"] if one["name"].startswith("raw"))
    assert raw["value"] == pytest.approx(6 / 7)


def test_waiting_goes_on_by_itself(cleaning, colours, tmp_path, monkeypatch):
    monkeypatch.setattr("overread.verbs.clean.POLL", 0.02)
    out, truth = tmp_path / "run", truth_of(colours)

    def read():
        """Somebody who answers what is asked, one after the other, by the label store alone."""
        for number in (1, 2):
            while not (out / "queue.csv").is_file() or round_of(out / "queue.csv") != number:
                time.sleep(0.02)
            store = LabelStore.open(out / "labels.sqlite", create=False)
            while (item := store.next("ann", number)) is not None:
                store.append(Opinion(item.sample, "ann", "label", truth[item.sample], round=number))
            store.close()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    result = cleaning.run(colours, out, expert="queue", wait=True)
    reader.join(10)
    assert result.state == "done"
    assert result.summary["bought"] == 8
    assert {name for _, name, _, _, _ in cleaning.said(out)} == {"ann"}


@pytest.fixture
def asked(tmp_path):
    """A label store with one round of three samples; two classes bear names that need care."""
    store = LabelStore.open(tmp_path / "labels.sqlite")
    store.register(["a", "=b", "c"], ["skip", "=1+1", "nv"], ["a", "=b", "c"])
    store.enqueue(1, [(name, place, {"label": "nv"}) for place, name in enumerate(("a", "=b", "c"), 1)])
    yield store
    store.close()


CLASSES = ("=1+1", "nv", "skip")


def taken(store, path, text):
    path.write_text(text)
    number = take_answers(store, CLASSES, path, 1)
    return number, [(one.sample, one.reader, one.outcome, one.label) for one in store.opinions()]


def test_a_table_is_taken_once_and_may_be_mended(asked, tmp_path):
    path, first = tmp_path / "queue.csv", "id,answer,reader\na,nv,ann\nc,keep,\n"
    entries = [("a", "ann", "label", "nv"), ("c", "reader", "keep", "nv")]
    assert taken(asked, path, first) == (2, entries)
    assert taken(asked, path, first) == (0, entries)
    entries += [("a", "ann", "unsure", None)]
    assert taken(asked, path, first.replace("a,nv", "a,unsure")) == (1, entries)
    entries += [("a", "ann", "label", "nv")]
    assert taken(asked, path, first) == (1, entries)  # and back again
    assert asked.progress(1).answered == 2


def test_spreadsheets_and_names_that_look_like_formulas(asked, tmp_path):
    found = taken(asked, tmp_path / "queue.csv", "id;answer\n'=b;'=1+1\na;skip\n=b;=1+1\n")
    assert found[1] == [
        ("=b", "reader", "label", "=1+1"),
        ("a", "reader", "label", "skip"),
    ]  # a class is a label


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,label\na,nv\n", "no column answer"),
        ("answer\nnv\n", "no column id"),
        ("id,answer\na,nv,x\n", "does not have the 2 cells"),
        ("id,id,answer\na,a,nv\n", "columns occur twice"),
    ],
)
def test_tables_of_another_kind(asked, tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        taken(asked, tmp_path / "queue.csv", text)
    assert list(asked.opinions()) == []


def test_an_answer_that_was_taken_back_may_be_given_again(asked, tmp_path):
    text = "id,answer,reader\na,nv,ann\n"
    taken(asked, tmp_path / "queue.csv", text)
    asked.append(Opinion("a", "ann", "undo", undoes=1, round=1))
    number, entries = taken(asked, tmp_path / "queue.csv", text)
    assert (number, entries[-1]) == (1, ("a", "ann", "label", "nv"))
    assert asked.progress(1).answered == 1
