"""The page of a training run: from the files alone, safe with any names, and clear about folders that are broken."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys

import pytest

from overread.errors import InputError
from overread.reporting import write_report

EVIL = "<script>alert(1)</script>"
NAMES = [EVIL, "b & c"]


def quality(accuracy, interval=True):
    names = ("accuracy", "balanced_accuracy", "macro_f1")
    row = {"support": 5, "recall": 0.625, "precision": None, "f1": 0.5, "auroc": 0.75}
    return {
        "samples": 10,
        **dict.fromkeys(names, accuracy),
        "auroc": None,
        "log_loss": 0.5,
        "ece": 0.1,
        "per_class": dict.fromkeys(NAMES, row),
        "confusion": [[4, 3], [0, 3]],
        "intervals": {name: [accuracy - 0.1, accuracy + 0.1] if interval else None for name in names},
    }


def metrics():
    last = {
        "epoch": 4,
        "val": {"given": quality(0.611)},
        "test": {"given": quality(0.622), "true": quality(0.833)},
    }
    best = {
        "epoch": 2,
        "val": {"given": quality(0.644)},
        "test": {"given": quality(0.655), "true": quality(0.866)},
    }
    return {"kept": "last", "best_epoch": 2, **last, "last": last, "best": best}


def summary():
    return {
        "overread": "0.1.0",
        "effort": "fast",
        "method": EVIL,
        "starts": f"{EVIL} starts from random weights.",
        "size": 64,
        "samples": 1234,
        "groups": 31,
        "classes": NAMES,
        "parts": {"train": {"samples": 1000}, "val": {"samples": 134}, "test": {"samples": 100}},
        "per_class": {name: {"train": 987, "val": 20, "test": 9, "noise_rate": 0.321} for name in NAMES},
        "noise_rate": {"estimate": 0.2, "low": 0.1, "high": 0.3, "level": 0.95, "how": EVIL, "truth": 0.25},
        "read": {"source": EVIL, "kind": "table", "left_out": [{"image": EVIL, "why": "x"}]},
        "warnings": [EVIL],
        "limits": [EVIL],
    }


@pytest.fixture
def run(tmp_path):
    """A run folder of four epochs, the third of which was told twice."""
    info = {
        "verb": "train",
        "command": ["overread", "train", EVIL],
        "state": "done",
        "seconds": {"learn": 98.0},
    }
    for name, content in (("run", info), ("summary", summary()), ("metrics", metrics())):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    lines = [{"stage": "head-1-of-5", "epoch": 1, "loss": 99.0}]
    for epoch in (1, 2, 3, 3, 4):
        more = {
            "loss": 2 / epoch,
            "val_loss": 1.0,
            "val_accuracy": 0.5 + epoch / 100,
            "val_balanced_accuracy": 0.4,
        }
        lines.append({"stage": "train", "epoch": epoch, **more})
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"stage": "tr')
    (tmp_path / "config.toml").write_text('method = "</pre><script>"\n')
    return tmp_path


def page(run):
    return write_report(run).read_text(encoding="utf-8")


def words(text):
    body = text[text.index("<body>") :]
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", body)))


def change(run, name, **values):
    content = json.loads((run / name).read_text()) | values
    (run / name).write_text(json.dumps(content))


def test_it_says_what_the_files_say(run):
    text = words(page(run)).replace("\u00a0", " ")
    for said in (
        "83.3 % of 10 test images right, 83.3 % as the mean over classes.",
        "An estimated 20 % of the training labels are wrong (10 % to 30 %, 95 % interval); 25 % really are.",
        "This is an experiment.",
        "0.733 to 0.933",
        "best (2)",
        "0.866",
        "training 1,000, validation 134, test 100",
        "64 x 64 pixels",
        "32.1 %",
        "3 of <script>alert(1)</script> predicted as b & c",
        "1 min 38 s",
        "not a medical device",
    ):
        assert said in text, said


def test_hostile_names_stay_words_and_nothing_is_loaded(run):
    text = page(run)
    assert "<script" not in text
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in text
    assert not re.findall(r'(?:href|src)="(?!#|data:)', text)
    anchors = set(re.findall(r'href="#([a-z]+)"', text))
    assert anchors <= set(re.findall(r'id="([a-z]+)"', text))


def test_without_truth_test_part_or_curves(run):
    change(run, "metrics.json", test={}, last={}, best={}, val={"given": quality(0.5, interval=False)})
    change(run, "summary.json", noise_rate={}, read="?", per_class=None, parts=3)
    (run / "log.jsonl").unlink()
    text = words(page(run)).replace("\u00a0", " ")
    assert (
        "50 % of 10 validation images right, 50 % as the mean over classes, judged by labels of which some"
        in text
    )
    assert "This is an experiment" not in text
    assert "The last and the best epoch" not in text
    assert "This run made no estimate" in text
    assert "<svg" not in page(run)


def test_curves_are_drawn_of_each_epoch_once(run):
    points = re.findall(r'<polyline class="line ink median" points="([^"]+)"', page(run))
    assert [len(line.split()) for line in points] == [4, 4]
    assert page(run).count("<svg") == 3


def test_many_classes_become_a_list(run):
    names = [f"class {at}" for at in range(40)]
    table = [[9 * (at == to) + (at + 1 == to) for to in range(40)] for at in range(40)]
    change(run, "summary.json", classes=names)
    change(run, "metrics.json", test={"true": {**quality(0.5), "confusion": table}})
    text = page(run)
    assert 'class="heat"' not in text
    assert "1 of <b" in text


def test_same_files_same_bytes(run):
    assert page(run) == page(run)


def test_broken_folders_are_named_with_their_cure(run):
    (run / "summary.json").write_text("{}")
    (run / "metrics.json").write_text("[")
    with pytest.raises(InputError) as failure:
        write_report(run)
    for said in (
        "summary.json lacks 'classes'",
        "metrics.json cannot be read as JSON",
        "Cure: run `overread train` again",
    ):
        assert said in str(failure.value)
    (run / "summary.json").write_text('{"classes": 3}')
    (run / "metrics.json").write_text('{"kept": "last"}')
    with pytest.raises(InputError, match=r"summary.json lacks 'classes'\.(.|\n)*metrics.json lacks 'val'"):
        write_report(run)
    assert not (run / "report.html").exists()


def test_it_loads_no_torch(run):
    code = (
        "import sys, overread; overread.report(sys.argv[1]); "
        "print([m for m in ('torch', 'pandas', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, run], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
