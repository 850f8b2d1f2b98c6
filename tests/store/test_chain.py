"""Whatever is changed behind the store's back is found, and named."""

from __future__ import annotations

import pytest

from overread.store import Opinion
from overread.store.chain import hash_of

SAMPLES = ("a", "b", "c", "d")


@pytest.fixture
def trail(store):
    """A store with six entries."""
    store.append(
        [Opinion(SAMPLES[n % 4], f"reader-{n % 2}", "label", "df", reason=f"r{n}") for n in range(6)]
    )
    assert store.verify() == []
    return store


def insert(entry, **changes):
    """The statement that writes an entry with changes, its hash fitting, as somebody would who knows how."""
    row = {**vars(entry), **changes}
    row["hash"] = changes.get("hash") or hash_of(row)
    row["evidence"] = "{}"
    cells = ["NULL" if v is None else "false" if v is False else repr(v) for v in row.values()]
    return f"INSERT INTO opinions ({', '.join(row)}) VALUES ({', '.join(cells)})", row["hash"]


CHANGES = {
    "label": "'nv'",
    "reader": "'eve'",
    "reason": "'because'",
    "outcome": "'keep'",
    "at": "'2020-01-01T00:00:00+00:00'",
    "authority": "true",
    "seconds": "1.5",
    "evidence": "'{\"score\":1}'",
    "round": "4",
    "key": "'k'",
    "sample": "'d'",
    "undoes": "1",
    "before": f"'{'0' * 64}'",
    "hash": f"'{'0' * 64}'",
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_row_is_named(trail, tamper, column):
    tamper(f"UPDATE opinions SET {column} = {CHANGES[column]} WHERE number = 3")
    (first, *rest) = trail.verify()
    assert first.startswith("Entry 3 (sample ")
    assert "was changed after it was written" in first
    assert len(rest) == (column == "hash")  # then the entry after it follows another one


def test_a_row_written_anew_with_a_fitting_hash_is_found(trail, tamper):
    entry = list(trail.opinions())[2]
    tamper("DELETE FROM opinions WHERE number = 3", insert(entry, label="nv")[0])
    (fault,) = trail.verify()
    assert fault.startswith("Entry 4 (sample 'd', reader 'reader-1') does not follow Entry 3 (sample 'c'")


@pytest.mark.parametrize(
    ("which", "told"),
    [
        ("number = 1", "Entry 1 was removed: Entry 2 (sample 'b', reader 'reader-1') comes after the start."),
        (
            "number = 3",
            "Entry 3 was removed: Entry 4 (sample 'd', reader 'reader-1') comes after Entry 2 (sample",
        ),
        (
            "number IN (3, 4)",
            "Entries 3 to 4 were removed: Entry 5 (sample 'a', reader 'reader-0') comes after",
        ),
    ],
)
def test_a_removed_row_is_named(trail, tamper, which, told):
    tamper(f"DELETE FROM opinions WHERE {which}")
    (fault,) = trail.verify()
    assert fault.startswith(told)


def test_a_removed_row_is_found_though_the_numbers_were_closed_up(trail, tamper):
    tamper(
        "DELETE FROM opinions WHERE number = 3",
        "UPDATE opinions SET number = -number + 1 WHERE number > 3",
        "UPDATE opinions SET number = -number WHERE number < 0",
        "UPDATE head SET number = 5",
    )
    (fault,) = trail.verify()
    assert fault.startswith("An entry was removed after Entry 2 (sample 'b'")
    assert "Entry 3 (sample 'd', reader 'reader-1') was written as entry 4" in fault


def test_an_inserted_row_is_named(trail, tamper):
    """With a hash and a number that fit, and all entries after it moved on by one."""
    before = list(trail.opinions())[1]
    tamper(
        "UPDATE opinions SET number = -number - 1 WHERE number > 2",
        "UPDATE opinions SET number = -number WHERE number < 0",
        insert(before, number=3, before=before.hash, reader="eve", key=None)[0],
        "UPDATE head SET number = 7",
    )
    (fault,) = trail.verify()
    assert fault.startswith("Entry 3 (sample 'b', reader 'eve') was inserted: Entry 4 (sample 'c'")


@pytest.mark.parametrize("number", [0, -5])
def test_a_row_inserted_before_the_first_is_named(trail, tamper, number):
    first = next(trail.opinions())
    tamper(insert(first, number=number, reader="eve")[0])
    assert trail.verify()[0].startswith(f"Entry {number} (sample 'a', reader 'eve') was inserted")


def test_a_row_put_at_the_end_past_the_store_is_named(trail, tamper):
    last = list(trail.opinions())[-1]
    tamper(insert(last, number=7, before=last.hash, reader="eve")[0])
    (fault,) = trail.verify()
    assert fault == "Entry 7 (sample 'b', reader 'eve') was inserted: the store's last entry is 6."


def test_a_tail_cut_off_by_accident_is_found(trail, tamper):
    tamper("DELETE FROM opinions WHERE number > 4")
    (fault,) = trail.verify()
    assert fault == "The end was cut off: the store's last entry is 6, and the trail ends with 4."


def test_a_tail_cut_off_with_care_is_found_with_the_head(trail, tamper):
    number, head = trail.head()
    fourth = list(trail.opinions())[3]
    assert (number, trail.verify(head), trail.verify(fourth.hash)) == (6, [], [])
    tamper("DELETE FROM opinions WHERE number > 4", f"UPDATE head SET number = 4, hash = '{fourth.hash}'")
    assert trail.verify() == []  # as good as new
    assert trail.verify(fourth.hash) == []
    (fault,) = trail.verify(head)
    assert fault.startswith(f"No entry has the hash {head}: the end of the trail was cut off")


def test_a_former_head_is_still_in_the_trail(trail):
    head = trail.head()[1]
    trail.append(Opinion("a", "ann", "keep"))
    assert trail.verify(head) == []
    assert trail.verify(head.upper() + " ") == []  # as it was copied


def test_a_trail_written_anew_from_its_start_is_found_with_the_head(trail, tamper):
    head = trail.head()[1]
    entries, statements, before = list(trail.opinions()), [], trail.history("a")[0].before
    for entry in entries:
        statement, before = insert(entry, before=before, reader="eve")
        statements.append(statement)
    tamper("DELETE FROM opinions", *statements, f"UPDATE head SET hash = '{before}'")
    assert trail.verify() == []
    assert len(trail.verify(head)) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE samples SET given = 'df' WHERE id = 'c'",
        "UPDATE samples SET given = NULL WHERE id = 'c'",
        "UPDATE samples SET \"group\" = 'p9' WHERE id = 'c'",
        "UPDATE samples SET id = 'e' WHERE id = 'd'",
    ],
)
def test_changed_given_labels_are_found(trail, tamper, change):
    tamper(change)
    assert trail.verify()[0] == (
        "The samples were changed after they were registered: their ids, given labels or groups."
    )


