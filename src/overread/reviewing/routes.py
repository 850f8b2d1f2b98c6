"""What readers ask for: session, items, images, answers, progress."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from overread import __version__
from overread.reviewing import items as shaping
from overread.reviewing.accounts import Person, same
from overread.reviewing.answering import Answer, answered, asked_again, withdrawn
from overread.reviewing.images import LONGEST, Picture
from overread.reviewing.masks import MOST
from overread.reviewing.progress import agreement, brief, progress
from overread.reviewing.refusing import Refused, missing
from overread.reviewing.review import Review, Round, item_name, item_of, plain, round_name

Json = dict[str, Any]
THUMB = 256  # pixels of a neighbour's longer side
AHEAD = 7
MASK_SIGNS = MOST * 4 // 3 + 4  # of a mask as base64
api = APIRouter(prefix="/api")


class Body(BaseModel):
    """What is posted; a field that is not known is refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Token(Body):
    token: str = Field(max_length=200)


class Nothing(Body):
    pass


class AnswerBody(Body):
    ticket: str = Field(max_length=100)
    outcome: str = Field(max_length=20)
    label: str | None = Field(None, max_length=1000)
    mask: str | None = Field(None, max_length=MASK_SIGNS)
    use: str | None = Field(None, max_length=20)
    reason: str = Field("", max_length=500)
    seconds: float | None = Field(None, ge=0, le=3600)
    revise: bool = False
    ahead: int = Field(3, ge=0, le=AHEAD)
    queue: str = Field("read", pattern="^(read|adjudicate)$")


class UndoBody(Body):
    number: int = Field(ge=1, le=2**53)
    ahead: int = Field(3, ge=0, le=AHEAD)
    queue: str = Field("read", pattern="^(read|adjudicate)$")


def review_of(request: Request) -> Review:
    found: Review = request.app.state.review
    return found


def person_of(request: Request) -> Person:
    """Who asks; for what changes something, the secret of his page is needed too."""
    person = review_of(request).accounts.who(request.cookies.get(request.app.state.cookie))
    if person is None:
        raise Refused(401, "You are not logged in. Ask whoever runs this review for a link.")
    if request.method == "POST" and not same(request.headers.get("x-csrf-token", ""), person.csrf):
        raise Refused(403, "This request does not come from our own page. Reload it.")
    return person


def role(name: str) -> Any:
    """The person who asks, if he has a role."""

    def check(person: Annotated[Person, Depends(person_of)]) -> Person:
        if name not in person.roles:
            raise Refused(403, f"This is for a {name}.")
        return person

    return Depends(check)


Us = Annotated[Review, Depends(review_of)]
Me = Annotated[Person, Depends(person_of)]


def sent(value: Any) -> JSONResponse:
    return JSONResponse(value)


@api.post("/session")
def enter(body: Token, request: Request, review: Us) -> Response:
    """A link's token becomes a session."""
    secret = review.accounts.enter(body.token)
    response = sent({"ok": True})
    secure = request.app.state.secure
    response.set_cookie(
        request.app.state.cookie,
        secret,
        max_age=14 * 86_400,
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )
    return response


@api.get("/session")
def session(review: Us, me: Me) -> Response:
    return sent(about(review, me))


def about(review: Review, me: Person) -> Json:
    """Who asks, and what is reviewed."""
    source, settings = review.source, review.settings
    with review.turn() as now:
        number, count = now.table.number, len(now.table)
    return {
        "reader": me.name,
        "roles": list(me.roles),
        "csrf": me.csrf,
        "title": source.folder.absolute().name,
        "verb": source.verb,
        "task": source.task,
        "classes": list(source.classes),
        "structures": list(source.structures),
        "blind": settings.blind,
        "readers": review.readers,
        "round": number,
        "round_name": round_name(source, number),
        "budget": settings.budget or count,
        "items": count,
        "version": __version__,
    }


@api.post("/session/end")
def leave(_: Nothing, request: Request, review: Us, me: Me) -> Response:
    review.accounts.leave(request.cookies[request.app.state.cookie])
    response = sent({"ok": True})
    response.delete_cookie(request.app.state.cookie, path="/", httponly=True, samesite="strict")
    return response


