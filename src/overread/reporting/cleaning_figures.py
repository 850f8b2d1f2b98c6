"""How cleaning went, round by round: drawings of rounds.csv."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from overread.reporting import svg
from overread.reporting.figures import PERCENT
from overread.reporting.svg import Plot
from overread.reporting.words import number

Round = Mapping[str, float | None]  # a row of rounds.csv
Line = list[tuple[float, float]]  # (labels bought, value)
BOUGHT = "labels bought"


def all_of(rounds: Sequence[Round], part: str) -> dict[str, Any]:
    """Every drawing of the page; None where there is too little to draw."""
    return {
        "given": quality(rounds, part, "given"),
        "true": quality(rounds, part, "true"),
        "yields": yields(rounds),
        "left": left(rounds),
        "next": next_hundred(rounds),
    }


def line_of(rounds: Sequence[Round], key: str) -> Line:
    """The rounds that have a number under `key`, with it."""
    pairs = ((number(row.get("bought")), number(row.get(key))) for row in rounds)
    return [(bought, value) for bought, value in pairs if bought is not None and value is not None]


def quality(rounds: Sequence[Round], part: str, labels: str) -> Markup | None:
    """Macro-F1 and balanced accuracy on a part over labels bought, by its `labels`: given or true."""
    f1, balanced = (line_of(rounds, f"{part}_{labels}_{name}") for name in ("macro_f1", "balanced_accuracy"))
    values = [value for _, value in (*f1, *balanced)]
    if len(f1) < 2:
        return None
    low, high = min(values), max(values)
    room = max(0.1 * (high - low), 0.02)
    plot = Plot((0.0, end_of(rounds)), (max(0.0, low - room), min(1.0, high + room)))
    parts = [across(plot, ("share", svg.ticks(*plot.y)))]
    parts += [drawn(plot, f1, "ink"), drawn(plot, balanced, "unflagged")]
    return svg.picture(
        plot, parts, f"Macro-F1 and balanced accuracy over the labels bought, by the {labels} labels"
    )


def left(rounds: Sequence[Round]) -> Markup | None:
    """The forecast of wrong labels that are left, with its interval; the count of an experiment beside it."""
    return with_interval(rounds, "wrong_left", line_of(rounds, "still_wrong"), "wrong labels left")


def next_hundred(rounds: Sequence[Round]) -> Markup | None:
    """The forecast of wrong labels among the next hundred, with its interval."""
    return with_interval(rounds, "next_100", [], "wrong of the next 100")


def with_interval(rounds: Sequence[Round], key: str, truth: Line, name: str) -> Markup | None:
    """A forecast with its interval over labels bought."""
    middle, low, high = (line_of(rounds, key + end) for end in ("", "_low", "_high"))
    if len(middle) < 2 or not len(middle) == len(low) == len(high):
        return None
    top = max(value for _, value in (*high, *truth)) * 1.05 or 1.0
    plot = Plot((0.0, end_of(rounds)), (0.0, top))
    bought = [at for at, _ in middle]
    shade = svg.band(plot, bought, [value for _, value in low], [value for _, value in high], "unflagged")
    parts = [across(plot, (name, svg.ticks(*plot.y))), shade, drawn(plot, middle, "unflagged")]
    parts += [drawn(plot, truth, "sim")] if truth else []
    return svg.picture(plot, parts, f"Forecast over the labels bought: {name}, with its interval")


def yields(rounds: Sequence[Round]) -> Markup | None:
    """Of the labels that each round asked about, the share that was changed; a dot: repaired, where that is known."""
    pairs = [(before, row) for before, row in pairwise(rounds) if number(row.get("asked"))]
    if not pairs:
        return None
    plot = Plot((0.5, len(pairs) + 0.5), (0.0, 1.0))
    step = max(1, len(pairs) // 12)
    names = [(place, f"{row['round']:.0f}") for place, (_, row) in enumerate(pairs, 1) if place % step == 0]
    parts = [svg.axes(plot, ("round", names), ("share of what was asked", PERCENT))]
    for place, (before, row) in enumerate(pairs, 1):
        share = (number(row["changed"]) or 0.0) / (number(row["asked"]) or 1.0)
        parts.append(svg.box(plot, (place - 0.36, place + 0.36), (0.0, share), "unflagged"))
        if (found := gained(before, row)) is not None:
            x, y = plot.at(place, max(found, 0.0))
            parts.append(f'<circle class="fill sim" cx="{x:.1f}" cy="{y:.1f}" r="5"/>')
    return svg.picture(plot, parts, "Share of the labels asked about that was changed, round by round")


def gained(before: Round | None, row: Round) -> float | None:
    """Labels repaired for each label bought in a round, where the truth is known."""
    asked = number(row.get("asked"))
    ends = [number(one.get("repaired")) for one in (before, row) if one is not None]
    if not asked or len(ends) < 2 or ends[0] is None or ends[1] is None:
        return None
    return (ends[1] - ends[0]) / asked


def end_of(rounds: Sequence[Round]) -> float:
    """Where the axis of labels bought ends."""
    return max((number(row.get("bought")) or 0.0 for row in rounds), default=0.0) or 1.0


def across(plot: Plot, y: tuple[str, svg.Ticks]) -> str:
    """Axes over labels bought."""
    return svg.axes(plot, (BOUGHT, svg.ticks(*plot.x)), y)


def drawn(plot: Plot, line: Line, kind: str) -> str:
    """A line with a dot at each round."""
    dots = (plot.at(*point) for point in line)
    marks = [f'<circle class="fill {kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.2"/>' for x, y in dots]
    return svg.line(plot.points(*zip(*line, strict=True)), f"{kind} median") + "".join(marks) if line else ""
