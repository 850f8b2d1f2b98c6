"""What a run of cleaning leaves for its page: which labels became which, the changed images, and the page itself."""

import json

import numpy as np
import pandas as pd


def test_which_labels_became_which(cleaning, colours, tmp_path):
    summary = cleaning.run(colours, tmp_path / "run", budget=12).summary
    names, table = summary["classes"], np.array(summary["given_vs_current"])
    given = pd.read_csv(tmp_path / "run" / "manifest.csv", index_col="id")
    given = given[given["split"] == "train"]["given"]
    said = {sample: label for sample, _, _, label, _ in cleaning.said(tmp_path / "run")}
    expected = pd.crosstab(given[list(said)].to_numpy(), list(said.values()))
    assert table.tolist() == expected.reindex(index=names, columns=names, fill_value=0).to_numpy().tolist()
    current = given.to_dict() | said
    for code, name in enumerate(names):
        assert summary["per_class"][name] == {
            "samples": (given == name).sum(),
            "asked": (given[list(said)] == name).sum(),
            "named": table[code].sum(),
            "changed": table[code].sum() - table[code, code],
            "now": list(current.values()).count(name),
        }
    assert sum(row["changed"] for row in summary["per_class"].values()) == summary["changed"] > 0


def test_the_changed_images(cleaning, colours, tmp_path):
    run = cleaning.run(colours, tmp_path / "run", budget=12)
    gallery = json.loads((tmp_path / "run" / "gallery.json").read_text())
    said = {sample: (label, number) for sample, _, _, label, number in cleaning.said(tmp_path / "run")}
    assert len(gallery) == run.summary["changed"] > 0
    assert [card["p_wrong"] for card in gallery] == sorted(card["p_wrong"] for card in gallery)
    for card in gallery:
        assert (card["current"], card["round"]) == said[card["id"]]
        assert card["given"] != card["current"]
        assert (tmp_path / "run" / card["thumb"]).read_bytes().startswith(b"\xff\xd8\xff")
    assert (tmp_path / "run" / "report.html").read_text().count('<img class="thumb"') == len(gallery)


def test_a_round_that_waits_counts_what_was_finished(cleaning, colours, tmp_path):
    run = cleaning.run(colours, tmp_path / "run", expert="queue")
    assert all(row["asked"] == row["changed"] == 0 for row in run.summary["per_class"].values())
    assert np.sum(run.summary["given_vs_current"]) == 0
    assert json.loads((tmp_path / "run" / "gallery.json").read_text()) == []
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Round 1 waits for answers: 0 of 4 labels are answered." in page
    assert "--resume --answers RUN/queue.csv" in page