@api.get("/next")
def following(review: Us, me: Me, queue: str = "read", ahead: int = 3) -> Response:
    check_queue(me, queue)
    with review.turn() as now:
        found = next_items(review, now, me, queue, max(0, min(ahead, AHEAD)))
    return sent({**found, "items": shaping.with_images(review, found["items"])})


def check_queue(me: Person, queue: str) -> None:
    needed = {"read": "reader", "adjudicate": "adjudicator"}.get(queue)
    if needed is None:
        raise Refused(422, "The queue is read or adjudicate.")
    if needed not in me.roles:
        raise Refused(403, f"This is for a{'n' if needed == 'adjudicator' else ''} {needed}.")


def next_items(review: Review, now: Round, me: Person, queue: str, ahead: int) -> Json:
    """What one is to look at now, and next."""
    if review.runner.is_running:
        return {**over(review, now, me), "words": "The next round is being made. Come back in a while."}
    give = now.assigner.next_disputed if queue == "adjudicate" else now.assigner.next
    views = [shaping.view_of_ticket(review, now, me, ticket) for ticket in give(me.name, ahead)]
    if not views:
        words = "No readers disagree." if queue == "adjudicate" else nothing_left(now)
        return {**over(review, now, me), "words": words}
    shaped = shaping.shape(review, now, views)
    return {"items": shaped, "done": False, "words": "", "progress": brief(review, now, me.name)}


def over(review: Review, now: Round, me: Person) -> Json:
    return {"items": [], "done": True, "progress": brief(review, now, me.name)}


def nothing_left(now: Round) -> str:
    left = len(now.table) - now.table.done
    return (
        f"Nothing is left for you; {left} wait for other readers."
        if left
        else "All of this round is read. `overread export` writes the labels as they stand now."
    )


@api.get("/items/{name}")
def one_item(name: str, review: Us, me: Me) -> Response:
    with review.turn() as now:
        found = shaping.shape(review, now, [shaping.view_back(review, now, me, name)])
    return sent(shaping.with_images(review, found)[0])


@api.get("/mine")
def mine(review: Us, me: Me, before: int = 2**53, limit: int = 50) -> Response:
    """One's own answers, newest first."""
    limit = max(1, min(limit, 200))
    with review.turn() as now:
        own = [(place, word) for place, word in now.table.own_words(me.name) if word.number < before]
        page = own[-limit:][::-1]
        answers = [
            {
                "item": item_name(now.assigner.item(place)),
                "number": word.row + 1,
                "answer": shaping.answer_json(word),
            }
            for place, word in page
        ]
    return sent({"answers": answers, "before": page[-1][1].number if len(own) > limit else None})


@api.get("/items/{name}/neighbours")
def neighbours(name: str, review: Us, me: Me) -> Response:
    sets: list[Json] = []
    for what, label, rows in neighbour_rows(review, me, name):
        begin = sum(len(one["images"]) for one in sets)
        images = []
        for place, row in enumerate(rows):
            picture = review.images.picture(row, THUMB)
            url = f"/api/items/{name}/neighbours/{begin + place}.png"
            images.append({"number": row + 1, "url": url, "width": picture.width, "height": picture.height})
        words = "" if rows else "No trusted image of this class is known."
        sets.append({"what": what, "label": label, "words": words, "images": images})
    return sent({"sets": sets})


def neighbour_rows(review: Review, me: Person, name: str) -> list[tuple[str, str, list[int]]]:
    """(given or suggested, class, rows), for those who may see them."""
    if not review.neighbours.exist:
        item_of(name)
        return []
    with review.turn() as now:
        labels = shaping.likenesses(review, now, shaping.view_back(review, now, me, name))
    return [(what, label, review.neighbours.of(item_of(name)[0], label)) for what, label in labels.items()]


@api.get("/items/{name}/neighbours/{place}.png")
def neighbour(name: str, place: str, review: Us, me: Me) -> Response:
    rows = [row for _, _, rows in neighbour_rows(review, me, name) for row in rows]
    if not plain(place) or int(place) >= len(rows):
        raise missing("such image")
    return png(review.images.picture(rows[int(place)], THUMB).png)


