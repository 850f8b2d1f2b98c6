"""The page of cleaning: from the files alone, honest about what only a simulation knows, safe with any names."""

from __future__ import annotations

import csv
import html
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from overread.errors import InputError
from overread.reporting import write_report

EVIL = "<img onerror=alert(1) src=x>"
NAMES = [EVIL, "b & c", "never"]
TRUTH = ("repaired", "spoiled", "still_wrong")
SIMULATED = re.compile(
    r"simulat|experiment|really|true label|repaired|spoiled|still wrong|made wrong", re.IGNORECASE
)


def row(number, *, truth=True, part="test"):
    """A row of rounds.csv: 10 labels a round, 7 changed, 2 confirmed, 1 unsure; macro-F1 rises."""
    asked = 10 if number else 0
    known = {"repaired": 6 * number, "spoiled": number, "still_wrong": 444 - 5 * number}
    left = {"wrong_left": 400.4 - number, "wrong_left_low": 300.0, "wrong_left_high": 500.0}
    following = {"next_100": 88.0, "next_100_low": 77.0, "next_100_high": 99.0}
    score = 0.511 + number / 100
    figures = {
        f"{part}_given_{name}": score for name in ("accuracy", "balanced_accuracy", "macro_f1", "auroc")
    }
    figures |= (
        {f"{part}_true_macro_f1": 0.812, f"{part}_true_balanced_accuracy": 0.8} if truth and part else {}
    )
    return {
        "round": number,
        "asked": asked,
        "bought": 10 * number,
        "cost": 13 * number,
        "changed": 0.7 * asked,
        "confirmed": 0.2 * asked,
        **(known if truth else {}),
        "verified": 9 * number,
        **left,
        **following,
        "confirmed_in_a_row": "",
        **(figures if part else {}),
    }


def quality(value):
    figures = dict.fromkeys(("accuracy", "balanced_accuracy", "macro_f1"), value)
    return {"samples": 10, **figures, "auroc": None, "log_loss": 0.5, "ece": 0.1, "intervals": {}}


def summary():
    count = {"expected": 398.4, "low": 300.0, "high": 500.0}
    yields = {"expected": 88.2, "low": 77.0, "high": 99.0}
    forecast = {"unasked": 1210, "remaining": count, "following": 100, "next_wrong": yields, "words": EVIL}
    per_class = {
        EVIL: {"samples": 700, "asked": 15, "named": 14, "changed": 12, "now": 690},
        "b & c": {"samples": 333, "asked": 5, "named": 4, "changed": 2, "now": 345},
        "never": {"samples": 201, "asked": 0, "named": 0, "changed": 0, "now": 202},
    }
    return {
        "overread": "0.1.0",
        "verb": "clean",
        "task": "classification",
        "state": "done",
        "effort": "fast",
        "start": "ce",
        "trust": "consensus",
        "update": "clean",
        "method": "ce",
        "sampler": EVIL,
        "balanced": True,
        "expert": "oracle",
        "readers": 2,
        "network": "efficientnet-lite0",
        "samples": 1234,
        "groups": 31,
        "classes": NAMES,
        "parts": {"train": {"samples": 1000}, "test": {"samples": 234}},
        "budget": 20,
        "rounds": 2,
        "of_rounds": 2,
        "bought": 20,
        "cost": 26,
        "changed": 14,
        "end": "The budget is spent.",
        "waiting": None,
        "stop": {"stop": False, "run": 3, "needed": 59, "chance": 0.5, "words": "go on: 3 of 59 " + EVIL},
        "forecast": forecast,
        "guard": {"words": "14 of 18 labels changed; 13 expected.", "warning": ""},
        "per_class": per_class,
        "given_vs_current": [[2, 11, 1], [2, 2, 0], [0, 0, 0]],
        "agreement": [
            {"name": "raw", "value": 0.75, "low": 0.5, "high": 0.875, "items": 8, "readers": 2, "words": ""},
            {
                "name": "cohen",
                "value": None,
                "low": None,
                "high": None,
                "items": 8,
                "readers": 2,
                "words": EVIL,
            },
            {
                "name": f"agreement on {EVIL!r}",
                "value": 1.0,
                "low": None,
                "high": None,
                "items": 8,
                "readers": 2,
            },
        ],
        "trusted": {"labels": 777, "wrong_share": 0.1},
        "noise_rate": {"estimate": 0.4, "low": 0.3, "high": 0.5, "level": 0.95, "truth": 0.444},
        "store": "run/labels.sqlite",
        "head": {"number": 26, "hash": "feedc0de"},
        "read": {"source": EVIL, "kind": "table", "left_out": [{"image": EVIL, "why": "x"}]},
        "warnings": [EVIL],
        "limits": [EVIL],
    }


