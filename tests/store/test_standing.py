"""The rule that says which label stands, case by case."""

from __future__ import annotations

import numpy as np
import pytest

from overread.store.standing import GIVEN, Said, Standing, current_of, of_image, of_structures, standing


def said(*words):
    """What was said, in order, from words such as "ann label nv", "bob! keep mel" (an authority), "ann undo 1"."""
    found = []
    for number, text in enumerate(words, 1):
        reader, outcome, *value = text.split()
        undoes = int(value[0]) if outcome == "undo" else None
        named = value[0] if value and outcome != "undo" else None
        found.append(Said(number, reader.rstrip("!"), outcome, named, reader.endswith("!"), None, undoes))
    return found


CASES = {  # what was said -> status, label (None: the given one), verified, readers, the entries that decide
    (): ("given", None, False, 0, ()),
    ("ann label nv",): ("agreed", "nv", True, 1, (1,)),
    ("ann keep mel",): ("agreed", "mel", True, 1, (1,)),
    ("ann label nv", "bob label nv"): ("agreed", "nv", True, 2, (1, 2)),
    ("ann label nv", "bob label mel"): ("disputed", None, False, 2, (1, 2)),
    ("ann label nv", "bob label mel", "cy keep nv"): ("agreed", "nv", False, 3, (1, 3)),
    ("a label nv", "b label nv", "c label mel", "d label mel"): ("disputed", None, False, 4, (1, 2, 3, 4)),
    ("a label nv", "b label nv", "c label mel", "d label bcc"): ("disputed", None, False, 4, (1, 2, 3, 4)),
    ("ann label nv", "ann label mel"): ("agreed", "mel", True, 1, (2,)),
    ("ann label nv", "ann label mel", "ann undo 2"): ("agreed", "nv", True, 1, (1,)),
    ("ann label nv", "ann undo 1"): ("given", None, False, 0, ()),
    ("ann label nv", "ann undo 1", "ann label mel"): ("agreed", "mel", True, 1, (3,)),
    ("ann skip",): ("given", None, False, 0, ()),
    ("ann label nv", "ann skip"): ("agreed", "nv", True, 1, (1,)),
    ("ann unsure",): ("unsure", None, False, 1, (1,)),
    ("ann unsure", "bob label nv"): ("agreed", "nv", True, 2, (2,)),
    ("ann label nv", "ann unsure"): ("unsure", None, False, 1, (2,)),
    ("ann unreadable",): ("unreadable", None, False, 1, (1,)),
    ("ann unreadable", "bob label nv"): ("agreed", "nv", False, 2, (2,)),
    ("ann unreadable", "bob out-of-scope"): ("unsure", None, False, 2, (1, 2)),
    ("ann unreadable", "bob unreadable", "cy unsure"): ("unreadable", None, False, 3, (1, 2, 3)),
    ("ann! label nv",): ("authority", "nv", True, 1, (1,)),
    ("ann! label nv", "bob label mel", "cy label mel"): ("authority", "nv", True, 3, (1,)),
    ("ann! label nv", "bob! label mel"): ("authority", "mel", True, 2, (2,)),
    ("ann! label nv", "bob! label mel", "bob undo 2"): ("authority", "nv", True, 1, (1,)),
    ("ann label mel", "bob! label nv", "bob undo 2"): ("agreed", "mel", True, 1, (1,)),
    ("ann label nv", "bob! unreadable"): ("unreadable", None, False, 2, (2,)),
    ("ann! keep nv", "bob! skip"): ("authority", "nv", True, 1, (1,)),
    ("ann! unsure", "bob label nv"): ("unsure", None, False, 2, (1,)),
}


@pytest.mark.parametrize("words", CASES, ids=", ".join)
def test_the_rule(words):
    status, label, verified, readers, by = CASES[words]
    assert standing(said(*words)) == Standing(status, label, label is not None, verified, readers, by)


def test_the_order_of_readers_does_not_matter():
    """Only each reader's own order does."""
    words = ["ann label nv", "bob label mel", "cy label nv"]
    found = {standing(said(*order)).value for order in (words, words[::-1])}
    assert found == {"nv"}


def test_columns_tell_given_from_current():
    given = np.array(["nv", "mel", ""], dtype=object)
    found = {1: standing(said("ann label bcc")), 2: standing(said("ann unreadable"))}
    current = current_of(np.array(["a", "b", "c"], dtype=object), given, found)
    assert current.label.tolist() == ["nv", "bcc", ""]
    assert current.given.tolist() == ["nv", "mel", ""]
    assert current.status.tolist() == ["given", "agreed", "unreadable"]
    assert current.verified.tolist() == [False, True, False]
    assert current.askable.tolist() == [True, False, False]


def test_an_image_stands_as_the_structure_that_most_needs_another_look():
    words = [
        Said(1, "ann", "keep", None, False, "heart"),
        Said(2, "ann", "label", "0f", False, "lungs"),
        Said(3, "bob", "label", "1e", False, "lungs"),
    ]
    each = of_structures(words, ["heart", "lungs", "spine"])
    assert [one.status for one in each.values()] == ["agreed", "disputed", "given"]
    assert of_image(each) == Standing("disputed", readers=2)
    assert of_image({"heart": each["heart"]}).verified
    assert not of_image({"heart": each["heart"], "spine": GIVEN}).verified


def test_what_names_no_structure_speaks_of_all():
    each = of_structures([Said(1, "ann", "unreadable", None, False)], ["heart", "lungs"])
    assert {one.status for one in each.values()} == {"unreadable"}
