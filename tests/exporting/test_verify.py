"""What `overread review --verify` finds, and says."""

from __future__ import annotations

import sqlite3

import pytest

from overread.errors import InputError
from overread.store import LabelStore, Opinion
from overread.verbs.verify import verify, verify_trail


def change(run, *statements):
    """Changes the store past its triggers."""
    with sqlite3.connect(run / "labels.sqlite") as connection:
        names = [
            row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ]
        for statement in (*(f"DROP TRIGGER {name}" for name in names), *statements):
            connection.execute(statement)
    connection.close()


def head_of(run):
    store = LabelStore.open(run / "labels.sqlite")
    found = store.head()
    store.close()
    return found


def test_a_trail_that_is_whole(said):
    number, head = head_of(said)
    found = verify(said)
    assert (found.number, found.hash, found.samples, found.exit_code) == (number, head, 8, 0)
    assert verify_trail(said, None, head) == found.faults == []
    assert found.lines == [
        f"Whole: 7 entries on 8 samples in {said / 'labels.sqlite'}",
        f"Head: {head}",
        "Keep this hash elsewhere: with --head it proves later that nothing was cut off since.",
    ]


def test_every_fault_is_a_line(said):
    change(
        said,
        "UPDATE opinions SET reader = 'eve' WHERE number = 2",
        "DELETE FROM opinions WHERE number = 5",
        "UPDATE samples SET given = 'nv' WHERE place = 1",
    )
    found = verify(said)
    assert found.exit_code == 1
    assert found.lines[0].startswith("NOT WHOLE: 3 faults in 7 entries")
    assert [line[:40] for line in found.lines[1:]] == [
        "- The samples were changed after they we",
        "- Entry 2 (sample 'images/1 é.png', read",
        "- Entry 5 was removed: Entry 6 (sample '",
    ]


def test_a_head_that_is_gone(said):
    change(said, "DELETE FROM head")
    found = verify(said)
    assert (found.number, found.samples, found.exit_code) == (0, 0, 1)
    assert found.faults == [
        "The store holds no samples: nothing was ever registered, or its head was removed."
    ]


def test_a_store_elsewhere(run, kit, tmp_path):
    url = str(tmp_path / "other.sqlite")
    store = kit.open_store(run, url=url)
    store.append(Opinion("images/0 é.png", "ann", "keep"))
    store.close()
    assert verify(run, url).number == 1


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (None, r"has no label store yet \(labels\.sqlite\), so there is no trail\. .*--db URL"),
        ("12ab", r"--head '12ab' is no hash\. Expected 64 signs of 0-9 and a-f"),
        ("g" * 64, r"is no hash"),
    ],
)
def test_what_cannot_be_checked(run, head, message):
    with pytest.raises(InputError, match=message):
        verify(run, head=head)
    with pytest.raises(InputError, match=r"is not the folder of a run"):
        verify(run / "nowhere")
