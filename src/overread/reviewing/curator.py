"""What the curator sees: the whole queue in pages, what was said of each item, who is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field

from overread.reviewing.refusing import Refused, missing
from overread.reviewing.review import Review, Round, item_name, item_of, plain
from overread.reviewing.table import Word, why_of
from overread.store import OUTCOMES, STATUSES

Array = np.ndarray[Any, np.dtype[Any]]
Json = dict[str, Any]
GROUPS = 200  # that are offered as filters
MOST = 200  # items on a page


Text = Annotated[str, Field(max_length=1000)]


class Wanted(BaseModel, frozen=True):
    """A page of the queue: what comes after an item, and has these marks; "" is any."""

    after: Text = ""
    limit: int = 50
    given: Text = ""
    group: Text = ""
    reader: Text = ""
    outcome: Text = ""
    status: Text = ""
    structure: Text = ""


@dataclass(frozen=True)
class Marks:
    """Given label and group of each item, as numbers."""

    given: Array  # [n]
    group: Array  # [n]
    givens: tuple[str, ...]
    groups: tuple[str, ...]


def marks_of(review: Review, now: Round) -> Marks:
    """Read once a round: a million samples take a second."""
    if review.curating is None:
        source, rows = review.source, now.table.rows
        columns = []
        for texts in (source.given, source.groups):
            numbers: dict[str, int] = {}
            codes = np.fromiter(
                (numbers.setdefault(text, len(numbers)) for text in texts), np.int32, len(texts)
            )
            columns.append((codes[rows], tuple(numbers)))
        (given, givens), (group, groups) = columns
        review.curating = Marks(given, group, givens, groups)
    found: Marks = review.curating
    return found


def page(review: Review, now: Round, wanted: Wanted) -> Json:
    """A page: keyset, so that the last one is as quick as the first."""
    if wanted.after and not plain(wanted.after):
        raise Refused(422, "`after` is what the page before told.")
    begin = int(wanted.after) + 1 if wanted.after else 0
    limit = max(1, min(wanted.limit, MOST))
    places = chosen(review, now, wanted)
    if places is None:
        matching, found = len(now.table), list(range(begin, min(begin + limit, len(now.table))))
    else:
        matching, first = len(places), int(np.searchsorted(places, begin))
        found = [int(place) for place in places[first : first + limit]]
    last = found[-1] if found else None
    more = last is not None and (last + 1 < len(now.table) if places is None else bool((places > last).any()))
    return {
        "items": rows_of(review, now, found),
        "after": str(last) if more else None,
        "total": len(now.table),
        "matching": matching,
    }


def chosen(review: Review, now: Round, wanted: Wanted) -> Array | None:
    """The items that a filter leaves, in order; None where it leaves all."""
    kept: Array | None = None
    marks = marks_of(review, now) if wanted.given or wanted.group else None
    if marks is not None:
        for text, names, codes in (
            (wanted.given, marks.givens, marks.given),
            (wanted.group, marks.groups, marks.group),
        ):
            if text:
                hit = codes == names.index(text) if text in names else np.zeros(len(codes), bool)
                kept = hit if kept is None else kept & hit
    if wanted.structure:
        names = now.table.structures
        hit = now.table.parts == (names.index(wanted.structure) if wanted.structure in names else -2)
        kept = hit if kept is None else kept & hit
    if wanted.reader or wanted.outcome or wanted.status:
        said = np.array([p for p, state in now.table.states.items() if fits(state, wanted)], np.int64)
        hit = np.zeros(len(now.table), bool)
        if wanted.status == "given" and not (wanted.reader or wanted.outcome):
            hit[:] = True
            hit[list(now.table.states)] = False
        hit[said] = True
        kept = hit if kept is None else kept & hit
    return None if kept is None else np.flatnonzero(kept)


def fits(state: Any, wanted: Wanted) -> bool:
    """Whether an item of which something was said has the marks that are wanted."""
    if wanted.status and state.standing.status != wanted.status:
        return False
    return not (wanted.reader or wanted.outcome) or any(
        wanted.reader in ("", word.reader) and wanted.outcome in ("", word.outcome) for word in state.counting
    )


def rows_of(review: Review, now: Round, places: list[int]) -> list[Json]:
    """The rows of a page."""
    items = [now.assigner.item(place) for place in places]
    asked = [
        (review.source.ids[row], now.table.structure(place))
        for (row, _), place in zip(items, places, strict=True)
    ]
    with review.database.reading() as connection:
        whys = why_of(connection, now.table.number, asked)
    found = [whys.get((name, part or ""), (0, {})) for name, part in asked]
    return [row_of(review, now, place, *one) for place, one in zip(places, found, strict=True)]


def row_of(review: Review, now: Round, place: int, order: int, why: Mapping[str, Any]) -> Json:
    item, state = now.assigner.item(place), now.table.states.get(place)
    standing = state.standing if state else None
    return {
        "item": item_name(item),
        "number": item[0] + 1,
        "id": review.source.ids[item[0]],
        "place": order,
        "structure": now.table.structure(place),
        "given": why.get("label"),
        "suggested": why.get("suggested"),
        "p_wrong": why.get("p_wrong"),
        "group": review.source.groups[item[0]],
        "status": standing.status if standing else "given",
        "current": standing.value if standing and standing.is_voted and not now.table.structures else None,
        "opinions": [opinion(word) for word in state.counting] if state else [],
    }


def opinion(word: Word) -> Json:
    label = None if word.structure is not None else word.value
    return {
        "reader": word.reader,
        "outcome": word.outcome,
        "label": label,
        "number": word.number,
        "at": word.at,
        "authority": word.authority,
    }


def filters(review: Review, now: Round) -> Json:
    """What can be filtered by."""
    marks = marks_of(review, now)
    given, groups = (
        sorted(
            (
                {"name": names[code], "count": int(count)}
                for code, count in enumerate(np.bincount(codes, minlength=len(names)))
                if count
            ),
            key=lambda one: (-int(str(one["count"])), str(one["name"])),
        )
        for codes, names in ((marks.given, marks.givens), (marks.group, marks.groups))
    )
    return {
        "given": [] if now.table.structures else given,
        "groups": groups[:GROUPS],
        "more_groups": len(groups) > GROUPS,
        "readers": sorted(now.table.own),
        "outcomes": [name for name in OUTCOMES if name != "undo"],
        "statuses": list(STATUSES),
        "structures": list(now.table.structures),
    }


def history(review: Review, now: Round, name: str) -> Json:
    """All that was ever said of an item."""
    row, _ = item = item_of(name)
    if item not in now.table.index:
        raise missing("such item")
    structure = now.table.structure(now.table.index[item])
    entries = [
        one for one in review.store.history(review.source.ids[row]) if one.structure in (None, structure)
    ]
    hidden = ("sample", "before", "key")
    return {
        "item": name,
        "number": row + 1,
        "id": review.source.ids[row],
        "entries": [
            {
                **{key: value for key, value in vars(one).items() if key not in hidden},
                "mask": f"/api/opinions/{one.number}/mask.png" if one.mask else None,
                "evidence": dict(one.evidence),
            }
            for one in entries
        ],
    }


def people(review: Review, now: Round) -> list[Json]:
    """Who may come in, who has said something, how much and how fast."""
    known = {one["name"]: one for one in review.accounts.people()}
    nobody = {"roles": [], "open": False, "last_seen": None, "pending": False}
    found = []
    for name in sorted({*known, *now.table.own}):
        own = [word for _, word in now.table.own_words(name) if word.outcome != "skip"]
        seconds = [word.seconds for word in own if word.seconds is not None]
        counts = Counter(word.outcome for word in own)
        found.append(
            {
                "name": name,
                **{key: value for key, value in known.get(name, nobody).items() if key != "name"},
                "answered": len(own),
                "unsure": counts["unsure"],
                "seconds_median": round(median(seconds), 1) if seconds else None,
            }
        )
    return found
