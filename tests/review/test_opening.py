"""What `overread review` accepts, what it asks, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

import overread
from overread.cli.main import main
from overread.errors import InputError
from overread.reviewing.opening import opened
from overread.reviewing.settings import ReviewSettings


def words_of(run, **settings):
    review, words = opened(run, ReviewSettings(**settings))
    with review.turn() as now:
        count = len(now.table)
    review.close()
    return words, count


def test_what_the_audit_flagged_is_asked(labels_run):
    assert words_of(labels_run) == ("The audit flagged 10 labels: these are read, most suspicious first.", 10)
    assert words_of(labels_run) == ("10 labels to read, as the queue has them.", 10)


def test_a_budget_asks_for_the_worst(labels_run):
    assert words_of(labels_run, budget=3) == ("The 3 labels that the audit doubts most are read.", 3)
    assert words_of(labels_run, budget=2)[1] == 2
    assert words_of(labels_run, budget=5)[1] == 5
    assert words_of(labels_run, budget=100)[1] == 10


def test_where_nothing_is_flagged_it_says_what_is_asked(make_run):
    run = make_run(24, lambda row: False)
    words, count = words_of(run)
    assert words == "The audit flagged nothing: the 20 labels that look most suspicious are read."
    assert count == 20


def test_masks_are_asked_by_structure(masks_run):
    assert words_of(masks_run) == ("The audit flagged 3 masks: these are read, most suspicious first.", 3)


@pytest.mark.parametrize(
    ("info", "word"),
    [
        ({"verb": "train", "state": "done"}, "Review is for one of `overread audit` or `overread clean`"),
        ({"verb": "audit", "state": "interrupted"}, "is not finished"),
        ({"verb": "clean", "state": "waiting"}, "it has no label store"),
        ([], "expected an object"),
    ],
)
def test_what_cannot_be_reviewed(labels_run, info, word):
    (labels_run / "run.json").write_text(json.dumps(info))
    with pytest.raises(InputError, match=re.escape(word)):
        words_of(labels_run)


def test_what_is_no_run(tmp_path, labels_run):
    with pytest.raises(InputError, match="there is no run"):
        words_of(tmp_path)
    (labels_run / "manifest.csv").write_text("image\n1.png\n")
    with pytest.raises(InputError, match="column given, group, id is missing"):
        words_of(labels_run)


def test_the_truth_is_not_read(labels_run):
    from overread.reviewing.source import read_columns

    text = (labels_run / "manifest.csv").read_text().splitlines()
    lines = [f"{text[0]},true,true_mask_lungs", *(f"{line},nv,x.png" for line in text[1:])]
    (labels_run / "manifest.csv").write_text("\n".join(lines))
    assert set(read_columns(labels_run / "manifest.csv")) == {"id", "image", "given", "group"}


def started(run, *flags):
    """The server as people start it, and its link."""
    command = [sys.executable, "-m", "overread", "review", str(run), "--no-browser", "--port", "0", *flags]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = []
    while not (lines and lines[-1].startswith("Open ")):
        lines.append(server.stderr.readline())
        assert lines[-1], lines
    return server, lines[-1].split()[1], "".join(lines)


def test_it_serves_until_ctrl_c_and_says_what_comes_next(labels_run):
    server, link, words = started(labels_run, "--reader", "ann")
    try:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/enter#[\w-]{30,}\n", f"{link}\n")
        assert "WARNING" not in words
        with urllib.request.urlopen(link.partition("#")[0]) as page:
            assert page.status == 200
    finally:
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=30)
    assert server.returncode == 0, err
    assert "Read     0 of 10\n" in out
    assert f"Next     overread export {labels_run} -o labels --to csv\n" in out
    assert "enter" not in err.replace("Interrupted", "")  # no access log


def test_others_are_let_in_only_with_a_warning(labels_run):
    server, link, words = started(labels_run, "--host", "0.0.0.0", "--json")
    server.send_signal(signal.SIGINT)
    out, _ = server.communicate(timeout=30)
    assert "WARNING: others on the network can reach this page" in words
    assert "127.0.0.1" not in link
    assert json.loads(out)["items"] == 10


def test_it_ends_also_where_who_started_it_ignores_ctrl_c(labels_run):
    """As `command &` in a script does: the signal is heard from the moment the link is told."""
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is started now inherits it
    try:
        server, _, _ = started(labels_run)
    finally:
        signal.signal(signal.SIGINT, former)
    server.send_signal(signal.SIGINT)
    server.communicate(timeout=60)
    assert server.returncode == 0


def test_a_port_that_is_taken(labels_run, capsys):
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert main(["review", str(labels_run), "--no-browser", "--port", str(port)]) == 2
    assert f"Name another: --port {port + 1}" in capsys.readouterr().err


def test_verify(labels_run, serve, capsys):
    desk = serve(labels_run)
    ann = desk.person("ann")
    ann.read(count=3)
    head = desk.review.store.head()[1]
    desk.review.close()
    assert main(["review", str(labels_run), "--verify", "--head", head]) == 0
    assert f"Head: {head}" in capsys.readouterr().out
    assert main(["review", str(labels_run), "--verify", "--head", "0" * 64]) == 1
    assert main(["review", str(labels_run), "--head", head]) == 2
    assert "--head is for --verify" in capsys.readouterr().err


def test_it_is_a_function_too(labels_run, monkeypatch):
    monkeypatch.setattr("overread.verbs.review.serve", lambda *_: None)
    found = overread.review(labels_run, ReviewSettings(port=0), browser=False, quiet=True)
    assert (found.items, found.answered, found.readers) == (10, 0, {})
    assert found.summary["out"] == str(labels_run)


def test_what_is_written_is_for_the_owner_alone(labels_run, monkeypatch):
    import stat

    monkeypatch.setattr("overread.verbs.review.serve", lambda *_: None)
    overread.review(labels_run, ReviewSettings(port=0), browser=False, quiet=True)
    for name in ("labels.sqlite", "review.sqlite"):
        assert stat.S_IMODE((labels_run / name).stat().st_mode) == 0o600
