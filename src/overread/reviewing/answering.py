"""An answer becomes an entry of the label store, exactly once."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from overread import __version__
from overread.reviewing.accounts import Person
from overread.reviewing.items import (
    Json,
    View,
    answer_json,
    answers_to,
    evidence_of,
    shape,
    shown,
    view_back,
    view_of_ticket,
)
from overread.reviewing.masks import handed_in
from overread.reviewing.refusing import Refused
from overread.reviewing.review import Review, Round, item_name
from overread.reviewing.table import Word, why_of
from overread.reviewing.tickets import ADJUDICATE, AGAIN, READ, REPEAT, Ticket
from overread.store import Opinion

OUTCOMES = ("label", "keep", "unsure", "unreadable", "out-of-scope", "skip")


@dataclass(frozen=True)
class Answer:
    """What came from the browser."""

    ticket: str
    outcome: str
    label: str | None = None
    mask: str | None = None  # base64 of a PNG
    use: str | None = None  # "suggested": that mask as it is
    reason: str = ""
    seconds: float | None = None
    revise: bool = False


def answered(review: Review, now: Round, person: Person, answer: Answer) -> Json:
    """Stores an answer and says what it was; the same one again changes nothing. Raises `Refused`."""
    ticket = now.tickets.of(answer.ticket, person.name)
    view = view_of_ticket(review, now, person, ticket)
    why = why_shown(review, now, view)
    opinion = opinion_of(review, now, view, answer, why)
    before = now.table.keys.get(str(opinion.key))
    if before is None:
        check(review, now, view, answer)
        review.store.append(opinion)
        now.table.update()
    number = now.table.keys[str(opinion.key)]
    word = now.table.words[number][1]
    check_same(answer, opinion, word)
    reveals = (
        review.settings.blind
        and ticket.kind in (READ, REPEAT)
        and answer.outcome != "skip"
        and not answer.revise
    )
    return {
        "answer": answer_json(word),
        "reveal": shown(review, ticket.item, now.table.structure(view.place), why) if reveals else None,
        "item": item_name(ticket),
    }


def why_shown(review: Review, now: Round, view: View) -> Json:
    """What the queue keeps of an item."""
    asked = [(review.source.ids[view.item[0]], now.table.structure(view.place))]
    with review.database.reading() as connection:
        found = why_of(connection, now.table.number, asked)
    return next(iter(found.values()), (0, {}))[1]


def check(review: Review, now: Round, view: View, answer: Answer) -> None:
    """Refuses an answer that comes at the wrong time."""
    ticket = view.ticket
    assert ticket is not None
    review.check_open()
    words = answers_to(now, ticket)
    if answer.revise and not (review.settings.blind and words and words[0].outcome != "skip"):
        raise Refused(
            409, "There is nothing to revise: an answer is revised after the reveal of a blind review."
        )
    if not answer.revise and words:
        raise Refused(409, "You have answered this already.")
    if any(word.number in now.table.undone for word in words):
        raise Refused(409, "This answer was taken back. Answer the image anew.")
    state = now.table.states.get(view.place)
    if state and state.settled and ticket.kind in (READ, REPEAT, ADJUDICATE):
        raise Refused(409, "This image was settled by an adjudicator meanwhile.")


def check_same(answer: Answer, opinion: Opinion, word: Word) -> None:
    """Refuses another answer to a ticket that was used."""
    outcome = "keep" if word.kept else word.outcome
    value = opinion.label if opinion.mask is None else sha256(opinion.mask).hexdigest()
    if outcome != answer.outcome or (outcome == "label" and value != word.value):
        raise Refused(
            409, "You have answered this already, and otherwise. Go back to it to change your answer."
        )


def opinion_of(review: Review, now: Round, view: View, answer: Answer, why: Json) -> Opinion:
    """The answer as an opinion. Raises `Refused` where it says nothing that fits."""
    ticket, structure = view.ticket, now.table.structure(view.place)
    assert ticket is not None
    if answer.outcome not in OUTCOMES:
        raise Refused(422, f"An answer is one of {', '.join(OUTCOMES)}.")
    if answer.outcome == "keep" and view.withheld:
        raise Refused(409, "The given label is hidden until you have committed yourself: name a class.")
    label, mask = named(review, view, answer, structure)
    kept = answer.outcome == "keep" and structure is not None and other_stands(now, view)
    if answer.outcome == "keep":
        label = why.get("label")
        mask = review.masks.given(ticket.row, structure) if kept and structure else None
    return Opinion(
        sample=review.source.ids[ticket.row],
        reader=view.person.name,
        outcome="label" if kept else answer.outcome,
        label=label,
        structure=structure,
        mask=mask,
        reason=answer.reason,
        seconds=answer.seconds,
        authority=ticket.kind == ADJUDICATE,
        evidence={**evidence(review, now, view, answer, why), **({"kept": "given"} if kept else {})},
        round=now.table.number,
        key=ticket.key_of_revision if answer.revise else ticket.key,
    )


def other_stands(now: Round, view: View) -> bool:
    """Whether another mask than the given one stands now: the store's "keep" would keep that, and the reader, who saw
    the given one, means the given one."""
    state = now.table.states.get(view.place)
    return state is not None and state.standing.value is not None


def named(
    review: Review, view: View, answer: Answer, structure: str | None
) -> tuple[str | None, bytes | None]:
    """The class or the mask that an answer names."""
    if answer.outcome != "label":
        if answer.label is not None or answer.mask is not None or answer.use is not None:
            raise Refused(422, f"'{answer.outcome}' names no class and no mask.")
        return None, None
    if structure is None:
        if answer.label not in review.source.classes or answer.mask is not None or answer.use is not None:
            raise Refused(422, f"Name one of the classes: {', '.join(review.source.classes)}.")
        return answer.label, None
    if answer.label is not None or (answer.mask is None) == (answer.use is None):
        raise Refused(422, "Hand in a mask, or use the suggested one.")
    if answer.mask is not None:
        return None, handed_in(answer.mask, review.masks.size(view.item[0]))
    if answer.use != "suggested" or view.withheld:
        raise Refused(422, "'suggested' is what can be used, once it is shown.")
    return None, review.masks.suggested(view.item[0], structure)


def evidence(review: Review, now: Round, view: View, answer: Answer, why: Json) -> dict[str, Any]:
    """What the reader had before him."""
    ticket = view.ticket
    assert ticket is not None
    first = not answer.revise
    blind = review.settings.blind and ticket.kind in (READ, REPEAT) and first
    seen = None if blind else shown(review, ticket.item, now.table.structure(view.place), why)
    more: dict[str, Any] = {"revises": now.table.keys.get(ticket.key)} if answer.revise else {}
    if ticket.kind == REPEAT:
        more["repeats"] = ticket.about
    if answer.use:
        more["used"] = answer.use
    return {
        "page": "review",
        "overread": __version__,
        "kind": ticket.kind,
        "blind": blind,
        **evidence_of(seen),
        **more,
    }


def withdrawn(review: Review, now: Round, person: Person, number: int) -> Json:
    """Withdraws an own answer, and hands the item out again. Raises `Refused`."""
    review.check_open()
    place, word = now.table.words.get(number, (-1, None))
    if word is None or word.reader != person.name:
        raise Refused(403 if word else 404, "This is no answer of yours in this round.")
    if word.round != now.table.number or word.outcome == "undo":
        raise Refused(409, "This answer can no longer be taken back: its round is over.")
    if number not in now.table.undone:
        review.store.append(
            Opinion(
                sample=review.source.ids[word.row],
                reader=person.name,
                outcome="undo",
                structure=word.structure,
                undoes=number,
                round=now.table.number,
                key=f"review:undo:{number}",
                evidence={"page": "review", "overread": __version__},
            )
        )
        now.table.update()
    ticket = reissued(now, person, place, word)
    return {"undone": number, "item": shape(review, now, [view_of_ticket(review, now, person, ticket)])[0]}


def reissued(now: Round, person: Person, place: int, word: Word) -> Ticket:
    """A new ticket for an item whose answer was withdrawn; the open one where there is one."""
    item = now.assigner.item(place)
    there = now.tickets.open_on(person.name, item)
    if there is not None:
        return there
    former = now.tickets.by_answer(word)
    if now.table.answers_of(person.name, place) and (former is None or former.kind != REPEAT):
        return now.tickets.issue(person.name, item, AGAIN)
    kind = former.kind if former else READ
    return now.tickets.issue(person.name, item, kind, former.about if former else None)


def asked_again(review: Review, now: Round, person: Person, name: str) -> Json:
    """A new ticket for an item that one has answered before."""
    review.check_open()
    view = view_back(review, now, person, name)
    if view.ticket is None:
        if not view.answers:
            raise Refused(403, "You have not answered this image.")
        ticket = now.tickets.issue(person.name, view.item, AGAIN)
        view = view_of_ticket(review, now, person, ticket)
    return shape(review, now, [view])[0]
