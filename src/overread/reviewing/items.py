"""Items as the browser gets them: what is shown, what is withheld."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from overread.data.faults import BadImage
from overread.reviewing.accounts import Person
from overread.reviewing.refusing import Refused, missing
from overread.reviewing.review import Review, Round, item_name, item_of
from overread.reviewing.table import Word, why_of
from overread.reviewing.tickets import ADJUDICATE, READ, REPEAT, Ticket

Json = dict[str, Any]


@dataclass(frozen=True)
class View:
    """An item in somebody's hands, or looked back at."""

    person: Person
    item: tuple[int, int]
    place: int  # in the table
    ticket: Ticket | None  # None: looked back at
    answers: Sequence[Word]  # to this ticket, or his own where he looks back
    withheld: bool

    @property
    def stage(self) -> str:
        if self.ticket is None:
            return "answered"
        return "committed" if self.answers else "open"


def view_of_ticket(review: Review, now: Round, person: Person, ticket: Ticket) -> View:
    """An item by its ticket."""
    place = now.assigner.place(ticket)
    answers = answers_to(now, ticket)
    blind = review.settings.blind and ticket.kind in (READ, REPEAT)
    return View(person, ticket.item, place, ticket, answers, blind and not answers)


def answers_to(now: Round, ticket: Ticket) -> list[Word]:
    """What was answered to a ticket: nothing, once, or revised."""
    numbers = (now.table.keys.get(key) for key in (ticket.key, ticket.key_of_revision))
    return [now.table.words[number][1] for number in numbers if number is not None]


def view_back(review: Review, now: Round, person: Person, name: str) -> View:
    """An item that was assigned to somebody, or any for a curator; with its open ticket where there is one."""
    item = item_of(name)
    place = now.table.index.get(item)
    if place is None:
        raise missing("such item")
    ticket = now.tickets.open_on(person.name, item)
    if ticket is not None:
        return view_of_ticket(review, now, person, ticket)
    if not (now.tickets.was_assigned(person.name, item) or "curator" in person.roles):
        raise Refused(403, "This image was not given to you.")
    answers = now.table.answers_of(person.name, place)
    sees_all = "curator" in person.roles or now.tickets.was_adjudicated(person.name, item)
    hidden = review.settings.blind and not answers and not sees_all
    return View(person, item, place, None, answers, hidden)


def shape(review: Review, now: Round, views: Sequence[View]) -> list[Json]:
    """Items as JSON."""
    ids = review.source.ids
    asked = [(ids[view.item[0]], now.table.structure(view.place)) for view in views]
    with review.database.reading() as connection:
        whys = why_of(connection, now.table.number, asked)
    found = [whys.get((name, part or ""), (0, {}))[1] for name, part in asked]
    return [shaped(review, now, view, why) for view, why in zip(views, found, strict=True)]


def shaped(review: Review, now: Round, view: View, why: Json) -> Json:
    """One of them."""
    (row, _), structure = view.item, now.table.structure(view.place)
    ticket, state = view.ticket, now.table.states.get(view.place)
    return {
        "item": item_name(view.item),
        "ticket": ticket.name if ticket else None,
        "kind": "read" if ticket is None or ticket.kind == REPEAT else ticket.kind,
        "stage": view.stage,
        "number": row + 1,
        "id": review.source.ids[row] if "curator" in view.person.roles else None,
        "structure": structure,
        "skipped": bool(state and ticket and ticket.kind == READ and view.person.name in state.skips),
        "blind": view.withheld,
        "image": None,  # `with_images` puts it in, when nobody waits for the table
        "mask_size": list(review.masks.size(row)) if structure else None,
        "shown": None if view.withheld else shown(review, view.item, structure, why),
        "opinions": opinions_on(now, view) if ticket and ticket.kind == ADJUDICATE else [],
        "answer": answer_json(view.answers[-1]) if view.answers else None,
    }


def with_images(review: Review, items: Sequence[Json]) -> list[Json]:
    """Items with what is known of their images, which are decoded here."""
    return [{**item, "image": about_image(review, int(item["number"]) - 1)} for item in items]


