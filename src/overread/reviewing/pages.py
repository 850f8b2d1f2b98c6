"""The pages: templates filled with who asks; all else they fetch as JSON."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader

from overread.reviewing.accounts import Person
from overread.reviewing.refusing import Refused
from overread.reviewing.routes import Us, about, person_of

HERE = Path(__file__).parent
pages = APIRouter()
HOME = {"reader": "/", "adjudicator": "/adjudicate", "curator": "/curator"}


@cache
def templates() -> Environment:
    return Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True)


def filled(name: str, status: int = 200, **values: Any) -> Response:
    return HTMLResponse(templates().get_template(name).render(**values), status)


@pages.get("/enter")
def enter(review: Us) -> Response:
    return filled("enter.html", title=review.source.folder.absolute().name)


@pages.get("/")
def read(request: Request, review: Us) -> Response:
    return page(request, review, "reader", "read.html", queue="read")


@pages.get("/adjudicate")
def adjudicate(request: Request, review: Us) -> Response:
    return page(request, review, "adjudicator", "read.html", queue="adjudicate")


@pages.get("/curator")
def curate(request: Request, review: Us) -> Response:
    return page(request, review, "curator", "curator.html", queue="read")


def page(request: Request, review: Us, role: str, name: str, **values: Any) -> Response:
    """A page for those who have a role; others are led to where they can be."""
    try:
        me: Person = person_of(request)
    except Refused:
        return RedirectResponse("/enter", 303)
    if role not in me.roles:
        return RedirectResponse(HOME[me.roles[0]], 303)
    told = about(review, me)
    return filled(name, title=told["title"], csrf=me.csrf, me=told, **values)
