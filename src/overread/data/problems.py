"""Problems of a data set, gathered so that the user hears of all of them at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from overread.errors import InputError

SHOWN = 5
WIDEST = 240  # signs of an example


@dataclass(frozen=True)
class Problem:
    """One kind of problem: what is wrong (with its count), the samples it touches, and the cure."""

    what: str
    cure: str
    examples: tuple[str, ...] = ()


def refuse(source: object, problems: list[Problem]) -> NoReturn:
    """Raises one `InputError` that tells all `problems`: counts, the first five of each kind, the cures."""
    parts = [_tell(problem) for problem in problems]
    raise InputError(f"Cannot use {source}\n" + "\n".join(parts))


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun.

    >>> counted(1, "image is missing", "images are missing"), counted(6989, "image")
    ('1 image is missing', '6,989 images')
    """
    return f"{count:,} {one if count == 1 else (many or one + 's')}"


def short(text: object, width: int = 100) -> str:
    """`text` with its middle left out where it is long, and signs that upset a terminal made visible."""
    plain = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in str(text))
    if len(plain) <= width:
        return plain
    half = (width - 3) // 2
    return f"{plain[:half]}...{plain[-half:]}"


def quoted(names: Iterable[object], most: int = 30) -> str:
    """`names` as a list for a sentence.

    >>> quoted(["a", "b"]), quoted("abcdef", most=2)
    ("'a', 'b'", "'a', 'b' and 4 more")
    """
    names = list(names)
    rest = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(f"'{short(name, 60)}'" for name in names[:most]) + rest


def _tell(problem: Problem) -> str:
    lines = [f"- {problem.what}"]
    if problem.examples:
        lines[0] += ":"
    lines += [f"    {short(example, WIDEST)}" for example in problem.examples[:SHOWN]]
    if len(problem.examples) > SHOWN:
        lines.append(f"    ... and {len(problem.examples) - SHOWN:,} more")
    return "\n".join([*lines, f"  Cure: {problem.cure}"])
