"""The report is safe, self-contained, repeatable, and says what the files say."""

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

import overread
from overread.errors import InputError
from overread.reporting import write_report

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Collects tags and text, and checks that tags close in order."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


def test_hostile_names_stay_words(run):
    page = Page(run.page())
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "iframe", "object", "embed", "link", "base", "form"}
    assert not [key for _, found in page.tags for key in found if key.lower().startswith("on")]
    for name in ("<script>alert(1)</script>", "$x_{1}$ & \"q\" 'a'", "naïve 漢字 \u202eمرحبا"):
        assert name in page.text


def test_nothing_is_loaded_from_elsewhere(run):
    html = run.page()
    page = Page(html)
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in html
    for _, found in page.tags:
        assert found.get("href", "#").startswith("#")
        assert found.get("src", "data:image/").startswith("data:image/")
    assert "url(" not in html.replace('clip-path="url(#inside)"', "")
    assert "@import" not in html
    anchors = {found["href"][1:] for tag, found in page.tags if tag == "a"}
    assert anchors <= {found.get("id") for _, found in page.tags}


def test_it_says_what_the_files_say(run):
    text = Page(run.page()).text
    for words in (
        "7 of 60 labels look wrong (11.7 %).",
        "An estimated 5.9 % of all labels are wrong (4.8 % to 7.1 %, 95 % interval).",
        "This is an experiment.",
        "Left out: 30 images",
        "and 10 more.",
        "1 min 38 s",
        "not a medical device",
        "overread audit '<script>alert(1)</script>' -o 'a run'",
        "93 %",
        "The next 2",
        "0.899",
        "0.311",
    ):
        assert words in text, words
    assert text.index("0.899") < text.index("0.822") < text.index("0.311"), "consensus first, baseline last"


def test_nothing_is_counted_again(run):
    run.change("summary.json", samples=1234567, flagged=3, per_class={"z": {"samples": 987654, "flagged": 5}})
    text = Page(run.page()).text
    assert "3 of 1,234,567 labels look wrong" in text
    assert "987,654" in text


@pytest.mark.parametrize("flagged", [0, 1])
def test_few_flags_read_well(run, flagged):
    run.change("summary.json", flagged=flagged)
    assert ("None of 60 labels looks wrong." if flagged == 0 else "1 of 60 labels looks wrong") in Page(
        run.page()
    ).text


def test_same_files_same_bytes(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "elsewhere")
    first = write_report(run.path).read_bytes()
    assert write_report(run.path).read_bytes() == first
    assert write_report(tmp_path / "elsewhere").read_bytes() == first
    assert not list(run.path.glob(".report*"))


def test_the_optional_may_be_absent(run):
    optional = ("noise_rate", "per_class", "given_vs_suggested", "read", "warnings", "limits", "detectors")
    run.drop(
        "summary.json",
        *optional,
        "detection",
        "calibration",
        "effort",
        "method",
        "epochs",
        "groups",
        "overread",
    )
    run.drop(
        "run.json",
        "command",
        "versions",
        "machine",
        "seed",
        "data",
        "state",
        "started",
        "finished",
        "seconds",
    )
    for name in ("gallery.json", "evidence.npz", "config.toml"):
        (run.path / name).unlink()
    shutil.rmtree(run.path / "gallery")
    text = Page(run.page()).text
    assert "This run kept no pictures." in text
    assert "experiment" not in text
    assert "img/<script>alert(1)</script>-0.png" in text


def test_odd_values_in_optional_fields_do_no_harm(run):
    odd = {
        "noise_rate": None,
        "per_class": [],
        "given_vs_suggested": [[1], "x", 3],
        "read": "?",
        "detectors": {"a": 1},
    }
    run.change("summary.json", **odd, detection={"a": {"ap": "?"}}, calibration={"bins": [{}]}, warnings="?")
    run.change("run.json", seconds={"train": "?"}, machine=3, data=None, command="as text")
    assert "as text" in Page(run.page()).text


def test_a_run_without_samples_per_epoch_or_with_nan_losses(run):
    ids = np.load(run.path / "evidence.npz")["ids"]
    for losses in (np.full((60, 1), 0.5), np.full((60, 4), np.nan), np.ones((60, 30))):
        np.savez(run.path / "evidence.npz", ids=ids, losses=losses)
        assert ("learned late" in run.page()) == (losses.shape[1] == 30)


def test_an_unfinished_run_says_so(run):
    run.change("run.json", state="interrupted")
    assert "its state is “interrupted”" in Page(run.page()).text


def test_pictures_come_only_from_the_run_folder(run, tmp_path):
    shutil.copy(run.path / "gallery/00001.jpg", tmp_path / "secret.jpg")
    (run.path / "gallery/words.jpg").write_text("<svg/>")
    thumbs = ("../secret.jpg", str(tmp_path / "secret.jpg"), "gallery/words.jpg", "gallery/gone.jpg", None)
    cards = [{"rank": 1, "id": "a", "given": "b", "suggested": "b", "thumb": thumb} for thumb in thumbs]
    (run.path / "gallery.json").write_text(json.dumps(cards))
    page = Page(run.page())
    assert "img" not in {tag for tag, _ in page.tags}
    assert page.text.count("no picture") == len(thumbs)


def test_many_classes_become_a_list(run):
    names = [f"class {at}" for at in range(40)]
    table = [[int(at == to) * 9 + int(at + 1 == to) for to in range(40)] for at in range(40)]
    run.change("summary.json", classes=names, given_vs_suggested=table)
    html = run.page()
    assert 'class="heat"' not in html
    assert "1 labelled <b" in html


def test_broken_folders_are_named_with_their_cure(run, tmp_path):
    with pytest.raises(InputError, match="not a folder"):
        write_report(tmp_path / "nowhere")
    (run.path / "run.json").unlink()
    (run.path / "summary.json").write_text('{"samples": "many", "flagged": 1}')
    (run.path / "suspects.csv").write_text("rank,id\n1,a\n")
    (run.path / "gallery.json").write_text("{")
    (run.path / "evidence.npz").write_bytes(b"PK no")
    with pytest.raises(InputError) as failure:
        write_report(run.path)
    message = str(failure.value)
    for words in (
        "run.json is missing",
        "'samples' should be int, is 'many'",
        "lacks 'classes'",
        "suspects.csv lacks the column given",
        "gallery.json cannot be read as JSON",
        "evidence.npz is broken",
        "Cure:",
    ):
        assert words in message, words
    assert not (run.path / "report.html").exists()


def test_cells_that_are_no_numbers_are_refused(run):
    table = (run.path / "suspects.csv").read_text(encoding="utf-8").replace(",0.99,1,", ",soon,1,")
    (run.path / "suspects.csv").write_text(table, encoding="utf-8")
    with pytest.raises(InputError, match="could not convert string to float: 'soon'"):
        write_report(run.path)


def test_the_verb_writes_the_page_and_loads_no_torch(run):
    assert overread.report(run.path) == run.path / "report.html"
    code = (
        "import sys, overread; overread.report(sys.argv[1]); "
        "print([m for m in ('torch', 'pandas', 'matplotlib', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, run.path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
