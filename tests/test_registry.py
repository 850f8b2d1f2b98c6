"""Registries, and things of the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from overread.errors import InputError
from overread.noise import NOISES
from overread.noise.symmetric import Symmetric
from overread.registry import load

OWN = """
from __future__ import annotations
from dataclasses import dataclass

@dataclass(frozen=True)
class Nothing:
    rate: float = 0.0

    def draw(self, labels, rng, images=None):
        return labels.codes.copy()
"""


def test_a_name_loads_its_class():
    assert load("noise", "symmetric", NOISES) is Symmetric


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(InputError, match=r"Unknown noise 'symetric'. Did you mean 'symmetric'\?"):
        load("noise", "symetric", NOISES)


def test_a_class_of_the_users_own(tmp_path: Path):
    file = tmp_path / "mine with space.py"
    file.write_text(OWN)
    loaded = load("noise", f"{file}:Nothing", NOISES)
    assert loaded().rate == 0.0
    assert load("noise", f"{file}:Nothing", NOISES) is loaded


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (None, "gone.py:X", "There is no file"),
        (OWN, "own.py:Nohting", "defines no 'Nohting'. Did you mean 'Nothing'"),
        ("1 / 0", "broken.py:X", "does not import: ZeroDivisionError"),
        (OWN, "bare.py", "Write it as path/file.py:Class"),
    ],
)
def test_what_can_go_wrong_with_it(tmp_path: Path, text, name, message):
    if text is not None:
        (tmp_path / name.split(":")[0]).write_text(text)
    with pytest.raises(InputError, match=message):
        load("noise", str(tmp_path / name), NOISES)
