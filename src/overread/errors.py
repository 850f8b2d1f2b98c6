"""What can go wrong, in words a user can act on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")


class OverreadError(Exception):
    """A failure whose message is written for the user. `exit_code` is what the command line returns."""

    exit_code = 1


class InputError(OverreadError):
    """The input or a flag is wrong: says what was expected, what came, and the cure."""

    exit_code = 2


class FailedElsewhere(OverreadError):
    """Another process of this run failed, and this one ends with it, with the same exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that offers the nearest known word, or lists what is known.

    >>> did_you_mean("symetric", ["symmetric", "pair"])
    "Did you mean 'symmetric'?"
    >>> did_you_mean("x", ["symmetric", "pair"])
    'Known: pair, symmetric.'
    """
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Known: {', '.join(known)}."


def look_up(kind: str, name: str, registry: Mapping[str, T]) -> T:
    """`registry[name]`, or an `InputError` that offers the nearest name."""
    if name not in registry:
        raise InputError(f"Unknown {kind} {name!r}. {did_you_mean(name, registry)}")
    return registry[name]