def png(data: bytes) -> Response:
    return Response(data, media_type="image/png")


def picture_for(review: Review, me: Person, name: str, longest: int) -> Picture:
    """An image of an item that was assigned to one; a curator sees all of the queue."""
    row = int(name) if plain(name) else -1
    if not 0 <= row < len(review.source.ids):
        raise missing("such image")
    with review.turn() as now:
        parts = range(len(now.table.structures)) if now.table.structures else (-1,)
        mine = any(now.tickets.was_assigned(me.name, (row, part)) for part in parts)
    if not (mine or "curator" in me.roles):
        raise Refused(403, "This image was not given to you.")
    return review.images.picture(row, longest)


@api.get("/images/{name}.png")
def image(name: str, review: Us, me: Me, size: int = LONGEST) -> Response:
    return png(picture_for(review, me, name, max(64, min(size, LONGEST))).png)


@api.get("/images/{name}.raw")
def raw(name: str, review: Us, me: Me) -> Response:
    found = picture_for(review, me, name, LONGEST)
    if found.raw is None:
        raise missing("such image of more than 8 bits in grey")
    headers = {"Content-Encoding": "gzip"}
    return Response(found.raw, media_type="application/octet-stream", headers=headers)


@api.get("/masks/{name}/{which}.png")
def mask(name: str, which: str, review: Us, me: Me) -> Response:
    """The given mask, the suggested one, or where the run doubts."""
    with review.turn() as now:
        view = shaping.view_back(review, now, me, name)
        structure = now.table.structure(view.place)
    if view.withheld:
        raise Refused(403, "This is shown when you have committed yourself.")
    if structure is None or which not in ("given", "suggested", "doubt"):
        raise missing("such mask")
    row = view.item[0]
    if which == "doubt":
        return png(review.masks.doubt(row))
    return png(
        review.masks.given(row, structure) if which == "given" else review.masks.suggested(row, structure)
    )


@api.get("/opinions/{number}/mask.png")
def mask_of_opinion(number: str, review: Us, me: Me) -> Response:
    """The mask of an answer: one's own; for an adjudicator those on what he was given; for a curator all."""
    with review.turn() as now:
        place, word = now.table.words.get(int(number) if plain(number) else 0, (-1, None))
        if word is None or word.structure is None or word.value is None:
            raise missing("such mask")
        asked = "adjudicator" in me.roles and now.tickets.was_adjudicated(me.name, now.assigner.item(place))
    if not (word.reader == me.name or asked or "curator" in me.roles):
        raise Refused(403, "This mask is somebody else's.")
    return png(review.store.mask(word.value))


@api.post("/answers")
def post_answer(body: AnswerBody, review: Us, me: Me) -> Response:
    check_queue(me, body.queue)
    fields = body.model_dump(exclude={"ahead", "queue"})
    with review.turn() as now:
        found = answered(review, now, me, Answer(**fields))
        following = next_items(review, now, me, body.queue, body.ahead)
    shown = shaping.with_images(review, following["items"])
    return sent({**found, "next": {**following, "items": shown}})


@api.post("/undo")
def undo(body: UndoBody, review: Us, me: Me) -> Response:
    check_queue(me, body.queue)
    with review.turn() as now:
        found = withdrawn(review, now, me, body.number)
        following = next_items(review, now, me, body.queue, body.ahead)
    rest = [one for one in following["items"] if one["ticket"] != found["item"]["ticket"]]
    first, *others = shaping.with_images(review, [found["item"], *rest])
    return sent({**found, "item": first, "next": {**following, "done": False, "items": [first, *others]}})


@api.post("/items/{name}/again")
def again(name: str, _: Nothing, review: Us, me: Me) -> Response:
    with review.turn() as now:
        found = asked_again(review, now, me, name)
    return sent(shaping.with_images(review, [found])[0])


@api.get("/progress")
def how_far(review: Us, me: Me) -> Response:
    with review.turn() as now:
        found, compute = progress(review, now, me.name), agreement(review, now, me.name)
    between, own = compute()
    return sent({**found, "agreement": between, "drift": own})
