"""Tables: ours over the seeds beside the paper's, with paired differences; as data and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from overread.benches.arithmetic import Difference, mean_sd, over_classes, over_images, over_seeds

COUNTS = ("epoch_of_least", "answers", "labels_bought")  # figures that are whole numbers
Figures = Mapping[str, float | None]


@dataclass(frozen=True)
class Row:
    """What one seed of one method says under one condition.

    `units` are the values of the main figure for each test image, where it is their mean; else `named` is the true
    and the predicted class of each. `groups` are what images belong to.
    """

    condition: str
    method: str
    seed: int
    figures: Figures
    units: Sequence[float] | None = None
    groups: Sequence[str] | None = None
    named: Sequence[tuple[str, str]] | None = None


@dataclass(frozen=True)
class Table:
    """Rows, and how they are shown. The first of `figures` is the main one, whose differences are told."""

    title: str
    rows: Sequence[Row]
    figures: Sequence[str]
    reference: str | None = None  # the method from which the others differ
    paper: Mapping[tuple[str, str], Figures] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)  # codes of conditions and methods -> as shown
    digits: int = 3
    notes: Sequence[str] = ()
    drawn: str = "patients of the test part"  # whom the bootstrap of the differences draws

    def lines(self) -> list[dict[str, Any]]:
        """One line a condition and method, in the order of the rows; the paper's own without ours at the end."""
        keys = list(dict.fromkeys((row.condition, row.method) for row in self.rows))
        known = {condition for condition, _ in keys}
        missing = [key for key in self.paper if key not in keys and key[0] in known]
        return [self._line(*key) for key in [*keys, *missing]]

    def _line(self, condition: str, method: str) -> dict[str, Any]:
        rows, paper = self._rows(condition, method), self.paper.get((condition, method))
        figures = {}
        for name in self.figures:
            values = [float(v) for row in rows if (v := row.figures.get(name)) is not None]
            if values:
                centre, spread = mean_sd(values)
                figures[name] = {"mean": centre, "sd": spread, "seeds": len(values)}
        theirs = self._rows(condition, self.reference or "")
        alone = method == self.reference
        difference = None if alone else difference_of(rows, theirs, self.figures[0], self.drawn)
        return {
            "condition": self.words.get(condition, condition),
            "method": self.words.get(method, method),
            "seeds": len(rows),
            "figures": figures,
            "difference": None if difference is None else asdict(difference),
            "paper": dict(paper) if paper else None,
            "paper_difference": self._paper_difference(condition, method),
        }

    def _rows(self, condition: str, method: str) -> list[Row]:
        found = [row for row in self.rows if (row.condition, row.method) == (condition, method)]
        return sorted(found, key=lambda row: row.seed)

    def _paper_difference(self, condition: str, method: str) -> float | None:
        pair = (self.paper.get((condition, one), {}) for one in (method, self.reference or ""))
        ours, theirs = (one.get(self.figures[0]) for one in pair)
        return None if ours is None or theirs is None or method == self.reference else ours - theirs


def difference_of(rows: Sequence[Row], others: Sequence[Row], name: str, drawn: str) -> Difference | None:
    """Over the seeds that both have: by images where enough is known of each, else by seeds."""
    pairs = [(a, b) for a in rows for b in others if a.seed == b.seed]
    pairs = [(a, b) for a, b in pairs if a.figures.get(name) is not None and b.figures.get(name) is not None]
    if not pairs:
        return None
    every = [row for pair in pairs for row in pair]
    first = every[0]
    if all(row.units is not None and row.groups == first.groups for row in every):
        ours, theirs = (np.array([row.units for row in side], float) for side in zip(*pairs, strict=True))
        return over_images(ours, theirs, np.array(first.groups), drawn)
    if all(row.named is not None and row.groups == first.groups for row in every):
        return of_named(pairs, name)
    return over_seeds(*([float(pair[side].figures[name] or 0.0) for pair in pairs] for side in (0, 1)))


