"""What the curator asks for: the queue, histories, people, the next round."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from overread.reviewing import curator
from overread.reviewing.accounts import ROLES, Person
from overread.reviewing.refusing import Refused, missing
from overread.reviewing.rounds import round_state, run_next
from overread.reviewing.routes import Body, Nothing, Us, role, sent

desk = APIRouter(prefix="/api/curator")
Curator = Annotated[Person, role("curator")]


class Invite(Body):
    name: str = Field(min_length=1, max_length=80)
    roles: list[str] = Field(max_length=len(ROLES))


class Name(Body):
    name: str = Field(max_length=80)


@desk.get("/items")
def items(review: Us, _: Curator, wanted: Annotated[curator.Wanted, Query()]) -> Response:
    with review.turn() as now:
        return sent(curator.page(review, now, wanted))


@desk.get("/filters")
def filters(review: Us, _: Curator) -> Response:
    with review.turn() as now:
        return sent(curator.filters(review, now))


@desk.get("/items/{name}/history")
def history(name: str, review: Us, _: Curator) -> Response:
    with review.turn() as now:
        return sent(curator.history(review, now, name))


@desk.get("/people")
def people(review: Us, _: Curator) -> Response:
    with review.turn() as now:
        found = curator.people(review, now)
    return sent({"people": [{**one, "last_seen": stamp(one["last_seen"])} for one in found]})


def stamp(seconds: float | None) -> str | None:
    """A time as ISO 8601."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


@desk.post("/invites")
def invite(body: Invite, request: Request, review: Us, me: Curator) -> Response:
    """A link that lets one person in, once."""
    name = body.name.strip()
    if not name or not name.isprintable():
        raise Refused(422, "A name of printable signs is needed.")
    if not body.roles or set(body.roles) - set(ROLES):
        raise Refused(422, f"Roles are {', '.join(ROLES)}; at least one is needed.")
    if name == me.name and "curator" not in body.roles:
        raise Refused(409, "You would lock yourself out: keep your role of curator.")
    token, expires = review.accounts.invite(name, body.roles)
    return sent(
        {"link": f"{request.app.state.address}/enter#{token}", "expires": stamp(expires), "name": name}
    )


@desk.post("/people/close")
def close(body: Name, review: Us, me: Curator) -> Response:
    """Nobody comes in under this name any more; what was said stays."""
    if body.name == me.name:
        raise Refused(409, "You would lock yourself out.")
    if body.name not in [one["name"] for one in review.accounts.people()]:
        raise missing("such person")
    review.accounts.close_person(body.name)
    return sent({"ok": True})


@desk.get("/round")
def round_now(review: Us, _: Curator) -> Response:
    with review.turn() as now:
        return sent(round_state(review, now))


@desk.post("/round/run")
def run(_: Nothing, review: Us, me: Curator) -> Response:
    with review.turn() as now:
        run_next(review, now)
        return sent(round_state(review, now))