def about_image(review: Review, row: int) -> Json:
    """Where an image is, how large, and its values; what is wrong with it where it cannot be read."""
    url = f"/api/images/{row}"
    try:
        picture = review.images.facts(row)
    except BadImage as error:
        return {"url": None, "words": f"This image cannot be read: it {error.why}.", "width": 0, "height": 0}
    return {
        "url": f"{url}.png",
        "width": picture.width,
        "height": picture.height,
        "full_width": picture.full_width,
        "full_height": picture.full_height,
        "deep": picture.raw is not None,
        "low": picture.low,
        "high": picture.high,
        "window": review.images.window(row),
        "raw": f"{url}.raw" if picture.raw is not None else None,
    }


def shown(review: Review, item: tuple[int, int], structure: str | None, why: Json) -> Json:
    """What a blind reader does not get before he has committed."""
    name = item_name(item)
    return {
        "given": why.get("label"),
        "suggested": why.get("suggested"),
        "p_wrong": why.get("p_wrong"),
        "why": why.get("why") or (f"Picked by the sampler {why['sampler']}." if "sampler" in why else ""),
        "rank": why.get("rank"),
        "agreement": why.get("agreement"),
        "neighbours": f"/api/items/{name}/neighbours" if review.neighbours.exist else None,
        "masks": masks_of(review, item, structure) if structure else None,
    }


def masks_of(review: Review, item: tuple[int, int], structure: str) -> Json:
    """Where the masks of an item are."""
    row, url = item[0], f"/api/masks/{item_name(item)}"
    return {
        "given": f"{url}/given.png",
        "suggested": f"{url}/suggested.png" if review.masks.has("suggested", row, structure) else None,
        "doubt": f"{url}/doubt.png" if review.masks.has("doubt", row, structure) else None,
    }


def evidence_of(shown_now: Json | None) -> Json:
    """What was shown, as it is stored with the answer."""
    if shown_now is None:
        return {"shown": "image"}
    kept = ("given", "suggested", "p_wrong", "why", "rank", "agreement")
    told = {name: shown_now[name] for name in kept if shown_now[name] not in (None, "")}
    masks = [name for name, url in (shown_now["masks"] or {}).items() if url]
    more = {"masks": masks} if masks else {"neighbours": shown_now["neighbours"] is not None}
    return {"shown": "all", **told, **more}


def opinions_on(now: Round, view: View) -> list[Json]:
    """What readers said, without their names, for an adjudicator."""
    state = now.table.states.get(view.place)
    counting = state.counting if state else []
    last = {word.reader: word for word in counting if word.outcome != "skip"}
    ordered = sorted(last.values(), key=lambda word: word.number)
    return [
        {
            "who": f"Reader {place}" + (" (you)" if word.reader == view.person.name else ""),
            "outcome": word.outcome,
            "label": None if now.table.structures else word.value,
            "number": word.number,
            "reason": word.reason,
            "mask": mask_url(now, word),
        }
        for place, word in enumerate(ordered, 1)
    ]


def mask_url(now: Round, word: Word) -> str | None:
    """Where the mask of an opinion is; None where it names none, or the given one."""
    return f"/api/opinions/{word.number}/mask.png" if now.table.structures and word.value else None


def answer_json(word: Word) -> Json:
    """An answer as its reader sees it."""
    is_mask = word.structure is not None
    return {
        "number": word.number,
        "outcome": word.outcome,
        "label": None if is_mask else word.value,
        "mask": f"/api/opinions/{word.number}/mask.png" if is_mask and word.value else None,
        "reason": word.reason,
        "seconds": word.seconds,
        "at": word.at,
        "revised": word.revises is not None,
    }


def likenesses(review: Review, now: Round, view: View) -> dict[str, str]:
    """The classes whose nearest images are shown beside an item: "given" and "suggested"."""
    if view.withheld:
        raise Refused(403, "These are shown when you have committed yourself.")
    with review.database.reading() as connection:
        found = why_of(connection, now.table.number, [(review.source.ids[view.item[0]], None)])
    why: Json = next(iter(found.values()), (0, {}))[1]
    labels = {"given": why.get("label"), "suggested": why.get("suggested")}
    if labels["given"] == labels["suggested"]:
        del labels["suggested"]
    return {what: label for what, label in labels.items() if label}
