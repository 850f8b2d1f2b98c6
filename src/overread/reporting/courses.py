"""How a training went, epoch by epoch: drawings of log.jsonl."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from overread.reporting import svg
from overread.reporting.files import Json
from overread.reporting.svg import Plot, Ticks
from overread.reporting.words import number

Course = list[tuple[float, float]]  # (epoch, value)


def losses(epochs: Sequence[Json]) -> Markup | None:
    """The method's own loss in training, and the cross-entropy on the validation part."""
    train, val = course(epochs, "loss"), course(epochs, "val_loss")
    values = [value for _, value in (*train, *val)]
    if len(train) < 2:
        return None
    plot = Plot((1.0, train[-1][0]), (min(0.0, *values), max(values) * 1.05 or 1.0))
    parts = [svg.axes(plot, ("epoch", whole(train)), ("loss", svg.ticks(*plot.y)))]
    parts += [_line(plot, train, "ink"), _line(plot, val, "unflagged")]
    return svg.picture(plot, parts, "Loss in training and on the validation part over the epochs")


def scores(epochs: Sequence[Json], best: float | None) -> Markup | None:
    """Accuracy and balanced accuracy on the validation part; a mark at the best epoch."""
    right, balanced = course(epochs, "val_accuracy"), course(epochs, "val_balanced_accuracy")
    values = [value for _, value in (*right, *balanced)]
    if len(right) < 2:
        return None
    low, high = min(values), max(values)
    room = 0.08 * (high - low) or 0.05
    plot = Plot((1.0, right[-1][0]), (max(0.0, low - room), min(1.0, high + room)))
    parts = [svg.axes(plot, ("epoch", whole(right)), ("share", svg.ticks(*plot.y)))]
    if best is not None and plot.x[0] <= best <= plot.x[1]:
        parts.append(_line(plot, [(best, plot.y[0]), (best, plot.y[1])], "axis dashed"))
    parts += [_line(plot, right, "ink"), _line(plot, balanced, "unflagged")]
    return svg.picture(plot, parts, "Accuracy and balanced accuracy on the validation part over the epochs")


def dices(epochs: Sequence[Json], best: float | None) -> Markup | None:
    """Mean Dice on the validation part, and that of each structure; a mark at the best epoch."""
    mean = course(epochs, "val_dice")
    if len(mean) < 2:
        return None
    named = [{"epoch": entry.get("epoch"), **of_structures(entry)} for entry in epochs]
    each = [course(named, name) for name in of_structures(epochs[-1])]
    plot = Plot((1.0, mean[-1][0]), (0.0, 1.0))
    parts = [svg.axes(plot, ("epoch", whole(mean)), ("Dice", svg.ticks(*plot.y)))]
    if best is not None and plot.x[0] <= best <= plot.x[1]:
        parts.append(_line(plot, [(best, 0.0), (best, 1.0)], "axis dashed"))
    parts += [_line(plot, one, "unflagged", "thin") for one in each]
    return svg.picture(
        plot, [*parts, _line(plot, mean, "ink")], "Dice on the validation part over the epochs"
    )


def of_structures(entry: Json) -> dict[str, Any]:
    """The Dice of each structure in one epoch."""
    found = entry.get("val_dice_of")
    return found if isinstance(found, dict) else {}


def course(epochs: Sequence[Json], key: str) -> Course:
    """The epochs that have a number under `key`, with that number."""
    pairs = ((number(entry.get("epoch")), number(entry.get(key))) for entry in epochs)
    return [(epoch, value) for epoch, value in pairs if epoch is not None and value is not None]


def whole(points: Course) -> Ticks:
    """Whole epochs to write below the axis."""
    last = int(points[-1][0])
    step = max(1, last // 8)
    return [(float(epoch), str(epoch)) for epoch in range(1, last + 1) if last <= 12 or epoch % step == 0]


def _line(plot: Plot, points: Course, kind: str, weight: str = "median") -> str:
    return svg.line(plot.points(*zip(*points, strict=True)), f"{kind} {weight}") if points else ""
