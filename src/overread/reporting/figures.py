"""The figures of the report: drawings of stored arrays. No word of the user's data enters them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from overread.reporting import svg
from overread.reporting.files import Run
from overread.reporting.svg import Plot

Array = np.ndarray[Any, np.dtype[Any]]
SINGLES = 6  # single curves drawn in each group
BINS = 40
PERCENT = [(value, f"{value * 100:.0f} %") for value in (0.0, 0.25, 0.5, 0.75, 1.0)]
WRONG, FINE = "flagged", "unflagged"  # classes of style.css


def loss_curves(run: Run) -> Markup | None:
    """Median and middle half of each epoch's loss, flagged against the rest; None if there is none."""
    if run.losses is None or run.losses.shape[1] < 2:
        return None
    order = _rows_by_rank(run)
    flagged = run.suspects.flagged[[place for place, _ in order]]
    losses = run.losses[[row for _, row in order]].astype(np.float64)  # [M, E], most suspicious first
    losses[~np.isfinite(losses)] = np.nan
    if not len(losses) or np.isnan(losses).all():
        return None
    top = float(np.nanpercentile(losses, 99)) or 1.0
    epochs = np.arange(1, losses.shape[1] + 1)
    plot = Plot((1, float(epochs[-1])), (0.0, top * 1.05))
    whole = [(float(e), str(e)) for e in epochs if len(epochs) <= 12 or e % (len(epochs) // 8) == 0]
    parts = [_clip(plot), svg.axes(plot, ("epoch", whole), ("loss of the given label", svg.ticks(*plot.y)))]
    for kind, rows in ((FINE, losses[~flagged]), (WRONG, losses[flagged])):
        parts.append(f'<g clip-path="url(#inside)">{_group(plot, epochs, rows, kind)}</g>')
    return svg.picture(plot, parts, "Loss of the given label over the epochs, flagged labels and the others")


def _rows_by_rank(run: Run) -> list[tuple[int, int]]:
    """(place in suspects.csv, row of the losses), most suspicious first."""
    row_of = {str(name): row for row, name in enumerate(run.ids)}
    names = ((place, str(row["id"])) for place, row in enumerate(run.suspects.rows))
    found = ((place, row_of.get(name, row_of.get(name.removeprefix("'")))) for place, name in names)
    return [(place, row) for place, row in found if row is not None]


def _clip(plot: Plot) -> str:
    (left, top), (right, bottom) = plot.at(plot.x[0], plot.y[1]), plot.at(plot.x[1], plot.y[0])
    shape = f'x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}"'
    return f'<defs><clipPath id="inside"><rect {shape}/></clipPath></defs>'


def _group(plot: Plot, epochs: Array, losses: Array, kind: str) -> str:
    """One group's band, its median, and a few single samples spread evenly over it."""
    losses = losses[~np.isnan(losses).any(axis=1)]
    if not len(losses):
        return ""
    low, middle, high = np.percentile(losses, [25, 50, 75], axis=0)
    picks = np.unique(np.linspace(0, len(losses) - 1, SINGLES).astype(int))
    singles = [svg.line(plot.points(epochs, losses[row]), f"{kind} single") for row in picks]
    shade = svg.band(plot, list(epochs), list(low), list(high), kind)
    return shade + "".join(singles) + svg.line(plot.points(epochs, middle), f"{kind} median")


def score_histogram(run: Run, what: str = "labels") -> Markup | None:
    """How the scores are spread: flagged ones stand on the others; counts on a logarithmic axis."""
    score, flagged = run.suspects.score, run.suspects.flagged
    score, flagged = score[np.isfinite(score)], flagged[np.isfinite(score)]
    if not len(score):
        return None
    edges = np.histogram_bin_edges(score, BINS) if np.ptp(score) > 0 else score[0] + np.array([-0.5, 0.5])
    fine, wrong = (np.histogram(score[pick], edges)[0] for pick in (~flagged, flagged))
    most = int((fine + wrong).max())
    plot = Plot((float(edges[0]), float(edges[-1])), (0.0, float(np.log10(1 + most)) * 1.06))
    counts = [(float(np.log10(1 + n)), f"{n:,}") for n in (0, *(10**p for p in range(9))) if n <= most]
    names = ("score (higher: look here first)", f"number of {what} (log)")
    parts = [svg.axes(plot, (names[0], svg.ticks(*plot.x)), (names[1], counts))]
    for low, high, n_fine, n_wrong in zip(edges[:-1], edges[1:], fine, wrong, strict=True):
        split, top = float(np.log10(1 + n_fine)), float(np.log10(1 + n_fine + n_wrong))
        across = (float(low), float(low + 0.88 * (high - low)))
        parts.append(svg.box(plot, across, (0.0, split), FINE) if n_fine else "")
        parts.append(svg.box(plot, across, (split, top), WRONG) if n_wrong else "")
    return svg.picture(plot, parts, f"How many {what} have which score, flagged ones and the others")


def chance_by_rank(run: Run) -> Markup | None:
    """The estimated chance of being wrong down the list: how far it pays to look."""
    chance, n = run.suspects.p_wrong, int(run.suspects.flagged.sum())
    shown = min(len(chance), max(3 * n, 50))
    if shown < 2 or not np.isfinite(chance[:shown]).all():
        return None
    plot = Plot((0.0, float(shown)), (0.0, 1.0))
    pick = np.unique(np.linspace(0, shown - 1, 400).astype(int))
    line = plot.points(pick + 1.0, np.clip(chance[pick], 0, 1))
    parts = [svg.box(plot, (0.0, float(min(n, shown))), (0.0, 1.0), f"{WRONG} zone")] if n else []
    parts.append(
        svg.axes(plot, ("place in the list", svg.ticks(*plot.x)), ("chance of being wrong", PERCENT))
    )
    parts.append(svg.line(line, "ink median"))
    return svg.picture(plot, parts, "Chance of being wrong by place in the list")


def noise_interval(rate: Mapping[str, Any], mark: float | None, what: str = "labels") -> Markup | None:
    """The estimated share of labels, or images, that are wrong, with its interval, and another share as a mark."""
    try:
        low, middle, high = (float(rate[key]) for key in ("low", "estimate", "high"))
    except (KeyError, TypeError, ValueError):
        return None
    if not np.isfinite([low, middle, high]).all():
        return None
    top = min(max(high, middle, mark or 0.0) * 1.25 + 0.005, 1.0)
    plot = Plot((0.0, top), (0.0, 1.0), height=112)
    x, y = plot.at(middle, 0.5)
    percent = [(value, f"{value * 100:g} %") for value, _ in svg.ticks(0.0, top)]
    parts = [svg.axes(plot, (f"share of all {what}", percent), ("", []))]
    parts.append(svg.box(plot, (low, high), (0.30, 0.70), "ink pale"))
    parts.append(f'<circle class="fill ink" cx="{x:.1f}" cy="{y:.1f}" r="6"/>')
    if mark is not None:
        across, _ = plot.at(mark, 0.5)
        parts.append(f'<line class="line {WRONG} mark" x1="{across:.1f}" x2="{across:.1f}" y1="14" y2="64"/>')
    return svg.picture(plot, parts, f"Estimated share of wrong {what} with its interval")


def reliability(bins: Sequence[Mapping[str, Any]]) -> Markup | None:
    """Promised against measured share of wrong labels; only where the truth is known."""
    pairs = [(float(each["p"]), float(each["wrong"])) for each in bins if {"p", "wrong"} <= set(each)]
    if not pairs:
        return None
    plot = Plot((0.0, 1.0), (0.0, 1.0))
    parts = [svg.axes(plot, ("promised chance (p_wrong)", PERCENT), ("really wrong", PERCENT))]
    parts.append(svg.line(plot.points([0.0, 1.0], [0.0, 1.0]), "axis dashed"))
    dots = (plot.at(*pair) for pair in pairs)
    parts += [f'<circle class="fill ink" cx="{x:.1f}" cy="{y:.1f}" r="5"/>' for x, y in dots]
    return svg.picture(plot, parts, "Promised and measured share of wrong labels")
