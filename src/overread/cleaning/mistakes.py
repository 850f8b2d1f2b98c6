"""How a simulated expert errs: at random, but of each sample always in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from overread.errors import InputError
from overread.noise.labels import check_share
from overread.noise.transition import check_matrix, read_matrix

Matrix = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Mistakes:
    r"""How often an expert errs, and into which class: $P(\text{answer} = j \mid \text{true} = i) = T_{ij}$.

    By `error` $\epsilon$: $T_{ii} = 1 - \epsilon$ and $T_{ij} = \epsilon / (C - 1)$ for the others. By `confusion`: T
    itself, as rows of numbers in the order of the classes, or a CSV table whose first row names the answered classes
    and whose first column the true ones, in any order. Rows sum to 1.

    >>> Mistakes(error=0.5).matrix(("a", "b", "c")).tolist()
    [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.25, 0.25, 0.5]]
    """

    error: float = 0.0  # share of answers that are wrong, 0 to 1
    confusion: Path | tuple[tuple[float, ...], ...] | None = None  # [C, C], rows true, columns answered

    def __post_init__(self) -> None:
        check_share("The expert's error", self.error)
        if self.error and self.confusion is not None:
            raise InputError(
                f"The expert's mistakes are given twice: an error of {self.error} and a confusion of classes. "
                "Keep one of them."
            )

    def matrix(self, classes: tuple[str, ...]) -> Matrix:
        """[C, C] T, checked."""
        size = len(classes)
        if self.confusion is None and self.error and size < 2:
            raise InputError(f"An expert can only err between two classes or more, got {size}.")
        if self.confusion is None:
            others = self.error / max(size - 1, 1)
            return np.eye(size) * (1.0 - self.error - others) + others
        try:
            given = self.confusion
            matrix = read_matrix(given, classes) if isinstance(given, Path) else np.array(given, np.float64)
            check_matrix(matrix, classes)
        except InputError as error:
            raise InputError(f"The expert's confusion of classes: {error}") from None
        return matrix


def chance(seed: int, *what: object) -> float:
    """A number in 0 .. 1, equally likely anywhere, that depends on nothing but the arguments.

    >>> chance(0, "s1", 1) == chance(0, "s1", 1) != chance(0, "s1", 2)
    True
    """
    text = "\x1f".join(map(str, (seed, *what)))
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def drawn(true: int, row: Sequence[float], u: float) -> int:
    """The answer at chance u in [0, 1) by a row of T [C]: below T_ii the true class, above it the others in order.

    So an expert who errs less errs only where one who errs more does.

    >>> [drawn(1, [0.25, 0.5, 0.25], u) for u in (0.1, 0.6, 0.9)]
    [1, 0, 2]
    """
    order = [true, *(label for label in range(len(row)) if label != true and row[label] > 0)]
    edge = 0.0
    for label in order:
        edge += row[label]
        if u < edge:
            return label
    return order[-1]  # rounding left a gap at the top
