"""Folds and hold-outs that keep classes in balance and never cut a group in two."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.data.manifest import Ints
from overread.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


def group_folds(labels: Array, groups: Array, folds: int, seed: int) -> Ints:
    """[N] the fold 0..folds-1 of each sample. A group lies in one fold; classes are spread evenly over folds.

    A class whose samples belong to two groups or more is spread over folds, so that each training part
    (all folds but one) holds some of it wherever the groups allow that. Equal seeds give equal folds.

    >>> folds = group_folds(np.array([0, 0, 1, 1]), np.array([7, 8, 7, 9]), folds=2, seed=0)
    >>> bool(folds[0] == folds[2] != folds[1] == folds[3])
    True
    """
    if folds < 2:
        raise InputError(f"Folds: at least 2 are needed, got {folds}.")
    count = len(np.unique(groups))
    if folds > count:
        raise InputError(
            f"{folds} folds need at least {folds} groups (patients); there are {count}. Lower --folds."
        )
    return _deal(labels, groups, np.full(folds, 1.0 / folds), seed)


def holdout(labels: Array, groups: Array, share: float, seed: int) -> Flags:
    """[N] True for about `share` of each class, held out by whole groups. Equal seeds give equal parts."""
    if not 0.0 < share < 1.0:
        raise InputError(f"The share to hold out is above 0 and below 1, got {share}.")
    return np.equal(_deal(labels, groups, np.array([1.0 - share, share]), seed), 1)


def lonely_classes(labels: Array, groups: Array) -> Array:
    """The classes whose samples all belong to one group: no training part without that group knows them."""
    names, codes = np.unique(labels, return_inverse=True)
    pairs = np.unique(np.stack([codes, _codes(groups)]), axis=1)
    return np.asarray(names[np.bincount(pairs[0]) == 1])


def _deal(labels: Array, groups: Array, shares: Array, seed: int) -> Ints:
    """[N] the part of each sample; part p gets about `shares[p]` of each class.

    Let n_gc be the samples of class c in group g, N_c those in all, d_pc those dealt to part p so far. Groups
    are dealt one by one, those with the rarest class first and among them the larger ones, to the part p with
    the least sum over c of (n_gc / N_c) * (d_pc + n_gc) / (shares_p * N_c); on a tie to the emptier part.
    """
    table, codes = _table(labels, groups)
    order = _order(table, np.random.default_rng(seed))
    total = table.sum(axis=0)  # [C]
    goal = np.outer(shares, total)  # [P, C] samples each part should get
    dealt = np.zeros_like(goal)
    sizes = np.zeros(len(shares))
    part = np.zeros(len(table), dtype=np.int64)
    for group in order:
        classes = np.flatnonzero(table[group])
        count = table[group, classes]  # [K]
        cost = ((dealt[:, classes] + count) / goal[:, classes]) @ (count / total[classes])
        best = int(np.lexsort((sizes / shares, np.round(cost, 9)))[0])
        part[group] = best
        dealt[best, classes] += count
        sizes[best] += count.sum()
    return part[codes]


def _table(labels: Array, groups: Array) -> tuple[Array, Ints]:
    """[G, C] samples of each class in each group, and [N] the row of each sample's group."""
    codes, classes = _codes(groups), _codes(labels)
    table = np.zeros((codes.max() + 1, classes.max() + 1))
    np.add.at(table, (codes, classes), 1.0)
    return table, codes


def _order(table: Array, rng: np.random.Generator) -> Ints:
    """[G] groups as they are dealt: by their rarest class, then large ones first, chance among equals."""
    spread = (table > 0).sum(axis=0)  # [C] groups that hold the class
    rank = spread.argsort(kind="stable").argsort(kind="stable")
    rarest = np.where(table > 0, rank, len(rank)).min(axis=1)
    chance = rng.permutation(len(table))
    return np.lexsort((chance, -table.sum(axis=1), rarest)).astype(np.int64)


def _codes(values: Array) -> Ints:
    """[N] values as integers 0, 1, ... in order of first appearance: the same for text and for numbers."""
    import pandas as pd

    return np.asarray(pd.factorize(np.asarray(values))[0], dtype=np.int64)
