"""The application: routes, pages, what they refuse, and the guard before them all."""

from __future__ import annotations

import mimetypes
from hashlib import sha256
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from overread.data.faults import BadImage
from overread.errors import InputError, OverreadError
from overread.reviewing.curator_routes import desk
from overread.reviewing.guard import App, Guard, Names, host_of
from overread.reviewing.pages import HERE, filled, pages
from overread.reviewing.refusing import Refused
from overread.reviewing.review import Review
from overread.reviewing.routes import MASK_SIGNS, api

for ending, kind in {
    ".js": "text/javascript",
    ".css": "text/css",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}.items():
    mimetypes.add_type(kind, ending)  # some machines know none, or others


def application(review: Review, address: str, names: Names) -> App:
    """All of it. `address` is where readers reach it."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, title="Overread")
    app.state.review, app.state.address = review, address
    app.state.cookie = cookie_of(review)
    app.state.secure = address.startswith("https://")
    app.include_router(api)
    app.include_router(desk)
    app.include_router(pages)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    for kind in (Refused, OverreadError, BadImage, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, refused)
    limits = {"/api/answers": MASK_SIGNS + (64 << 10)} if review.source.structures else {}
    return Guard(app, names, limits)


def cookie_of(review: Review) -> str:
    """A name of its own for each run: browsers tell hosts apart, but not ports."""
    return f"overread-{sha256(str(review.source.folder.resolve()).encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"


async def refused(request: Request, error: Exception) -> Response:
    """What went wrong, in words: JSON, and a page where a page was asked for."""
    code, words = told(error)
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": words}, code)
    return filled("error.html", code, title="Overread", code=code, words=words)


def told(error: Any) -> tuple[int, str]:
    """Status and words; never what was sent, which may hold anything."""
    if isinstance(error, Refused):
        return error.code, error.words
    if isinstance(error, RequestValidationError):
        fields = sorted({str(one["loc"][-1]) for one in error.errors()} & KNOWN)
        return 422, f"This request is wrong{': ' if fields else ''}{', '.join(fields)}."
    if isinstance(error, HTTPException):
        return (
            error.status_code,
            "There is nothing here." if error.status_code == 404 else "That cannot be done here.",
        )
    if isinstance(error, BadImage):
        return 404, f"This image cannot be read: it {error.why}."
    return (422, str(error)) if isinstance(error, InputError) else (503, str(error))


KNOWN = {
    *("token", "ticket", "outcome", "label", "mask", "use", "reason", "seconds", "revise", "ahead", "queue"),
    *("number", "name", "roles", "limit", "size", "before"),
}


def names_for(host: str, url: str | None) -> Names:
    """Under which names the server may be asked: its own, and, where others can reach it, any literal address."""
    local = {"127.0.0.1", "localhost", "::1"}
    own = host_of(url.partition("://")[2].rstrip("/")) if url else None
    if host in local:
        return Names(frozenset({*local, *([own] if own else [])}), origin=url.rstrip("/") if url else None)
    from socket import getfqdn, gethostname

    named = {host.lower(), gethostname().lower(), getfqdn().lower()} - {"0.0.0.0", "::", ""}
    return Names(frozenset({*local, *named, *([own] if own else [])}), True, url.rstrip("/") if url else None)
