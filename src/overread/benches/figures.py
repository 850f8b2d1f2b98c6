"""Figures as PNG, by matplotlib: panels of lines side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from overread.errors import InputError
from overread.files import write_whole

COLOURS = ("#444444", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#7f3fbf")
WIDTH, CHARACTERS = 4.6, 17  # inches a panel, characters of the caption an inch
LEGEND: dict[str, Any] = {"fontsize": 7, "frameon": False, "handlelength": 3}
MARKED = 12  # points; a line with fewer shows them


@dataclass(frozen=True)
class Line:
    """One line: `y` [n] or, over seeds, the mean with `spread` [n] on both sides. None breaks it."""

    label: str
    x: Sequence[float]
    y: Sequence[float | None]
    spread: Sequence[float | None] | None = None
    colour: int = 0  # of COLOURS
    dashed: bool = False
    faint: bool = False  # one of many of a kind; the first of a label is named


@dataclass(frozen=True)
class Panel:
    """Axes with their lines."""

    title: str
    x: str
    y: str
    lines: Sequence[Line]
    levels: Sequence[tuple[str, float]] = ()  # horizontal lines, named: the paper's figure, a ceiling
    wide: bool = False  # y is logarithmic above 1


def check_drawing() -> None:
    """Refuses, before anything trains, where figures could not be drawn in the end."""
    if find_spec("matplotlib") is None:
        raise InputError("Figures need matplotlib, which is not installed: pip install 'overread[bench]'")


def draw(panels: Sequence[Panel], path: Path, caption: str) -> None:
    """Writes the panels side by side, two or three a row, with the caption above and what lines mean below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    wide = 2 if len(panels) == 4 else min(3, len(panels))
    high = -(-len(panels) // wide)
    labels = [tuple(dict.fromkeys(line.label for line in panel.lines)) for panel in panels]
    shared = len(panels) > 1 and len(set(labels)) == 1
    rows = 0 if shared else max(map(len, labels))  # of the legend under each panel
    figure = Figure(figsize=(WIDTH * wide, (3.4 + 0.16 * rows) * high + 0.8), layout="constrained")
    axes = figure.subplots(high, wide, squeeze=False).ravel()
    for ax, panel in zip(axes, panels, strict=False):
        draw_panel(ax, panel)
        if not shared:
            ax.legend(loc="upper left", bbox_to_anchor=(0, -0.16), **LEGEND)
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    if shared:
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=wide, **LEGEND)
    words = textwrap.fill(caption, int(CHARACTERS * WIDTH * wide))
    figure.suptitle(words, fontsize=7, color="#555555")
    canvas = FigureCanvasAgg(figure)
    write_whole(path, lambda part: canvas.print_figure(str(part), dpi=130, format="png"))


def draw_panel(ax: Any, panel: Panel) -> None:
    """One panel onto its axes."""
    named: set[str] = set()
    for line in panel.lines:
        y = np.array([np.nan if value is None else value for value in line.y], float)
        style = {
            "color": COLOURS[line.colour % len(COLOURS)],
            "linestyle": "--" if line.dashed else "-",
            "linewidth": 0.8 if line.faint else 1.6,
            "alpha": 0.55 if line.faint else 1.0,
            "marker": "o" if len(y) <= MARKED and not line.faint else "",
            "markersize": 3,
        }
        label = "_" if line.label in named else line.label  # matplotlib leaves out what begins so
        named.add(line.label)
        ax.plot(list(line.x), y, label=label, **style)
        if line.spread is not None:
            s = np.array([0.0 if value is None else value for value in line.spread], float)
            ax.fill_between(list(line.x), y - s, y + s, color=style["color"], alpha=0.15, linewidth=0)
    for name, value in panel.levels:
        ax.axhline(value, color="#999999", linestyle=":", linewidth=1)
        ax.annotate(name, (1, value), xycoords=("axes fraction", "data"), fontsize=7, ha="right", va="bottom")
    ax.set(title=panel.title, xlabel=panel.x, ylabel=panel.y)
    ax.title.set_fontsize(9)
    if panel.wide:
        ax.set_yscale("symlog", linthresh=1)
    if panel.x == "epoch":
        ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(alpha=0.25)


def over_seeds(
    courses: Sequence[Sequence[float | None]],
) -> tuple[list[float | None], list[float | None] | None]:
    """Mean and standard deviation, point by point, of the courses of several seeds.

    >>> over_seeds([[1.0, None], [3.0, 2.0]])
    ([2.0, None], [1.4142135623730951, None])
    """
    points = [list(values) for values in zip(*courses, strict=True)]
    whole = [None if None in values else np.array(values, float) for values in points]
    means = [None if values is None else float(values.mean()) for values in whole]
    if len(courses) < 2:
        return means, None
    return means, [None if values is None else float(values.std(ddof=1)) for values in whole]
