"""docs/methods.md names every method, each of its fields with the default, and every column it leaves."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from overread.engine.segmentation import Segmentation
from overread.engine.task import Classification
from overread.methods import METHODS

TEXT = (Path(__file__).parents[2] / "docs" / "methods.md").read_text(encoding="utf-8")
SPOKEN = {None: "none", True: "yes", False: "no"}


def documented() -> dict[str, dict[str, str]]:
    """method -> field -> default, from the table of fields."""
    found: dict[str, dict[str, str]] = {name: {} for name in METHODS}
    method = ""
    for line in TEXT.split("## Fields")[1].split("## ")[0].splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) != 4 or cells[0] in ("method", "---"):
            continue
        method = cells[0].strip("`") or method
        names = re.findall(r"`(\w+)`", cells[1])
        defaults = [part.strip() for part in cells[2].split(",")]
        found[method] |= dict(
            zip(names, defaults if len(defaults) == len(names) else [""] * len(names), strict=True)
        )
    return found


@pytest.mark.parametrize("name", METHODS)
def test_every_field_is_documented_with_its_default(name):
    kind, said = METHODS[name].load(), documented()[name]
    assert set(said) == {field.name for field in fields(kind)}
    for field in fields(kind):
        if said[field.name]:  # "as of `ousm`" otherwise
            default = field.default
            spoken = SPOKEN[default] if default is None or isinstance(default, bool) else str(default)
            assert said[field.name] == spoken, field.name


@pytest.mark.parametrize("name", METHODS)
def test_every_column_of_evidence_is_documented(name):
    kind = METHODS[name].load()
    task = Classification if "classification" in kind.tasks else Segmentation
    columns = kind().columns(task(("a", "b"), features=4))
    left = {n for n, c in columns.items() if c.evidence and not c.scratch} - {"loss", "opinion"}
    line = next(line for line in TEXT.splitlines() if line.startswith(f"| `{name}` |"))
    assert set(re.findall(r"`(\w+)`", line.split("|")[4])) == left
