"""Noise by a transition matrix: which class is taken for which."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overread.data.manifest import Ints
from overread.errors import InputError, did_you_mean
from overread.noise.labels import Images, Labels, check_share

Matrix = np.ndarray[Any, np.dtype[np.float64]]
TOLERANCE = 1e-6  # how far a row's sum may be from 1


@dataclass(frozen=True)
class Class:
    """Each label is drawn, on its own, from its row of a row-stochastic matrix T:

        P(given = j | true = i) = T[i, j],   T[i, j] >= 0,   sum_j T[i, j] = 1.

    `matrix` is a file, or rows of numbers in the order of the classes. A file is a CSV table whose first
    row names the given classes and whose first column names the true ones, in any order.
    Where `rate` is given, T keeps its shape and is made stronger or weaker,

        T' = I + s (T - I),   s such that the expected share of wrong labels in this set is `rate`.

    Source: Patrini et al. 2017. The number of wrong labels is random here; `noise.json` has it.

    >>> swap = ((0.0, 1.0), (1.0, 0.0))
    >>> Class(matrix=swap).draw(Labels.plain(np.array([0, 1, 1])), np.random.default_rng(0)).tolist()
    [1, 0, 0]
    """

    matrix: Path | tuple[tuple[float, ...], ...]  # [C, C], rows true, columns given
    rate: float | None = None  # expected share of wrong labels; None takes the matrix as it is

    def __post_init__(self) -> None:
        if self.rate is not None:
            check_share("rate", self.rate)

    def draw(self, labels: Labels, rng: np.random.Generator, images: Images | None = None) -> Ints:
        """[N] int64"""
        edges = self.transition(labels).cumsum(1)[labels.codes]  # [N, C]
        edges[:, -1] = 1.0  # rounding must not leave a gap at the top
        given: Ints = (rng.random((len(labels), 1)) >= edges).sum(1).astype(np.int64)
        return given

    def transition(self, labels: Labels) -> Matrix:
        """[C, C] the matrix that is drawn from, checked, its classes in the order of `labels`."""
        if isinstance(self.matrix, Path):
            matrix = read_matrix(self.matrix, labels.classes)
        else:
            matrix = np.array(self.matrix, dtype=np.float64)
        check_matrix(matrix, labels.classes)
        return matrix if self.rate is None else scaled(matrix, labels, self.rate)


def scaled(matrix: Matrix, labels: Labels, rate: float) -> Matrix:
    """`I + s (T - I)` with the expected share of wrong labels equal to `rate`."""
    leaving = 1.0 - matrix.diagonal()  # [C]
    expected = float(leaving[labels.codes].mean())
    if expected == 0.0 and rate > 0.0:
        raise InputError("The matrix confuses no classes of this data, so no rate above 0 can be reached.")
    factor = rate / expected if rate > 0.0 else 0.0
    if factor * leaving.max() > 1.0 + TOLERANCE:
        most = expected / leaving.max()
        raise InputError(
            f"With this matrix the rate can be {most:.3g} at most, got {rate}: "
            f"class {labels.classes[int(leaving.argmax())]!r} would lose more labels than it has."
        )
    identity = np.eye(len(matrix))
    return np.clip(identity + factor * (matrix - identity), 0.0, 1.0)


def check_matrix(matrix: Matrix, classes: tuple[str, ...]) -> None:
    """Refuses what is not a row-stochastic C x C matrix, naming the rows that are wrong."""
    size = len(classes)
    if matrix.shape != (size, size):
        raise InputError(
            f"The transition matrix must be {size} x {size} ({', '.join(classes)}), got shape {matrix.shape}."
        )
    problems = [
        f"row {name!r} sums to {row.sum():.6g}, lowest entry {row.min():.6g}"
        for name, row in zip(classes, matrix, strict=True)
        if not (abs(row.sum() - 1.0) <= TOLERANCE and row.min() >= 0.0)  # NaN fails both
    ]
    if problems:
        raise InputError(
            f"Each row of the transition matrix must sum to 1 with no entry below 0: {'; '.join(problems)}."
        )


def read_matrix(path: Path, classes: tuple[str, ...]) -> Matrix:
    """[C, C] the matrix of a CSV file, rows and columns put in the order of `classes`."""
    import pandas as pd

    try:
        table = pd.read_csv(path, index_col=0, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise InputError(f"There is no matrix file {str(path)!r}.") from None
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise InputError(f"{path} is not a CSV table: {error}") from error
    table.index, table.columns = table.index.astype(str), table.columns.astype(str)
    problems = _name_problems("row", list(table.index), classes)
    problems += _name_problems("column", list(table.columns), classes)
    if problems:
        raise InputError(f"{path} does not fit the classes {', '.join(classes)}: " + "; ".join(problems))
    try:
        return table.loc[list(classes), list(classes)].to_numpy(np.float64)
    except ValueError as error:
        raise InputError(f"{path} holds something that is not a number: {error}") from error


def _name_problems(what: str, names: list[str], classes: tuple[str, ...]) -> list[str]:
    unknown = [name for name in names if name not in classes]
    twice = sorted({name for name in names if names.count(name) > 1})
    missing = [name for name in classes if name not in names]
    problems = [f"unknown {what} {name!r}. {did_you_mean(name, classes)}" for name in unknown[:5]]
    problems += [f"{what} {name!r} comes twice" for name in twice[:5]]
    return problems + [f"no {what} for {name!r}" for name in missing[:5]]