@pytest.fixture
def run(tmp_path):
    """A run folder of two rounds, answered by the simulated expert."""
    info = {
        "verb": "clean",
        "command": ["overread", "clean", EVIL, "-o", "a run"],
        "identity": {"expert_error": 0.125},
        "state": "done",
        "seconds": {"rounds": 98.0},
    }
    metrics = {"test": {"given": quality(0.522), "true": quality(0.812)}}
    for name, content in (("run", info), ("summary", summary()), ("metrics", metrics)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    write_table(tmp_path / "rounds.csv", [row(number) for number in range(3)])
    (tmp_path / "gallery").mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (16, 16), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "gallery" / "000001.jpg")
    card = {"given": EVIL, "current": "b & c", "round": 2, "p_wrong": 0.934, "thumb": "gallery/000001.jpg"}
    cards = [{**card, "id": f"{EVIL}-{at}"} for at in range(13)]
    (tmp_path / "gallery.json").write_text(json.dumps([*cards, {"id": "no picture", "thumb": "../x.jpg"}]))
    (tmp_path / "config.toml").write_text('sampler = "</pre><script>"\n')
    return tmp_path


@pytest.fixture
def waiting(run):
    """The same run by people on data whose truth nobody knows; its second round waits."""
    about = {"round": 2, "items": 10, "answered": 3}
    change(run, "run.json", state="waiting")
    change(
        run, "summary.json", state="waiting", expert="queue", waiting=about, rounds=1, bought=10, changed=7
    )
    change(
        run, "summary.json", noise_rate={"estimate": 0.4, "low": 0.3, "high": 0.5}, trusted={"labels": 777}
    )
    change(run, "metrics.json", test={"given": quality(0.522)})
    write_table(run / "rounds.csv", [row(number, truth=False) for number in range(2)])
    asked = {
        "id": EVIL,
        "image": "x.png",
        "label": EVIL,
        "suggested": "b & c",
        "p_wrong": 0.987,
        "answer": "",
    }
    write_table(run / "queue.csv", [{"round": 2, "place": place, **asked} for place in range(1, 11)])
    return run


def write_table(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[-1]))
        writer.writeheader()
        writer.writerows(rows)


def page(run):
    return write_report(run).read_text(encoding="utf-8")


def words(text):
    body = text[text.index("<body>") :]
    plain = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", body)).replace("\u00a0", " "))
    return re.sub(r" +([.,;:)])", r"\1", plain)


def change(run, name, **values):
    content = json.loads((run / name).read_text()) | values
    (run / name).write_text(json.dumps(content))


def test_it_says_what_the_files_say(run):
    text = words(page(run))
    for said in (
        "20 labels bought, 14 of them changed (70 %).",
        "The whole budget of 20 labels is spent, in 2 rounds.",
        "About 398 wrong labels are expected to be left (300 to 500, 95 % interval).",
        "nobody looked at an image",
        "the true labels of this set, 12.5 % of them made wrong on purpose",
        "20 labels bought of 20 in the budget; 26 answers charged",
        "14 changed 70 % of them",
        "4 confirmed 20 % of them",
        "2 no label named",
        "From 0 to 20 labels bought, macro-F1 went from 0.511 to 0.531 and balanced accuracy from 0.511 to 0.531, "
        "by the given labels of the test part.",
        "12 repaired 2 right ones spoiled; 434 still wrong known in simulation alone",
        "among the 1,210 that nobody has verified",
        "about 88 (77 to 99) should be wrong",
        "14 of 18 labels changed; 13 expected. Nothing speaks against the changes",
        "Right labels made wrong: 2.",
        "never 201 never asked 202",
        "11 b & c, 1 never",
        "Most often: 11 from <img onerror=alert(1) src=x> to b & c",
        "Raw agreement 0.750 0.500 to 0.875 8 2",
        "Cohen's kappa – 8 2 <img onerror=alert(1) src=x>",
        "93 % chance of being wrong, before round 2",
        "777 (trust: consensus)",
        "entry 26, feedc0de",
        "1 min 38 s",
        "The expert was simulated. It never tires",
        "not a medical device",
    ):
        assert said in text, said
    assert page(run).count("<img class") == 13
    assert "no picture" in text


def test_hostile_names_stay_words_and_nothing_is_loaded(run, waiting):
    text = page(waiting)
    assert "<img onerror" not in text
    assert "<script" not in text
    assert "&lt;img onerror=alert(1) src=x&gt;" in text
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in text
    assert not re.findall(r'(?:href|src)="(?!#|data:)', text)
    anchors = set(re.findall(r'href="#([a-z]+)"', text))
    assert anchors == set(re.findall(r'<section id="([a-z]+)"', text))


