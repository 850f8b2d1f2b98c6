"""`--set key=value`: text to typed fields, with every problem in one message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from overread.errors import InputError
from overread.settings import apply_settings, parse_pairs


@dataclass(frozen=True)
class Example:
    pixels: tuple[int, int] = (1, 8)
    drop: float = 0.2
    rate: float | None = None
    scope: Literal["class", "all"] = "class"
    quick: bool = False
    steps: int = 3
    names: tuple[str, ...] = ()
    file: Path | None = None
    hook: Callable[[], None] | None = None


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("pixels", "5,13", (5, 13)),
        ("drop", "1e-2", 0.01),
        ("rate", "0.3", 0.3),
        ("rate", "none", None),
        ("scope", "all", "all"),
        ("quick", "Yes", True),
        ("quick", "off", False),
        ("steps", "7", 7),
        ("names", "a, b", ("a", "b")),
        ("file", "x/y.csv", Path("x/y.csv")),
    ],
)
def test_text_becomes_the_type_of_the_field(key, text, value):
    assert getattr(apply_settings(Example, {key: text}), key) == value


def test_an_instance_keeps_its_other_fields():
    before = Example(drop=0.4)
    after = apply_settings(before, {"steps": "5"})
    assert (after.drop, after.steps, before.steps) == (0.4, 5, 3)


def test_values_from_a_configuration_file_need_not_be_text():
    assert apply_settings(Example, {"pixels": [5, 13], "quick": True, "drop": 0.5}).pixels == (5, 13)


def test_all_problems_come_in_one_message():
    settings = {"dorp": "1", "steps": "2.5", "quick": "maybe", "pixels": "1", "scope": "none", "hook": "x"}
    with pytest.raises(InputError) as error:
        apply_settings(Example, settings)
    message = str(error.value)
    for part in (
        "unknown field 'dorp'. Did you mean 'drop'?",
        "steps=2.5: expected a whole number",
        "quick=maybe: expected true or false",
        "pixels=1: expected 2 values with commas between, got 1",
        "scope=none: expected one of class, all",
        "unknown field 'hook'",
    ):
        assert part in message


def test_values_that_have_no_default_are_asked_for():
    @dataclass(frozen=True)
    class Needs:
        rate: float

    with pytest.raises(InputError, match="Needs: 'rate' needs a value"):
        apply_settings(Needs, {})


@pytest.mark.parametrize("pairs", [["rate"], ["=3"], ["a=1", "a=2"]])
def test_pairs_must_be_pairs(pairs):
    with pytest.raises(InputError, match="--set"):
        parse_pairs(pairs)


def test_dashes_and_underscores_are_the_same():
    assert parse_pairs(["drop-rate=0.2"]) == {"drop_rate": "0.2"}
