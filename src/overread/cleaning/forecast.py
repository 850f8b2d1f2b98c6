"""How many wrong labels are left, and how many the next hundred would find: by p_wrong and what was found so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from overread.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]
LEVEL = 0.95
SHARED, LOCAL, REACH = 0.75, 1.0, 2.0  # of what p_wrong is believed to be off, in logits (docs/stopping.md)
ACROSS = 0.1  # and how much of it one class has in common with another
LEAST, MOST = 1e-3, 0.99  # p_wrong is not taken for nearer to 0 or 1: of a hundred suspects one may be right
CLASSES = 20  # that are told apart: the commonest; the others count as one
BINS, DRAWS = 60, 2000
FOLLOWING = 100


@dataclass(frozen=True)
class Count:
    """An expected number of wrong labels and its 95 % interval."""

    expected: float
    low: float
    high: float


NONE = Count(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Forecast:
    """What is to be expected of the labels that nobody has verified."""

    unasked: int
    remaining: Count  # wrong labels among all of them
    following: int  # how many labels come next: 100, or what is left
    next_wrong: Count  # wrong labels among those
    words: str


@dataclass(frozen=True)
class Found:
    """The labels that were asked about and got an answer: unsure and unreadable ones are left out."""

    p_wrong: Array  # [n] before the label was asked, 0 to 1
    wrong: Array  # [n] bool: the reader changed it
    at_random: bool = False  # drawn at random from all that could be asked
    classes: Array | None = None  # [n] codes of their given classes; None: not told apart


def forecast(
    p_wrong: Array, found: Found, order: Array | None = None, seed: int = 0, classes: Array | None = None
) -> Forecast:
    r"""Wrong labels among those not asked, and among the next hundred, each with a 95 % interval.

    $P(\text{wrong}_i) = \sigma(x_i + g(x_i, c_i))$ with $x = \operatorname{logit} p$ and the given class c:
    p_wrong as it is where g = 0. Before any answer g is a Gaussian process around 0, and the answers move it near the
    p_wrong that were asked, above all in their own class (`recalibration`). Far from these p_wrong stands, and doubt
    with it. It is in terms of p_wrong because those who were asked were chosen by suspicion: their share of wrong
    labels is not that of the others. 2000 draws of g, and of the labels given it, make the intervals.

    Where the labels were asked at random, their share is an estimate that needs no p_wrong: `remaining` is then
    M k / n for k wrong of n asked and M left, with the interval of `left_after_random`. The next hundred go by
    p_wrong.

    Args:
        p_wrong: [M] of the labels that nobody has verified, 0 to 1.
        found: of all rounds so far.
        order: rows of p_wrong in the order in which they will be asked; by falling p_wrong if not given.
        seed: equal seeds, equal forecasts.
        classes: [M] codes of the given classes, as `found` has them; None: not told apart.
    """
    p = np.asarray(p_wrong, float)
    _check(p, found, classes)
    if not len(p):
        return Forecast(0, NONE, 0, NONE, _words(p, found))
    rows = np.argsort(-p, kind="stable") if order is None else np.asarray(order, np.int64)
    class_left, class_asked = _told_apart(p, found, classes)
    left, place = cells_of(logit(p), class_left)
    asked, cell = cells_of(logit(found.p_wrong), class_asked)
    wrong = np.bincount(cell, np.asarray(found.wrong, float), len(asked.size))
    mode, spread = recalibration(asked, wrong, left)
    rng = np.random.default_rng(seed)
    drawn = rng.multivariate_normal(mode, spread, DRAWS, method="eigh")  # [S, K]
    remaining = _count(drawn, left, rng)
    if found.at_random and len(found.wrong):
        remaining = left_after_random(int(found.wrong.sum()), len(found.wrong), len(p))
    following = rows[:FOLLOWING]
    near, _ = cells_of(logit(p[following]), class_left[following])
    next_wrong = _count(drawn[:, np.unique(place[following])], near, rng)
    return Forecast(len(p), remaining, len(following), next_wrong, _words(p, found))


def speaks_for_the_rest(sampler: str, balanced: bool) -> bool:
    """Whether answers to what a sampler chose say how right p_wrong is of the labels that it did not choose.

    They do where p_wrong's own order or chance chose them. Entropy and coreset choose hard images, and a balanced
    budget goes by the network's opinion: among labels of equal p_wrong those chosen are then more often, or less
    often, wrong than the others (docs/stopping.md).
    """
    return sampler in ("random", "suspicion") and not balanced


@dataclass(frozen=True)
class Cells:
    """Labels of one given class whose logits lie in one bin, for each of K such pairs."""

    classes: Array  # [K]
    bins: Array  # [K]
    size: Array  # [K] how many labels
    mean: Array  # [K] of their logits


def cells_of(x: Array, classes: Array) -> tuple[Cells, Array]:
    """The cells of labels with logits x [M], in order of class and bin; and [M] in which of them each lies."""
    kinds, place = np.unique(classes * BINS + bin_of(x), return_inverse=True)
    size = np.bincount(place, minlength=len(kinds))
    mean = np.bincount(place, x, len(kinds)) / np.maximum(size, 1)
    return Cells(kinds // BINS, kinds % BINS, size, mean), place


def kernel(one: Cells, other: Cells) -> Array:
    r"""[K, L] covariance of g between cells, before any answer: how far p_wrong is believed to be off, in logits.

    $\operatorname{cov}(g(x, c), g(x', c')) = a_{cc'} (0.75^2 + 1^2 e^{-(x - x')^2 / (2 \cdot 2^2)})$: a part that
    all x share, and one that reaches 2 logits; $a_{cc'}$ is 1 within a class and 0.1 between two.
    """
    middle = (EDGES[1:] + EDGES[:-1]) / 2.0
    apart = (middle[one.bins][:, None] - middle[other.bins]) / REACH
    across = np.where(one.classes[:, None] == other.classes, 1.0, ACROSS)
    return np.asarray(across * (SHARED**2 + LOCAL**2 * np.exp(-(apart**2) / 2.0)))


def recalibration(asked: Cells, wrong: Array, left: Cells) -> tuple[Array, Array]:
    r"""How far p_wrong is off in the cells `left` after the answers: the mode [K] and the covariance [K, K] of g.

    The mode of $\sum_i \log \operatorname{Bernoulli}(w_i; \sigma(x_i + g)) - \frac12 g^\top K^{-1} g$ in the cells
    that were asked, `wrong` [L] of whose labels were wrong, by Newton's method; from there to those left as a
    Gaussian process does, with the curvature W at the mode (Laplace): $K_* \nabla$ and
    $K_{**} - K_* (K + W^{-1})^{-1} K_*^\top$.

    Source: Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, algorithms 3.1 and 3.2.
    """
    inner, one = kernel(asked, asked), np.eye(len(asked.size))
    g = np.zeros(len(asked.size))
    for _ in range(100):
        p = sigmoid(asked.mean + g)
        curve = asked.size * p * (1.0 - p)  # [L] W
        step = np.linalg.solve(one + inner * curve, inner @ (curve * g + wrong - asked.size * p)) - g
        g = g + step / max(1.0, float(np.abs(step).max(initial=0.0)))
        if np.abs(step).max(initial=0.0) < 1e-9:
            break
    outer = kernel(left, asked)  # [K, L]
    mode = outer @ (wrong - asked.size * sigmoid(asked.mean + g))
    spread = kernel(left, left) - (outer * curve) @ np.linalg.solve(one + inner * curve, outer.T)
    return mode, (spread + spread.T) / 2.0


def _told_apart(p: Array, found: Found, classes: Array | None) -> tuple[Array, Array]:
    """[M] and [n] classes of the labels left and asked, as numbers; all 0 where they are not told apart."""
    if classes is None or found.classes is None:
        return np.zeros(len(p), np.int64), np.zeros(len(found.p_wrong), np.int64)
    _, codes, counts = np.unique(
        np.concatenate([classes, found.classes]), return_inverse=True, return_counts=True
    )
    rank = np.argsort(np.argsort(-counts, kind="stable"))
    codes = np.minimum(rank[codes], CLASSES)
    return codes[: len(p)], codes[len(p) :]


def left_after_random(wrong: int, asked: int, left: int) -> Count:
    r"""Wrong labels among `left`, after `asked` drawn at random from all `asked + left` had `wrong` wrong ones.

    The K wrong labels of all N that are not refuted at 2.5 % on either side by X = `wrong`, X hypergeometric:
    Clopper and Pearson's interval for a finite set. Expected: left · wrong / asked.

    >>> left_after_random(10, 10, 0), left_after_random(0, 59, 1000).high
    (Count(expected=0.0, low=0.0, high=0.0), 62.0)
    """
    from scipy.stats import hypergeom

    tail, everything = (1.0 - LEVEL) / 2.0, asked + left

    def refuted_below(total: int) -> bool:
        return bool(hypergeom.sf(wrong - 1, everything, total, asked) <= tail)

    def refuted_above(total: int) -> bool:
        return bool(hypergeom.cdf(wrong, everything, total, asked) <= tail)

    low, high = wrong, wrong + left
    below, above = low, high
    while below < above:  # the least total that is not refuted
        middle = (below + above) // 2
        below, above = (middle + 1, above) if refuted_below(middle) else (below, middle)
    least, below, above = below, below, high
    while below < above:  # the greatest
        middle = (below + above + 1) // 2
        below, above = (below, middle - 1) if refuted_above(middle) else (middle, above)
    return Count(left * wrong / asked, float(least - wrong), float(below - wrong))


def logit(p: Array) -> Array:
    """log(p / (1 - p)) of p held between LEAST and MOST."""
    p = np.clip(p, LEAST, MOST)
    return np.asarray(np.log(p) - np.log1p(-p))


EDGES = np.linspace(logit(np.zeros(1))[0], logit(np.ones(1))[0], BINS + 1)  # of the bins of logits


def bin_of(x: Array) -> Array:
    """The bin of each logit."""
    return np.searchsorted(EDGES[1:-1], x, side="right")


def sigmoid(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -500.0, 500.0))))


def _count(drawn: Array, cells: Cells, rng: np.random.Generator) -> Count:
    """How many of the labels in the cells are wrong, over draws [S, K] of g; alike ones count together."""
    share = sigmoid(cells.mean + drawn)  # [S, K]
    wrong = rng.binomial(cells.size, share).sum(1)
    tail = 50.0 * (1.0 - LEVEL)
    low, high = np.percentile(wrong, [tail, 100.0 - tail])
    return Count(float((share @ cells.size).mean()), float(low), float(high))


def _words(p: Array, found: Found) -> str:
    asked = len(found.wrong)
    if not asked:
        return "Nothing was answered yet: this rests on p_wrong alone."
    wrong, expected = int(np.sum(found.wrong)), float(np.sum(found.p_wrong))
    words = f"Of {asked} answered labels {wrong} were wrong, where p_wrong expected {expected:.0f}."
    if found.at_random:
        return f"{words} They were drawn at random: what remains follows their share alone."
    lowest = float(np.min(found.p_wrong))
    below = int((p < lowest).sum())
    if below:
        words += f" Of the {below} labels with p_wrong below {lowest:.2g} none was asked: of them it is carried over."
    return words


def _check(p: Array, found: Found, classes: Array | None) -> None:
    problems = []
    for name, codes, count in (
        ("of the labels left", classes, len(p)),
        ("of those asked", found.classes, len(found.p_wrong)),
    ):
        if codes is not None and len(codes) != count:
            problems.append(f"{len(codes)} classes {name} and {count} p_wrong: give one of each a label.")
    if len(found.p_wrong) != len(found.wrong):
        problems.append(
            f"{len(found.p_wrong)} p_wrong and {len(found.wrong)} answers: give one of each a label."
        )
    for name, values in (("of the labels left", p), ("of those asked", np.asarray(found.p_wrong, float))):
        outside = int((~((values >= 0.0) & (values <= 1.0))).sum())
        if outside:
            problems.append(f"{outside} p_wrong {name} are not between 0 and 1: give probabilities.")
    if problems:
        raise InputError("A forecast takes p_wrong and answers. " + " ".join(problems))
