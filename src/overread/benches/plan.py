"""What a bench is: cells, how one is run, and what is made of their records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from overread.benches.desk import Desk
    from overread.benches.figures import Panel
    from overread.benches.layouts import Layout
    from overread.benches.tables import Table

Record = dict[str, Any]  # what a cell leaves: its names, figures and curves


@dataclass(frozen=True)
class Cell:
    """One unit of work: a condition (data, noise), a method, a seed."""

    condition: str
    method: str
    seed: int

    @property
    def name(self) -> str:
        """The name of its file.

        >>> Cell("40", "ousm", 1).name
        '40.ousm.1'
        """
        return f"{self.condition}.{self.method}.{self.seed}"


@dataclass(frozen=True)
class Scale:
    """How much work: `quick`, or the full protocol."""

    seeds: tuple[int, ...]
    limits: Mapping[str, int] = field(default_factory=dict)  # images of each split; all where not named
    learning: Mapping[str, Any] = field(default_factory=dict)  # fields of every configuration


@dataclass(frozen=True)
class Role:
    """A data set that a bench needs: the paper's own layouts first, then what stands in for it."""

    layouts: tuple[Layout, ...]
    phantoms: Layout


@dataclass(frozen=True)
class Bench:
    """A paper's table: everything is composed of the public verbs."""

    name: str
    title: str
    paper: str  # what it says its figures are, in two or three sentences
    roles: tuple[Role, ...]
    quick: Scale
    full: Scale
    cells: Callable[[Desk], Sequence[Cell]]
    run: Callable[[Cell, Desk], Record]
    tables: Callable[[Sequence[Record]], Sequence[Table]]
    figures: Callable[[Sequence[Record]], Mapping[str, Sequence[Panel]]]
    notes: tuple[str, ...] = ()  # under every table: how it was done


def of(records: Sequence[Record], **wanted: Any) -> list[Record]:
    """The records whose fields are as `wanted`, by seed.

    >>> of([{"method": "ce", "seed": 2}, {"method": "ousm", "seed": 1}], method="ce")
    [{'method': 'ce', 'seed': 2}]
    """
    found = [one for one in records if all(one.get(key) == value for key, value in wanted.items())]
    return sorted(found, key=lambda one: int(one["seed"]))
