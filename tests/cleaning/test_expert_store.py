"""What the simulated expert says, as the label store takes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from overread.cleaning.experts import Oracle
from overread.cleaning.mistakes import Mistakes
from overread.data.manifest import Manifest
from overread.store import LabelStore

CLASSES = ("a", "b", "c")
SIZE = 60
ROWS = np.arange(SIZE)


@pytest.fixture
def manifest():
    draw = np.random.default_rng(0)
    names = np.array([f"s{row}" for row in ROWS], object)
    truth, given = draw.integers(0, 3, SIZE), draw.integers(0, 3, SIZE)
    return Manifest(names, names, given, CLASSES, names, np.full(SIZE, "", object), Path(), truth)


@pytest.fixture
def store(manifest, tmp_path):
    store = LabelStore.open(tmp_path / "labels.sqlite")
    store.register(list(manifest.ids), [CLASSES[code] for code in manifest.given], list(manifest.group))
    return store


def codes(current):
    return np.array([CLASSES.index(label) for label in current.label])


def test_one_perfect_reader_verifies_what_he_is_asked(manifest, store):
    store.append(Oracle(manifest).ask(ROWS[:40], manifest.given, round=1))
    current = store.current()
    assert (codes(current)[:40] == manifest.truth[:40]).all()
    assert (codes(current)[40:] == manifest.given[40:]).all()
    assert current.verified.tolist() == [True] * 40 + [False] * 20


def test_a_majority_that_the_given_label_belongs_to_is_verified_too(manifest, store):
    """The store's own majority counts readers alone; the answer that decided is an authority's."""
    opinions = Oracle(manifest, Mistakes(0.5), readers=2).ask(ROWS, manifest.given, round=1)
    store.append(opinions)
    current = store.current()
    for row in ROWS:
        votes = [CLASSES[manifest.given[row]]]
        votes += [one.label for one in opinions if one.sample == f"s{row}"]
        leader = max(set(votes), key=votes.count)
        decided = votes.count(leader) == 2
        assert current.verified[row] == decided
        assert current.label[row] == (leader if decided else votes[0])
        assert current.status[row] == ("authority" if decided else "disputed")
    assert {"authority", "disputed"} == set(current.status)


def test_an_interrupted_round_is_asked_again_and_stored_once(manifest, store):
    store.append(Oracle(manifest, readers=3).ask(ROWS[:10], manifest.given, round=1))
    first, _ = store.head()
    again = Oracle(manifest, readers=3)
    store.append(again.ask(ROWS[:20], manifest.given, round=1))
    alone = Oracle(manifest, readers=3)
    alone.ask(ROWS[:20], manifest.given, round=1)
    assert first < store.head()[0] == alone.spent == again.spent