def of_named(pairs: Sequence[tuple[Row, Row]], name: str) -> Difference:
    """By the classes that each test image has and was given."""
    told = [[np.array(row.named) for row in side] for side in zip(*pairs, strict=True)]  # [M, 2] of each row
    codes = {label: code for code, label in enumerate(np.unique(np.concatenate([*told[0], *told[1]])))}
    ours, theirs = (np.array([[codes[label] for label in row[:, 1]] for row in side]) for side in told)
    y = np.array([codes[label] for label in told[0][0][:, 0]])
    return over_classes(y, ours, theirs, np.array(pairs[0][0].groups), name)


def as_markdown(table: Table) -> list[str]:
    """The lines of a table in Markdown."""
    lines, main = table.lines(), table.figures[0]
    many = len({line["condition"] for line in lines}) > 1
    told = table.reference is not None and any(line["difference"] for line in lines)
    paper = bool(table.paper) and any(line["paper"] for line in lines)
    heads = [*(["condition"] if many else []), "method", "seeds", *(words_of(n) for n in table.figures)]
    heads += (
        [f"{words_of(main)} less {table.words.get(table.reference or '', table.reference)}"] if told else []
    )
    heads += [f"paper: {words_of(name)}" for name in table.figures if in_paper(table, name)] if paper else []
    heads += ["paper: less the same"] if paper and told else []
    found = [f"## {table.title}", "", row_of(heads), "|" + "---|" * len(heads)]
    for line in lines:
        cells = [*([line["condition"]] if many else []), line["method"], str(line["seeds"] or "")]
        cells += [spread(line["figures"].get(name), digits_of(table, name)) for name in table.figures]
        cells += [interval(line["difference"], table.digits)] if told else []
        if paper:
            theirs = line["paper"] or {}
            cells += [number(theirs.get(n), table.digits) for n in table.figures if in_paper(table, n)]
        if paper and told:
            cells += [number(line["paper_difference"], table.digits, sign=True)]
        found.append(row_of(cells))
    how = dict.fromkeys(line["difference"]["how"] for line in lines if line["difference"])
    notes = [*table.notes, *([f"Intervals (95 %): {'; '.join(how)}."] if told else [])]
    return [*found, "", *(line for note in notes for line in (note, ""))]


def digits_of(table: Table, name: str) -> int:
    return 0 if name in COUNTS else table.digits


def in_paper(table: Table, name: str) -> bool:
    return any(figures.get(name) is not None for figures in table.paper.values())


def words_of(name: str) -> str:
    return name.replace("_", " ")


def row_of(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def number(value: float | None, digits: int, sign: bool = False) -> str:
    """Rounded, and no zero is negative.

    >>> number(-0.0001, 3, sign=True), number(None, 2)
    ('+0.000', '')
    """
    return "" if value is None else f"{round(value, digits) + 0.0:{'+' if sign else ''}.{digits}f}"


def spread(found: Mapping[str, Any] | None, digits: int) -> str:
    """Mean ± standard deviation.

    >>> spread({"mean": 0.5, "sd": 0.01}, 3), spread({"mean": 0.5, "sd": None}, 2), spread(None, 3)
    ('0.500 ± 0.010', '0.50', '')
    """
    if found is None:
        return ""
    return number(found["mean"], digits) + ("" if found["sd"] is None else f" ± {found['sd']:.{digits}f}")


def interval(found: Mapping[str, Any] | None, digits: int) -> str:
    """A difference with its interval.

    >>> interval({"value": 0.1, "low": 0.05, "high": 0.15}, 2)
    '+0.10 [+0.05, +0.15]'
    """
    if found is None:
        return ""
    ends = (
        ""
        if found["low"] is None
        else " [{:+.{d}f}, {:+.{d}f}]".format(found["low"], found["high"], d=digits)
    )
    return number(found["value"], digits, sign=True) + ends
