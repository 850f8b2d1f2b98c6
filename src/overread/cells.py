"""Cells of tables that people open in a spreadsheet."""

from __future__ import annotations


def safe_cell(text: str) -> str:
    """`text`, with a quote before it where a spreadsheet would take it for a formula.

    >>> safe_cell("=HYPERLINK(1)"), safe_cell("-"), safe_cell("-1"), safe_cell("nv")
    ("'=HYPERLINK(1)", '-', '-1', 'nv')
    """
    formula = len(text) > 1 and text[0] in "=+-@\t\r" and not text[1:].replace(".", "").isdigit()
    return f"'{text}" if formula else text
