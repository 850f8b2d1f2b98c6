"""How far a review is, how well readers agree with each other, and each with himself."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable
from statistics import mean, median
from typing import Any

import numpy as np
from PIL import Image

from overread.data.faults import BadImage
from overread.reviewing.assigning import firsts_of
from overread.reviewing.refusing import Refused
from overread.reviewing.review import Review, Round
from overread.reviewing.table import Word
from overread.store.standing import VOTES

Json = dict[str, Any]
MASKS = 60  # images whose masks are compared at most; the newest
OUTCOMES = ("label", "keep", "unsure", "unreadable", "out-of-scope", "skip")
Pair = tuple[int, list[Word]]  # item, opinions that are held against each other


def brief(review: Review, now: Round, reader: str) -> Json:
    """The line that is always seen."""
    table = now.table
    mine = {place for place, word in table.own_words(reader) if word.outcome != "skip"}
    return {
        "done": table.done,
        "left": len(table) - table.done,
        "mine": len(mine),
        "budget": review.settings.budget or len(table),
        "disagreements": len(table.disputed),
    }


def progress(review: Review, now: Round, reader: str) -> Json:
    """All but the agreement, which is slow."""
    own = now.table.own_words(reader)
    seconds = [word.seconds for _, word in own if word.seconds is not None and word.outcome != "skip"]
    left = len(now.table) - now.table.done
    found = Counter(word.outcome for _, word in own)
    return {
        "brief": brief(review, now, reader),
        "round": now.table.number,
        "readers": now.table.readers,
        "outcomes": {name: found[name] for name in OUTCOMES},
        "seconds": {
            "median": round(median(seconds), 1) if seconds else None,
            "mean": round(mean(seconds), 1) if seconds else None,
            "left_minutes": round(left * mean(seconds) / 60) if seconds else None,
        },
    }


def between_readers(now: Round) -> list[Pair]:
    """For each item that two readers or more answered, the first opinion of each: before any reveal."""
    found = []
    for place, state in now.table.states.items():
        first: dict[str, Word] = {}
        for word in state.counting:
            if word.round == now.table.number and word.outcome != "skip" and not word.authority:
                first.setdefault(word.reader, word)
        if len(first) >= 2:
            found.append((place, list(first.values())))
    return found


def with_oneself(now: Round, reader: str) -> list[Pair]:
    """A reader's first answers beside those to their hidden repeats."""
    later = {word.repeats: word for _, word in now.table.own_words(reader) if word.repeats is not None}
    firsts, _ = firsts_of(now.table, reader)
    return [(place, [word, later[word.number]]) for place, word in firsts if word.number in later]


def agreement(review: Review, now: Round, reader: str) -> Callable[[], tuple[list[Json], list[Json]]]:
    """What computes agreement between readers and of one with himself, away from the table."""
    between, own = between_readers(now), with_oneself(now, reader)
    mine = [
        (place, [word._replace(reader=name) for word, name in zip(words, "12", strict=True)])
        for place, words in own
    ]
    key = (now.table.number, now.table.seen)
    rows = now.table.rows.tolist()

    def compute() -> tuple[list[Json], list[Json]]:
        def of(name: object, pairs: list[Pair]) -> list[Json]:
            found: list[Json] = review.measured.get(
                (*key, name), lambda: measures(review, pairs, rows), lambda _: 1000
            )
            return found

        return of("between", between), of(("own", reader), mine)

    return compute


def measures(review: Review, pairs: list[Pair], rows: list[int]) -> list[Json]:
    """Raw agreement and Krippendorff's alpha of labels, mean Dice of masks; nothing where nothing was read twice."""
    if not pairs:
        return []
    groups = review.source.groups
    if review.source.structures:
        from overread.readers.mask_agreement import agreement_of_masks

        drawn = [(rows[place], masks_of(review, rows[place], words)) for place, words in pairs[-MASKS:]]
        kept = [(row, masks) for row, masks in drawn if len(masks) >= 2]
        return [
            told(agreement_of_masks([np.stack(m) for _, m in kept], np.array([groups[r] for r, _ in kept])))
        ]
    from overread.readers.agreement import krippendorff, raw
    from overread.readers.answers import table_of

    said = [
        (
            str(place),
            word.reader,
            word.value if word.outcome in VOTES and word.value in review.source.classes else None,
        )
        for place, words in pairs
        for word in words
    ]
    answers = table_of(said, review.source.classes, {str(place): groups[rows[place]] for place, _ in pairs})
    return [told(raw(answers)), told(krippendorff(answers))]


def masks_of(review: Review, row: int, words: Iterable[Word]) -> list[Any]:
    """[H, W] bool of each opinion that names a mask or keeps the given one."""
    found = []
    for word in words:
        if word.outcome not in VOTES or word.structure is None:
            continue
        try:
            png = review.store.mask(word.value) if word.value else review.masks.given(row, word.structure)
        except (BadImage, Refused):
            continue
        with Image.open(io.BytesIO(png)) as picture:
            found.append(np.asarray(picture.convert("L")) >= 128)
    return found


def told(found: Any) -> Json:
    """A measure of agreement as JSON."""
    ends = {
        name: None if (value := getattr(found, name)) is None else round(value, 4)
        for name in ("value", "low", "high")
    }
    return {"name": found.name, **ends, "items": found.items, "readers": found.readers, "words": found.words}
