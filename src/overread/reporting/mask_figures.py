"""Figures of masks alone: how given and suggested masks agree, structure by structure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from overread.reporting import svg
from overread.reporting.figures import FINE, WRONG
from overread.reporting.files import Run
from overread.reporting.svg import Plot

Array = np.ndarray[Any, np.dtype[Any]]
BINS = 25
SHOWN = 12  # structures


def agreements(run: Run, structures: Sequence[str]) -> list[dict[str, Any]]:
    """By structure, how many masks agree how well with the suggested one: `name` and `picture`."""
    rows = run.suspects.rows
    names = np.array([row["structure"].removeprefix("'") for row in rows], dtype=object)
    values = np.array([float(row["agreement"] or "nan") for row in rows])
    found = []
    for name in structures[:SHOWN]:
        pick = (names == name) & np.isfinite(values)
        if pick.any():
            found.append({"name": name, "picture": histogram(values[pick], run.suspects.flagged[pick])})
    return found


def histogram(agreement: Array, flagged: Array) -> Markup:
    """Counts of Dice from 0 to 1; flagged masks stand on the others."""
    edges = np.linspace(0.0, 1.0, BINS + 1)
    fine, wrong = (np.histogram(agreement[pick], edges)[0] for pick in (~flagged, flagged))
    most = int((fine + wrong).max())
    plot = Plot((0.0, 1.0), (0.0, most * 1.06), width=330, height=200)
    shares = [(value, f"{value:g}") for value in (0.0, 0.25, 0.5, 0.75, 1.0)]
    counts = [pair for pair in svg.ticks(0.0, float(most), 4) if pair[0] == round(pair[0])]
    parts = [svg.axes(plot, ("Dice of given and suggested", shares), ("masks", counts))]
    for low, n_fine, n_wrong in zip(edges[:-1], fine, wrong, strict=True):
        across = (float(low), float(low + 0.88 / BINS))
        parts.append(svg.box(plot, across, (0.0, float(n_fine)), FINE) if n_fine else "")
        parts.append(
            svg.box(plot, across, (float(n_fine), float(n_fine + n_wrong)), WRONG) if n_wrong else ""
        )
    return svg.picture(plot, parts, "How well given and suggested masks agree, flagged masks and the others")