def test_the_table_of_rounds(run):
    rows = re.findall(
        r"<tr>.*?</tr>", re.search(r'<table class="rounds">.*?</table>', page(run), re.S)[0], re.S
    )
    assert [words(f"<body>{one}") for one in rows[2:]] == [
        " 0 before anything was asked 400 300 to 500 88 77 to 99 0.511 0.511 – 0 444 ",
        " 1 10 7 70 % 2 1 399 300 to 500 88 77 to 99 0.521 0.521 0.60 1 439 ",
        " 2 10 7 70 % 2 1 398 300 to 500 88 77 to 99 0.531 0.531 0.60 2 434 ",
    ]


def test_whatever_the_truth_tells_is_marked(run):
    """Outside what is marked, a page of a simulation says no more than one without the truth."""
    marked = r'<(\w+)[^>]*class="(?:[^"]* )?(?:sim|experiment)(?: [^"]*)?"[^>]*>.*?</\1>'
    rest = re.sub(r"<figure[^>]*>(?:(?!</figure>).)*By the true.*?</figure>", "", page(run), flags=re.S)
    rest = words(
        re.sub(marked, "", re.sub(r'<div class="tile sim">.*?</div>', "", rest, flags=re.S), flags=re.S)
    )
    for told in ("0.812", "0.60", "434", "439", "44.4 %", "repaired", "Right labels made wrong"):
        assert told in words(page(run)), told
        assert told not in rest, told


def test_people_are_told_what_to_do_and_nothing_of_a_truth(waiting):
    text = words(page(waiting))
    for said in (
        "Round 2 waits for answers: 3 of 10 labels are answered.",
        "10 of the budget's 20 labels are bought (50 %), in 1 of 2 rounds. About",
        "Open queue.csv of this folder in a spreadsheet: 10 labels",
        "overread clean '<img onerror=alert(1) src=x>' -o 'a run' --resume --answers 'a run/queue.csv'",
        "The first of them",
        "10 <img onerror=alert(1) src=x> <img onerror=alert(1) src=x> b & c 99 %",
        "Experts changed these.",
        "people, by the queue; 2 readers",
    ):
        assert said in text, said
    assert "not finished" not in text
    assert not SIMULATED.findall(text)
    assert 'class="sim"' not in page(waiting)
    assert text.index("What to do now") < text.index("Round by round", text.index("What to do now"))


def test_the_queue_may_be_elsewhere_while_people_fill_it_in(waiting):
    (waiting / "queue.csv").unlink()
    text = words(page(waiting))
    assert "10 labels in the order" in text
    assert "The first of them" not in text


def test_truth_that_is_known_while_people_answer(run):
    change(run, "summary.json", expert="queue")
    text = words(page(run))
    assert "This is an experiment. The true labels of this set are known." in text
    assert "nobody looked at an image" not in text
    assert "Experts changed these" in text


def test_before_the_first_round(waiting):
    write_table(waiting / "rounds.csv", [row(0, truth=False, part="")])
    for name in ("gallery.json", "queue.csv"):
        (waiting / name).unlink()
    (waiting / "metrics.json").write_text("{}")
    about = {"round": 1, "items": 10, "answered": 0}
    nothing = {name: {**entry, "asked": 0, "changed": 0} for name, entry in summary()["per_class"].items()}
    empty = {"agreement": [], "per_class": nothing, "given_vs_current": [[0] * 3] * 3}
    change(waiting, "summary.json", waiting=about, rounds=0, bought=0, changed=0, cost=0, **empty)
    change(waiting, "summary.json", guard={"words": "0 of 0 labels changed; 0 expected.", "warning": ""})
    text = words(page(waiting))
    assert "Round 1 waits for answers: 0 of 10 labels are answered." in text
    assert "Nothing is bought yet of a budget of 20 labels in 2 rounds." in text
    assert "No round is finished yet." in text
    assert "Nothing was measured yet" in text
    assert page(waiting).count(">never asked<") == 3
    assert "No label was changed yet." in text
    assert "From given to current" not in text
    assert "No image has been read by two readers yet" in text
    assert "<svg" not in page(waiting)


def test_nothing_was_there_to_ask(run):
    write_table(run / "rounds.csv", [row(0)])
    change(run, "summary.json", rounds=0, bought=0, changed=0, end="Nothing was left to ask about.")
    text = words(page(run))
    assert "No label was bought." in text
    assert (
        "0 of the budget's 20 labels are bought (0 %), in 0 of 2 rounds. Nothing was left to ask about."
        in text
    )


