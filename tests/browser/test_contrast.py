"""Colours reach WCAG 2.2 AA: 4.5:1 for text, 3:1 for controls and what marks the focus."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import overread

STYLE = Path(overread.__file__).parent / "reviewing" / "static" / "theme.css"
GROUNDS = ("page", "panel", "raised")
MARKS = ("given", "suggested", "drawn", "doubt", "reader0", "reader1", "reader2")
TEXTS = ("ink", "soft", "accent", "good", "bad", *MARKS)
PAIRS = [
    *((text, ground, 4.5) for text in TEXTS for ground in GROUNDS),
    ("ink", "pressed", 4.5),
    ("on-accent", "accent", 4.5),
    ("on-notice", "notice", 4.5),
    ("on-image", "behind-image", 4.5),
    *(("edge", ground, 3.0) for ground in (*GROUNDS, "behind-image")),
    *(("focus", ground, 3.0) for ground in GROUNDS),
    *((f"canvas-{name}", "behind-image", 3.0) for name in MARKS),
]


def colours(theme):
    """The variables of a theme; light ones replace dark ones."""
    blocks = re.findall(r":root(?:\[data-theme=\"(\w+)\"\])? \{(.*?)\n\}", STYLE.read_text(), re.DOTALL)
    found = {}
    for name, block in blocks:
        if name in ("", theme):
            found |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
    return found


def luminance(colour):
    """Relative luminance of WCAG.

    >>> luminance("#ffffff")
    1.0
    """
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_known_colours():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_all_pairs_are_readable(theme):
    known = colours(theme)
    poor = {
        (one, other): round(contrast(known[one], known[other]), 2)
        for one, other, least in PAIRS
        if contrast(known[one], known[other]) < least
    }
    assert poor == {}
