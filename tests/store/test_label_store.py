"""What goes into a label store comes out of it, on both databases."""

from __future__ import annotations

import hashlib
import threading

import numpy as np
import pytest

from overread.errors import InputError
from overread.store import Opinion
from overread.store.chain import canonical, hash_of


def test_an_entry_is_the_opinion_numbered_dated_and_chained(store):
    opinion = Opinion(
        sample="a",
        reader="ann",
        outcome="label",
        label="bcc",
        reason="a dot, \"quoted\", и 'others' 🙂",
        seconds=0.1 + 0.2,
        authority=True,
        evidence={"score": 1 / 3, 2: [None, True], "ü": {"b": 1, "a": -0.0}},
        round=3,
        key="k-1",
    )
    start = store.head()
    (entry,) = store.append(opinion)
    assert start[0] == 0
    assert (entry.number, entry.before) == (1, start[1])
    assert entry.evidence == {"score": 1 / 3, "2": [None, True], "ü": {"b": 1, "a": -0.0}}
    same = (
        "sample",
        "reader",
        "outcome",
        "label",
        "structure",
        "reason",
        "seconds",
        "authority",
        "round",
        "key",
    )
    assert [getattr(entry, name) for name in same] == [getattr(opinion, name) for name in same]
    assert entry.at.endswith("+00:00")
    assert store.history("a") == [entry] == list(store.opinions())
    assert store.head() == (1, entry.hash)
    assert entry.hash == hash_of(vars(entry))


def test_the_hash_is_that_of_the_json_alone(store):
    """As somebody would compute it who has but the export and docs/store.md."""
    (entry,) = store.append(Opinion("a", "ann", "label", "bcc", seconds=3))
    text = (
        f'{{"at":"{entry.at}","authority":false,"before":"{entry.before}","evidence":{{}},"key":null,"label":"bcc",'
        '"mask":null,"number":1,"outcome":"label","reader":"ann","reason":"","round":null,"sample":"a",'
        '"seconds":3.0,"structure":null,"undoes":null}'
    )
    assert hashlib.sha256(text.encode()).hexdigest() == entry.hash


def test_the_start_is_the_hash_of_the_samples(store):
    lines = [[], ["a", "nv", "p1"], ["b", "mel", "p1"], ["c", "nv", "p2"], ["d", None, "p3"]]
    digest = hashlib.sha256(b"".join(canonical(line) + b"\n" for line in lines))
    assert store.head() == (0, digest.hexdigest())


def test_numbers_follow_each_other_over_transactions_and_openings(store, opened):
    store.append([Opinion("a", "ann", "keep"), Opinion("b", "ann", "keep")])
    opened().append(Opinion("c", "ann", "keep"))
    entries = list(store.opinions())
    assert [entry.number for entry in entries] == [1, 2, 3]
    assert [entry.before for entry in entries[1:]] == [entry.hash for entry in entries[:2]]
    assert store.verify() == []


def test_current_labels(store):
    store.append(
        [
            Opinion("a", "ann", "label", "bcc"),
            Opinion("b", "ann", "label", "nv"),
            Opinion("b", "bob", "keep", "mel"),
            Opinion("d", "ann", "label", "df", authority=True),
        ]
    )
    now = store.current()
    assert now.ids.tolist() == ["a", "b", "c", "d"]
    assert now.given.tolist() == ["nv", "mel", "nv", ""]
    assert now.label.tolist() == ["bcc", "mel", "nv", "df"]
    assert now.status.tolist() == ["agreed", "disputed", "given", "authority"]
    assert now.verified.tolist() == [True, False, False, True]
    assert now.readers.tolist() == [1, 2, 0, 1]
    assert now.readers.dtype == np.int32


def test_what_was_current_before(store):
    store.append(Opinion("a", "ann", "label", "bcc"))
    store.append(Opinion("a", "ann", "label", "df"))
    assert store.standings()[("a", None)].value == "df"
    assert store.standings(until=1)[("a", None)].value == "bcc"
    assert store.standings(until=0) == {}


