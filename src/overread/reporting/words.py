"""Numbers as people write them. A value that is absent or no number becomes a dash."""

from __future__ import annotations

import math
from typing import Any

DASH = "–"
SPACE = "\u00a0"  # a number and its unit stay on one line


def number(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def count(value: Any) -> str:
    """
    >>> count(6989), count(None)
    ('6,989', '–')
    """
    found = number(value)
    return DASH if found is None else f"{found:,.0f}"


def about(value: Any) -> str:
    """An estimated count, to three digits.

    >>> about(2788.5), about(997.4), about(12.6), about(None)
    ('2,790', '997', '13', '–')
    """
    found = number(value)
    if found is None:
        return DASH
    return f"{float(f'{found:.3g}') if found >= 1000 else found:,.0f}"


def share(value: Any) -> str:
    """
    >>> share(0.0446).replace(SPACE, " "), share(0.00004).replace(SPACE, " "), share(1)
    ('4.5 %', '0.004 %', '100\\xa0%')
    """
    found = number(value)
    if found is None:
        return DASH
    percent = found * 100
    digits = (
        1 if percent == 0 or abs(percent) >= 0.1 else min(1 - math.floor(math.log10(abs(percent))) - 1, 6)
    )
    written = f"{percent:.{digits}f}"
    return (written.rstrip("0").rstrip(".") if "." in written else written) + f"{SPACE}%"


def decimal(value: Any) -> str:
    """
    >>> decimal(0.9648), decimal(float("nan"))
    ('0.965', '–')
    """
    found = number(value)
    return DASH if found is None else f"{found:.3f}"


def hundredth(value: Any) -> str:
    """
    >>> hundredth(0.9133), hundredth(None)
    ('0.91', '–')
    """
    found = number(value)
    return DASH if found is None else f"{found:.2f}"


def seconds(value: Any) -> str:
    """
    >>> seconds(4.24).replace(SPACE, " "), seconds(131).replace(SPACE, " ")
    ('4.2 s', '2 min 11 s')
    """
    found = number(value)
    if found is None:
        return DASH
    if found < 60:
        return f"{found:.1f}{SPACE}s"
    return f"{int(found) // 60}{SPACE}min {int(found) % 60}{SPACE}s"


def plural(amount: Any, one: str, many: str) -> str:
    """
    >>> plural(1, "label looks", "labels look"), plural(0, "label looks", "labels look")
    ('1 label looks', '0 labels look')
    """
    return f"{count(amount)} {one if amount == 1 else many}"


def chance(value: Any) -> str:
    """A probability, also one that came as text, in whole percents; never a certainty.

    >>> [chance(each).replace(SPACE, " ") for each in (0.5, "0.934", 0.9999, 0.0, "")]
    ['50 %', '93 %', '> 99 %', '< 1 %', '–']
    """
    try:
        found = number(float(value))
    except (TypeError, ValueError):
        return DASH
    if found is None:
        return DASH
    if not 0.005 <= found < 0.995:
        return f"{'<' if found < 0.5 else '>'}{SPACE}{1 if found < 0.5 else 99}{SPACE}%"
    return f"{found * 100:.0f}{SPACE}%"
