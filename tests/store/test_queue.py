"""The queue of a round: who is asked what next."""

from __future__ import annotations

import pytest

from overread.errors import InputError
from overread.store import Item, Opinion, Progress

ROUND = [("c", 0, {"score": 0.9}), ("a", 1, {"score": 0.5}), ("b", 2, {})]


@pytest.fixture
def asked(store):
    """A store with a round of three."""
    store.enqueue(1, ROUND)
    return store


def say(store, sample, outcome, reader="ann", **more):
    """An answer in round 1."""
    label = "df" if outcome == "label" else None
    return store.append(Opinion(sample, reader, outcome, label, round=1, **more))[0]


def order(store, reader="ann", most=5):
    """The samples that a reader is shown who labels one after the other."""
    found = []
    while (item := store.next(reader, 1)) and len(found) < most:
        found.append(item.sample)
        say(store, item.sample, "label", reader)
    return found


def test_items_come_in_their_order(asked):
    assert asked.queue(1) == [Item(1, n, sample, None, why) for n, (sample, _, why) in enumerate(ROUND)]
    assert asked.next("ann", 1) == Item(1, 0, "c", None, {"score": 0.9})
    assert order(asked) == ["c", "a", "b"]
    assert asked.next("ann", 1) is None
    assert asked.queue(2) == []
    assert asked.next("ann", 2) is None


def test_a_round_is_written_once(asked):
    assert asked.enqueue(1, [("c", 7, {}), ("d", 3, {})]) == 1
    assert [(item.sample, item.place) for item in asked.queue(1)] == [("c", 0), ("a", 1), ("b", 2), ("d", 3)]


def test_what_is_not_registered_cannot_be_asked(asked):
    with pytest.raises(InputError, match="samples that the label store does not know"):
        asked.enqueue(1, [("d", 3, {}), ("z", 4, {})])
    assert len(asked.queue(1)) == 3


def test_each_reader_has_their_own_way_through(asked):
    say(asked, "c", "label", "ann")
    assert asked.next("ann", 1).sample == "a"
    assert asked.next("bob", 1).sample == "c"


def test_every_outcome_but_skip_is_an_answer(asked):
    say(asked, "c", "unsure")
    say(asked, "a", "unreadable")
    assert asked.next("ann", 1).sample == "b"


def test_what_was_skipped_comes_last_and_again(asked):
    say(asked, "c", "skip")
    assert asked.next("ann", 1).sample == "a"
    say(asked, "a", "skip")
    say(asked, "b", "label")
    assert asked.next("ann", 1).sample == "c"
    say(asked, "c", "skip")
    assert asked.next("ann", 1).sample == "a"
    say(asked, "a", "label")
    say(asked, "c", "label")
    assert asked.next("ann", 1) is None


def test_an_undone_answer_is_asked_again(asked):
    entry = say(asked, "c", "label")
    say(asked, "a", "label")
    assert asked.next("ann", 1).sample == "b"
    asked.append(Opinion("c", "ann", "undo", undoes=entry.number))
    assert asked.next("ann", 1).sample == "c"


def test_an_undone_skip_is_asked_again_at_its_place(asked):
    entry = say(asked, "c", "skip")
    assert asked.next("ann", 1).sample == "a"
    asked.append(Opinion("c", "ann", "undo", undoes=entry.number))
    assert asked.next("ann", 1).sample == "c"


def test_one_of_two_answers_undone_is_still_an_answer(asked):
    first, _ = say(asked, "c", "label"), say(asked, "c", "keep")
    asked.append(Opinion("c", "ann", "undo", undoes=first.number))
    assert asked.next("ann", 1).sample == "a"


def test_what_an_authority_settled_is_not_asked(asked):
    assert asked.next("ann", 1).sample == "c"
    entry = asked.append(Opinion("c", "eve", "label", "df", authority=True))[0]  # in no round
    assert asked.next("ann", 1).sample == "a"
    asked.append(Opinion("c", "eve", "undo", undoes=entry.number))
    assert asked.next("ann", 1).sample == "c"
    asked.append(Opinion("c", "eve", "unsure", authority=True))
    assert asked.next("ann", 1).sample == "c"


def test_answers_of_other_rounds_do_not_count(asked):
    asked.append(Opinion("c", "ann", "keep", round=2))
    asked.append(Opinion("c", "ann", "keep"))
    assert asked.next("ann", 1).sample == "c"
    assert asked.progress(1).answered == 0


def test_one_store_sees_what_another_appends(asked, opened):
    other = opened()
    assert asked.next("ann", 1).sample == "c"
    say(other, "c", "label")
    assert asked.next("ann", 1).sample == "a"
    other.enqueue(1, [("d", 9, {})])
    say(other, "a", "label")
    say(other, "b", "label")
    assert asked.next("ann", 1).sample == "d"


def test_progress(asked):
    assert asked.progress(1) == Progress(3, 0, {})
    say(asked, "c", "label", "ann")
    say(asked, "c", "keep", "bob")
    say(asked, "a", "skip", "ann")
    undone = say(asked, "b", "label", "bob")
    asked.append(Opinion("b", "bob", "undo", undoes=undone.number))
    assert asked.progress(1) == Progress(3, 1, {"ann": 1, "bob": 1})
    assert asked.progress(1, readers=2).answered == 1
    assert asked.progress(1, readers=3).answered == 0
    asked.append(Opinion("c", "eve", "keep", authority=True))
    assert asked.progress(1, readers=3).answered == 1
    assert asked.progress(5) == Progress(0, 0, {})


def test_masks_are_asked_by_structure(masks, drawn):
    masks.enqueue(1, [("x", 0, {}, "heart"), ("x", 1, {}, "lungs"), ("y", 2, {})])
    masks.append(Opinion("x", "ann", "label", structure="heart", mask=drawn(), round=1))
    assert masks.next("ann", 1) == Item(1, 1, "x", "lungs", {})
    masks.append(Opinion("x", "bob", "unreadable", round=1))
    assert masks.next("bob", 1).sample == "y"
    masks.append(Opinion("y", "bob", "keep", structure="heart", round=1))
    assert masks.next("bob", 1) is None


def test_it_goes_on_where_a_back_up_was_put_back(tmp_path):
    """The store falls back behind what this process has seen."""
    import shutil

    from overread.store import LabelStore

    with_backup, backup = tmp_path / "l.sqlite", tmp_path / "b.sqlite"
    store = LabelStore.open(with_backup)
    store.register(["a", "b"], ["x", "y"])
    store.enqueue(1, [("a", 0, {}), ("b", 1, {})])
    store.close()
    shutil.copy(with_backup, backup)
    say(store, "a", "label")
    assert store.next("ann", 1).sample == "b"
    store.close()
    shutil.copy(backup, with_backup)
    assert store.next("ann", 1).sample == "a"
    store.close()