def test_keep_says_which_label_was_kept(store):
    """The one that stands when it is said, also within one append."""
    store.append(Opinion("a", "ann", "label", "bcc"))
    kept = store.append(
        [Opinion("a", "bob", "keep"), Opinion("b", "ann", "label", "df"), Opinion("b", "bob", "keep")]
    )
    assert [entry.label for entry in kept] == ["bcc", "df", "df"]
    assert store.append(Opinion("c", "bob", "keep"))[0].label == "nv"
    assert store.append(Opinion("c", "cy", "keep", "mel"))[0].label == "mel"  # what cy was shown
    with pytest.raises(InputError, match="'d' has no label that could be kept"):
        store.append(Opinion("d", "bob", "keep"))


def test_undo_withdraws_one_entry(store):
    first, second = store.append([Opinion("a", "ann", "label", "bcc"), Opinion("a", "ann", "label", "df")])
    store.append(Opinion("a", "ann", "undo", undoes=second.number))
    assert store.current().label[0] == "bcc"
    store.append(Opinion("a", "ann", "undo", undoes=first.number))
    assert (store.current().label[0], store.current().status[0]) == ("nv", "given")
    assert len(store.history("a")) == 4


@pytest.mark.parametrize(
    ("undo", "message"),
    [
        (Opinion("a", "ann", "undo", undoes=9), "no entry 9 on sample 'a' to undo"),
        (Opinion("b", "ann", "undo", undoes=1), "no entry 1 on sample 'b' to undo"),
        (
            Opinion("a", "bob", "undo", undoes=1),
            "Entry 1 is by 'ann'; 'bob' may undo it as an authority only",
        ),
        (Opinion("a", "ann", "undo", undoes=2), "Entry 2 is an undo"),
    ],
)
def test_undo_of_what_cannot_be_undone(store, undo, message):
    store.append([Opinion("a", "ann", "label", "bcc"), Opinion("a", "ann", "undo", undoes=1)])
    with pytest.raises(InputError, match=message):
        store.append(undo)
    assert store.head()[0] == 2


def test_an_authority_may_undo_what_others_said(store):
    store.append([Opinion("a", "ann", "label", "bcc"), Opinion("a", "eve", "undo", undoes=1, authority=True)])
    assert store.current().status[0] == "given"


def test_a_key_is_stored_once(store, opened):
    (first,) = store.append(Opinion("a", "ann", "label", "bcc", key="k"))
    again = opened().append(
        [Opinion("b", "bob", "label", "df", key="k"), Opinion("c", "ann", "keep", key="l")]
    )
    twice = store.append([Opinion("c", "ann", "keep", key="m"), Opinion("c", "ann", "keep", key="m")])
    assert again[0] == first
    assert again[1].number == 2
    assert [entry.number for entry in twice] == [3, 3]
    assert store.head()[0] == 3
    assert store.append(Opinion("a", "ann", "label", "bcc", key="k")) == [first]


def test_append_stores_all_or_nothing(store):
    with pytest.raises(InputError, match="knows no sample 'z'"):
        store.append([Opinion("a", "ann", "keep"), Opinion("z", "ann", "keep")])
    assert store.head()[0] == 0
    assert store.current().readers.sum() == 0


def test_append_nothing(store):
    assert store.append([]) == []


def test_opinions_after_and_of_a_round(store):
    store.append([Opinion("a", "ann", "keep", round=n % 2) for n in range(6)])
    assert [entry.number for entry in store.opinions(after=4)] == [5, 6]
    assert [entry.number for entry in store.opinions(round=1)] == [2, 4, 6]
    assert [entry.number for entry in store.opinions(after=2, round=1)] == [4, 6]


def test_opinions_come_page_by_page(store, monkeypatch):
    monkeypatch.setattr("overread.store.reading.PAGE", 2)
    store.append([Opinion("a", "ann", "keep") for _ in range(5)])
    assert [entry.number for entry in store.opinions()] == [1, 2, 3, 4, 5]