def test_removed_and_added_samples_are_found(trail, tamper):
    tamper("DELETE FROM samples WHERE id = 'd'")
    assert trail.verify()[0] == "4 samples were registered, and 3 are there."
    tamper(
        "INSERT INTO samples (place, id, given, \"group\") VALUES (3, 'd', NULL, 'p3'), (4, 'e', NULL, '')"
    )
    assert trail.verify()[0] == "4 samples were registered, and 5 are there."


def test_a_head_that_was_changed_is_found(trail, tamper):
    tamper(f"UPDATE head SET hash = '{'0' * 64}'")
    assert trail.verify() == [
        "The head is not that of Entry 6 (sample 'b', reader 'reader-1'), with which the trail ends."
    ]


def test_a_start_that_was_changed_is_found(trail, tamper):
    tamper(f"UPDATE head SET start = '{'0' * 64}'")
    assert len(trail.verify()) == 2


def test_a_head_that_was_removed_is_found(trail, tamper):
    tamper("DELETE FROM head")
    assert trail.verify() == [
        "The store holds no samples: nothing was ever registered, or its head was removed."
    ]


def test_changed_and_removed_masks_are_named(masks, tamper, drawn, url):
    one, other = masks.append(
        [Opinion("x", "ann", "label", structure="heart", mask=drawn(side)) for side in (2, 3)]
    )
    blob = "x'00'" if "://" not in url else "'\\x00'"
    tamper(f"UPDATE masks SET png = {blob} WHERE hash = '{one.mask}'")
    assert masks.verify() == [f"The mask {one.mask} was changed: its bytes have another hash."]
    tamper("DELETE FROM masks")
    assert masks.verify() == [
        f"The mask {one.mask} of entry 1 was removed.",
        f"The mask {other.mask} of entry 2 was removed.",
    ]


def test_two_faults_are_two_sentences(trail, tamper):
    tamper("UPDATE opinions SET label = 'nv' WHERE number = 2", "DELETE FROM opinions WHERE number = 4")
    assert [fault.split(" (")[0] for fault in trail.verify()] == ["Entry 2", "Entry 4 was removed: Entry 5"]