def test_a_summary_that_keeps_little(run):
    needed = {
        key: value for key, value in summary().items() if key in ("classes", "samples", "bought", "state")
    }
    (run / "summary.json").write_text(json.dumps(needed))
    (run / "gallery.json").unlink()
    text = words(page(run))
    for said in ("This run made no forecast", "This run kept no stop rule", "This run kept no guard"):
        assert said in text
    assert "This run kept no figures by class" in text
    assert "Changed labels" not in text


def test_curves_have_a_dot_each_round(run):
    text = page(run)
    drawn = re.findall(r'<svg [^>]*aria-label="([^"]*)">(.*?)</svg>', text)
    lines = {
        name: re.findall(r'<polyline class="line (\w+) median" points="([^"]*)"', picture)
        for name, picture in drawn
    }
    assert [len(points.split()) for found in lines.values() for _, points in found] == [3] * 7
    scores = [name for name, _ in drawn if name.startswith("Macro-F1")]
    assert len(scores) == 2  # by the given and by the true labels
    assert [
        kind for kind, _ in lines["Forecast over the labels bought: wrong labels left, with its interval"]
    ] == [
        "unflagged",
        "sim",
    ]
    bars = next(picture for name, picture in drawn if name.startswith("Share of the labels"))
    assert bars.count("<rect") == bars.count("<circle") == 2


def test_given_labels_that_are_all_right_are_drawn_once(run):
    rows = [row(number) for number in range(3)]
    for one in rows:
        one |= {f"test_true_{name}": one[f"test_given_{name}"] for name in ("macro_f1", "balanced_accuracy")}
    write_table(run / "rounds.csv", rows)
    assert page(run).count('aria-label="Macro-F1') == 1
    assert "By the true labels the figures are the same." in words(page(run))


def test_the_validation_part_where_there_is_no_test_part(run):
    write_table(run / "rounds.csv", [row(number, part="val") for number in range(3)])
    change(run, "metrics.json", test={}, val={"given": quality(0.522)})
    text = words(page(run))
    assert "The validation part, by its given labels." in text
    assert "Read its rise, not its height." in text


def test_many_classes_become_a_list(run):
    names = [f"class {at}" for at in range(40)]
    table = [[9 * (at == to) + (at + 1 == to) for to in range(40)] for at in range(40)]
    change(run, "summary.json", classes=names, given_vs_current=table, per_class={})
    text = page(run)
    assert 'class="heat"' not in text
    assert "1 from <b" in text


def test_a_warning_of_the_guard_and_a_stop_are_told(run):
    guard = {"words": "9 of 18 labels changed; 2 expected.", "warning": "Have them read again."}
    stop = {"stop": True, "run": 59, "needed": 59, "words": "stop: 59 consecutive confirmations"}
    change(run, "summary.json", guard=guard, stop=stop, agreement="?", per_class=3, parts=None)
    text = words(page(run))
    assert "Have them read again." in text
    assert "Nothing speaks against" not in text
    assert "stop: 59 consecutive confirmations" in text


def test_an_unfinished_run_says_so(run):
    change(run, "run.json", state="interrupted")
    assert "its state is “interrupted”" in words(page(run))


def test_same_files_same_bytes(run):
    assert page(run) == page(run)


BROKEN = {
    "no rounds": ("rounds.csv", None, "rounds.csv is missing"),
    "no column": (
        "rounds.csv",
        "round,asked\n0,0\n",
        "rounds.csv lacks the column bought, changed, confirmed",
    ),
    "no number": (
        "rounds.csv",
        "round,asked,bought,changed,confirmed\n0,x,0,0,0\n",
        "holds a cell that is no number",
    ),
    "no summary": ("summary.json", "[]", "summary.json holds a list"),
    "no classes": ("summary.json", '{"samples": 3}', "summary.json lacks 'classes'"),
    "no metrics": ("metrics.json", None, "metrics.json is missing"),
}


@pytest.mark.parametrize(("name", "content", "said"), BROKEN.values(), ids=BROKEN)
def test_broken_folders_are_named_with_their_cure(run, name, content, said):
    (run / name).unlink() if content is None else (run / name).write_text(content)
    with pytest.raises(InputError, match=re.escape(said)) as failure:
        write_report(run)
    assert "Cure: run `overread clean` again" in str(failure.value)
    assert not (run / "report.html").exists()


def test_it_loads_no_torch(run):
    code = (
        "import sys, overread; overread.report(sys.argv[1]); "
        "print([m for m in ('torch', 'pandas', 'sklearn', 'sqlalchemy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, run], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