def test_samples_come_block_by_block(opened, monkeypatch):
    monkeypatch.setattr("overread.store.samples.BLOCK", 2)
    store = opened()
    store.register(["e", "d", "c", "b", "a"], ["1", "2", None, "", "5"], ["", "g", "g", "", "h"])
    columns = opened().samples()
    assert columns.ids.tolist() == ["e", "d", "c", "b", "a"]
    assert columns.given.tolist() == ["1", "2", "", "", "5"]
    assert columns.groups.tolist() == ["", "g", "g", "", "h"]
    assert store.verify() == []


def test_registering_again_changes_nothing(store):
    store.append(Opinion("a", "ann", "keep"))
    store.register(["a", "b", "c", "d"], ["nv", "mel", "nv", ""], ["p1", "p1", "p2", "p3"])
    assert store.head()[0] == 1


GROUPS = ["p1", "p1", "p2", "p3"]


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (
            (["a", "b", "e"], ["nv", "mel", "nv"], ["p1", "p1", "p2"]),
            r"1 are not in the store \('e'\); 2 of the store",
        ),
        ((["a", "b", "c", "d"], ["nv", "df", "nv", None], GROUPS), r"1 have another given label \('b'\)"),
        (
            (["a", "b", "c", "d"], ["nv", "mel", "nv", None]),
            r"4 have another group \('a', 'b', 'c', \.\.\.\)",
        ),
        ((["b", "a", "c", "d"], ["mel", "nv", "nv", None], GROUPS), "they come in another order"),
        (
            (["a", "b", "c", "d"], ["nv", "mel", "nv", None], GROUPS, ["heart"]),
            r"the structures were \[\] and are",
        ),
    ],
)
def test_other_samples_are_refused(store, samples, message):
    with pytest.raises(InputError, match=message):
        store.register(*samples)
    assert store.verify() == []


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (([],), "needs samples"),
        ((["a", "b"], ["nv"]), "2, 1 and 2"),
        ((["a", "b", "a"],), "'a' occurs twice"),
        ((["a", "b\0"],), "signs that no database takes"),
        ((["a", "b"], ["x\x1fy", "z"]), "signs that no database takes"),
        ((["a", "\udcff"],), "signs that no database takes"),
    ],
)
def test_samples_that_cannot_be_registered(opened, samples, message):
    with pytest.raises(InputError, match=message):
        opened().register(*samples)


def test_a_store_without_samples_says_so(opened):
    for use in (lambda s: s.append(Opinion("a", "ann", "keep")), lambda s: s.current(), lambda s: s.head()):
        with pytest.raises(InputError, match="knows no samples yet"):
            use(opened())


@pytest.mark.parametrize(
    ("opinion", "message"),
    [
        (Opinion("a", "ann", "lable", "nv"), "unknown outcome 'lable'. Did you mean 'label'"),
        (Opinion("a", " ", "keep"), "the reader has no name"),
        (Opinion("a", "ann", "label"), "neither a label nor a mask"),
        (Opinion("a", "ann", "label", ""), "its label is empty"),
        (Opinion("a", "ann", "label", "nv", mask=b"x", structure="heart"), "both a label and a mask"),
        (Opinion("a", "ann", "unsure", "nv"), "'unsure' takes neither"),
        (Opinion("a", "ann", "undo"), "undoes= names the entry"),
        (Opinion("a", "ann", "keep", undoes=1), "undoes= names the entry"),
        (Opinion("a", "ann", "keep", seconds=-1), "seconds must be"),
        (Opinion("a", "ann", "keep", seconds=float("nan")), "seconds must be"),
        (Opinion("a", "ann", "keep", evidence={"p": float("nan")}), "evidence is not JSON"),
        (Opinion("a", "ann", "keep", evidence={"p": np.zeros(2)}), "evidence is not JSON"),
        (Opinion("a", "ann", "keep", evidence={"p": "\0"}), "evidence holds signs"),
        (Opinion("a", "ann", "keep", reason="\0"), "its reason holds signs"),
        (Opinion("a", "ann", "label", mask=b"x", structure="heart"), "no PNG that can be read"),
        (Opinion("a", "ann", "label", mask=b"x"), "a mask needs its structure"),
        (
            Opinion("a", "ann", "label", "nv", structure="heart"),
            "knows no structure 'heart'. It holds labels",
        ),
    ],
)
def test_wrong_opinions_are_refused_in_words(store, opinion, message):
    with pytest.raises(InputError, match=message):
        store.append(opinion)
    assert store.head()[0] == 0


