"""How far readers agree, out of the label store."""

import pytest

from overread.store import LabelStore, Opinion
from overread.verbs.cleaning.agreeing import agreement

CLASSES = ("mel", "nv")
IDS = [f"s{number}" for number in range(6)]
GROUPS = {name: f"p{number // 2}" for number, name in enumerate(IDS)}


@pytest.fixture
def store(tmp_path):
    store = LabelStore.open(tmp_path / "labels.sqlite")
    store.register(IDS, ["nv"] * 6, list(GROUPS.values()))
    return store


def by_name(found):
    return {one["name"]: one for one in found}


def test_one_reader_agrees_with_nobody(store):
    store.append([Opinion(name, "ann", "keep") for name in IDS])
    assert agreement(store, CLASSES, GROUPS) == []


def test_readers_of_different_images_agree_with_nobody(store):
    store.append([Opinion("s0", "ann", "keep"), Opinion("s1", "bob", "keep")])
    assert agreement(store, CLASSES, GROUPS) == []


def test_what_is_undone_skipped_or_unsure_is_no_answer(store):
    store.append([Opinion(name, "ann", "keep") for name in IDS])
    first = store.append(Opinion("s0", "bob", "label", "mel"))[0]
    store.append(
        [
            Opinion("s0", "bob", "undo", undoes=first.number),
            Opinion("s0", "bob", "keep"),
            Opinion("s1", "bob", "label", "mel"),
            Opinion("s2", "bob", "skip"),
            Opinion("s3", "bob", "unsure"),
        ]
    )
    raw = next(one for one in agreement(store, CLASSES, GROUPS) if one["name"].startswith("raw"))
    assert raw["value"] == pytest.approx(0.5)  # s0 alike, s1 not
    assert raw["items"] == 2
