"""An audit of labels that several annotators gave: what it keeps of them, shows, and hands on to the label store."""

from __future__ import annotations

import pandas as pd

import overread
from overread.cli.show import show_audit
from overread.data.options import DataOptions
from overread.store import LabelStore
from overread.verbs.config import AuditConfig


def test_readings_stay_in_the_run_and_become_opinions_by_import(colours, tmp_path, capsys):
    one = pd.read_csv(colours / "labels.csv", dtype=str)
    odd = one.head(3).assign(label="pink")  # two readers against one, who names a class of no image
    said = [one.assign(reader="Ann"), one.assign(reader="Bob"), odd.assign(reader="=Eve")]
    table = colours / "long.csv"
    pd.concat(said).to_csv(table, index=False)
    options = DataOptions(reader_col="reader")
    config = AuditConfig(effort="fast", network="tiny", size=16, epochs=2, cache=str(tmp_path / "cache"))
    result = overread.audit(table, tmp_path / "run", options, config, quiet=True)
    assert len(result.suspects) == len(one)
    assert len(pd.read_csv(result.out / "readings.csv")) == 2 * len(one) + 3
    show_audit(result)
    assert "Readers  3 gave 147 labels, Krippendorff's alpha 0." in capsys.readouterr().out
    page = (result.out / "report.html").read_text()
    assert "Krippendorff&#39;s alpha" in page
    assert '<td class="name">=Eve</td>' in page
    done = overread.import_answers(result.out, result.out / "readings.csv", "csv")
    assert (done.new, done.readers) == (147, {"=Eve": 3, "Ann": 72, "Bob": 72})
    assert overread.import_answers(result.out, result.out / "readings.csv", "csv").new == 0
    store = LabelStore.open(result.out / "labels.sqlite")
    now = store.current()
    assert list(now.label) == list(one["label"])
    assert list(now.verified[:4]) == [False, False, False, True]
    assert not any(entry.authority for entry in store.opinions())
    store.close()