def test_all_wrong_opinions_are_told_at_once(store):
    with pytest.raises(InputError) as error:
        store.append([Opinion("a", "ann", "label") for _ in range(7)])
    assert str(error.value).count("neither a label nor a mask") == 5
    assert "and 2 more" in str(error.value)


def test_numbers_of_numpy_are_taken(store):
    store.append(
        Opinion("a", "ann", "keep", seconds=np.float32(0.1), round=np.int64(2), authority=np.bool_(True))
    )
    assert store.verify() == []


def test_masks_are_kept_once_by_their_hash(masks, drawn):
    one, other = masks.append(
        [
            Opinion("x", "ann", "label", structure="heart", mask=drawn(3)),
            Opinion("y", "ann", "label", structure="lungs", mask=drawn(3)),
        ]
    )
    assert one.mask == other.mask == hashlib.sha256(drawn(3)).hexdigest()
    assert masks.mask(one.mask) == drawn(3)
    with pytest.raises(InputError, match="holds no mask 'ff'"):
        masks.mask("ff")
    assert masks.verify() == []


def test_masks_stand_for_each_structure(masks, drawn):
    masks.append(
        [
            Opinion("x", "ann", "label", structure="heart", mask=drawn(3)),
            Opinion("x", "bob", "keep", structure="heart"),
            Opinion("x", "ann", "keep", structure="lungs"),
            Opinion("y", "ann", "unreadable"),
        ]
    )
    name = hashlib.sha256(drawn(3)).hexdigest()
    assert masks.history("x")[1].mask == name  # what bob kept
    assert masks.current("heart").label.tolist() == [name, ""]
    assert masks.current("lungs").status.tolist() == ["agreed", "unreadable"]
    assert masks.current().verified.tolist() == [True, False]
    assert masks.standings()[("x", "lungs")].value is None
    assert masks.structures == ("heart", "lungs")
    with pytest.raises(InputError, match="Did you mean 'heart'"):
        masks.current("hart")


@pytest.mark.parametrize(
    ("opinion", "message"),
    [
        (Opinion("x", "ann", "label", "nv"), "holds masks; 'nv' of 'x' is a label"),
        (Opinion("x", "ann", "keep"), "names no structure"),
        (
            Opinion("x", "ann", "keep", structure="spine"),
            "knows no structure 'spine'. Its structures are heart, lungs",
        ),
    ],
)
def test_opinions_that_do_not_fit_masks(masks, opinion, message):
    with pytest.raises(InputError, match=message):
        masks.append(opinion)


def test_masks_in_grey_are_refused(masks):
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.full((4, 4), 128, np.uint8)).save(out, "PNG")
    with pytest.raises(InputError, match="grey of 0 and 255 alone"):
        masks.append(Opinion("x", "ann", "label", structure="heart", mask=out.getvalue()))


def test_threads_append_side_by_side(store):
    def work(reader):
        for number in range(10):
            store.append(Opinion("a", reader, "keep", key=f"{reader}-{number}"))

    threads = [threading.Thread(target=work, args=(f"reader-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry.number for entry in store.opinions()] == list(range(1, 41))
    assert store.verify() == []


def test_rows_cannot_be_changed_by_the_way(store):
    import sqlalchemy as sa

    store.append(Opinion("a", "ann", "keep"))
    for statement in (
        "UPDATE opinions SET label = 'df'",
        "DELETE FROM opinions",
        "UPDATE samples SET given = 'df'",
    ):
        with (
            pytest.raises(sa.exc.DBAPIError, match="are never changed"),
            store._database.writing() as connection,
        ):
            connection.execute(sa.text(statement))
    assert store.verify() == []
