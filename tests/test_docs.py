"""What the documentation shows is true: commands parse, links lead somewhere, and its Python runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import numpy as np
import pytest

from overread.cli.main import VERBS, cli, main
from overread.data.phantom import CLASSES, Image, draw, draw_view, render

HERE = Path(__file__).parent.parent
PAGES = sorted([*HERE.glob("*.md"), *HERE.glob("docs/**/*.md")])


def blocks(page: Path, language: str = "", file: str = "") -> list[str]:
    """The fenced blocks of a page that are of this language, and bear the name of this file."""
    fence = r"^```(\w*) ?([\w.]*)\n(.*?)^```$"
    found = re.findall(fence, page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [text for kind, name, text in found if (kind, name) == (language, file)]


def commands(page: Path) -> list[str]:
    """The lines of its blocks that call a verb by its name."""
    lines = [line for block in blocks(page) for line in block.splitlines()]
    return [line for line in lines if re.match(rf"overread ({'|'.join(VERBS)}) ", line)]


@pytest.mark.parametrize(("page", "line"), [(page.name, line) for page in PAGES for line in commands(page)])
def test_commands_are_understood(page, line):
    _, verb, *arguments = shlex.split(line, comments=True)
    command = cli.get_command(click.Context(cli), verb)
    assert command.make_context(verb, arguments, obj=[]).params


def test_links_lead_to_files():
    dead = []
    for page in PAGES:
        prose = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
        for target in re.findall(r"\]\(([^)\s]+)\)", prose):
            path = target.partition("#")[0]
            if path and "://" not in path and not (page.parent / path).exists():
                dead.append(f"{page.name}: {target}")
    assert dead == []


def test_flags_are_documented():
    """Every flag that docs/cli.md names exists, and every flag of a verb stands in it."""
    text = (HERE / "docs" / "cli.md").read_text("utf-8")
    verbs = [cli.get_command(click.Context(cli), verb) for verb in VERBS]
    known = {
        flag for verb in verbs for option in verb.params for flag in option.opts if flag.startswith("--")
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
    assert named - known == {"--help"}
    assert known - named == {"--out"}  # -o


@pytest.fixture
def xrays(tmp_path, monkeypatch):
    """The folder that the examples speak of, in the working directory."""
    rng = np.random.default_rng(0)
    rows = ["image,group"]
    for number in range(30):
        patient = draw(rng, CLASSES[number % 3])
        name = f"{patient.label}/{number}.png"
        (tmp_path / "xrays" / patient.label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(render(patient, draw_view(rng), 32).image).save(tmp_path / "xrays" / name)
        rows.append(f"{name},p{number // 2}")
    (tmp_path / "xrays" / "patients.csv").write_text("\n".join(rows) + "\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OVERREAD_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("xrays")
def test_python_runs(capsys):
    pages = [page for page in PAGES if blocks(page, "python")]
    assert HERE / "README.md" in pages
    for page in pages:
        for block in blocks(page, "python"):
            exec(compile(block, page.name, "exec"), {})
    assert "of the labels are wrong" in capsys.readouterr().out


@pytest.mark.usefixtures("xrays")
def test_the_method_of_ones_own_trains_as_the_page_shows(capsys):
    page = HERE / "docs" / "own-method.md"
    [source] = blocks(page, "python", "bounded.py")
    assert len(source.splitlines()) <= 25
    Path("bounded.py").write_text(source, encoding="utf-8")
    train, predict = (shlex.split(line)[1:] for line in commands(page))
    assert main([*train, "--network", "tiny", "--epochs", "4", "--quiet"]) == 0
    Path("bounded.py").unlink()
    Path("xrays").rename("new-images")
    assert main([*predict, "--quiet"]) == 0
    assert "Table    predictions" in capsys.readouterr().out
    assert len(Path("predictions/predictions.csv").read_text("utf-8").splitlines()) == 31
