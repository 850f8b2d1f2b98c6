"""A few strokes of SVG: axes, lines, bands, bars. Colours come from style.css by class name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

LEFT, RIGHT, TOP, BOTTOM = 66, 24, 12, 46
Ticks = Sequence[tuple[float, str]]  # where, and what is written there


@dataclass(frozen=True)
class Plot:
    """A drawing area: `x` and `y` are the ranges that fill it."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: int = 480
    height: int = 270

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Data coordinates to pixels."""
        (x0, x1), (y0, y1) = self.x, self.y
        across = (x - x0) / ((x1 - x0) or 1.0)
        up = (y - y0) / ((y1 - y0) or 1.0)
        left = LEFT + across * (self.width - LEFT - RIGHT)
        return left, self.height - BOTTOM - up * (self.height - TOP - BOTTOM)

    def points(self, xs: Iterable[float], ys: Iterable[float]) -> str:
        """The `points` of a polyline."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.at(*pair) for pair in zip(xs, ys, strict=True)))


def ticks(low: float, high: float, about: int = 5) -> Ticks:
    """Round numbers between `low` and `high`.

    >>> [label for _, label in ticks(0.0, 1.0)]
    ['0', '0.2', '0.4', '0.6', '0.8', '1']
    """
    span = high - low
    if not span > 0:
        return [(low, f"{low:g}")]
    rough = span / about
    unit = 10.0 ** math.floor(math.log10(rough))
    by = unit * next(step for step in (1, 2, 2.5, 5, 10) if step * unit >= rough * 0.999)
    first = math.ceil(low / by - 1e-9)
    last = math.floor(high / by + 1e-9)
    return [(index * by, f"{round(index * by, 10):,g}") for index in range(first, last + 1)]


def axes(plot: Plot, x: tuple[str, Ticks], y: tuple[str, Ticks]) -> str:
    """A frame without a frame: a base line, pale level lines, numbers and two names."""
    parts = []
    (x0, x1), (y0, _) = plot.x, plot.y
    for value, label in y[1]:
        (left, level), (right, _) = plot.at(x0, value), plot.at(x1, value)
        parts.append(
            f'<line class="grid" x1="{left:.1f}" x2="{right:.1f}" y1="{level:.1f}" y2="{level:.1f}"/>'
        )
        parts.append(text(left - 7, level + 4, label, "end"))
    left, base = plot.at(x0, y0)
    right, _ = plot.at(x1, y0)
    parts.append(f'<line class="axis" x1="{left:.1f}" x2="{right:.1f}" y1="{base:.1f}" y2="{base:.1f}"/>')
    parts += [text(plot.at(value, y0)[0], base + 18, label, "middle") for value, label in x[1]]
    parts.append(text((left + right) / 2, plot.height - 6, x[0], "middle", "name"))
    middle = (TOP + plot.height - BOTTOM) / 2
    parts.append(
        f'<text class="name" text-anchor="middle" transform="translate(13 {middle:.1f}) rotate(-90)">'
        f"{escape(y[0])}</text>"
    )
    return "".join(parts)


def text(x: float, y: float, words: str, anchor: str = "start", kind: str = "number") -> str:
    """One line of words; `kind` is a class of style.css."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def line(points: str, kind: str) -> str:
    """An open line through `points`."""
    return f'<polyline class="line {kind}" points="{points}"/>'


def band(plot: Plot, x: Sequence[float], low: Sequence[float], high: Sequence[float], kind: str) -> str:
    """The area between two lines over the same `x`."""
    edge = plot.points([*x, *reversed(x)], [*high, *reversed(low)])
    return f'<polygon class="band {kind}" points="{edge}"/>'


def box(plot: Plot, x: tuple[float, float], y: tuple[float, float], kind: str) -> str:
    """A filled rectangle in data coordinates."""
    (left, top), (right, bottom) = plot.at(x[0], y[1]), plot.at(x[1], y[0])
    size = f'width="{max(right - left, 0.0):.2f}" height="{max(bottom - top, 0.0):.2f}"'
    return f'<rect class="fill {kind}" x="{left:.2f}" y="{top:.2f}" {size}/>'


def picture(plot: Plot, parts: Iterable[str], describe: str) -> Markup:
    """The finished drawing, with a description for those who cannot see it."""
    label = escape(describe)
    return Markup(
        f'<svg viewBox="0 0 {plot.width} {plot.height}" role="img" aria-label="{label}">'
        + "".join(parts)
        + "</svg>"
    )
