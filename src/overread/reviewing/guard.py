"""What stands before every request: who may ask under which name, how large a request is, what a browser may do."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SMALL = 64 << 10  # bytes of a request that holds no mask
READS = ("GET", "HEAD")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "font-src 'self'; worker-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), usb=(), payment=()",
    "x-robots-tag": "noindex",
}


@dataclass(frozen=True)
class Names:
    """The names under which the server may be asked."""

    hosts: frozenset[str]  # in small letters
    any_address: bool = False  # literal addresses too: a name that was re-bound (DNS) is none
    origin: str | None = None  # behind a proxy

    def allow(self, host: str) -> bool:
        """Whether a Host header is ours."""
        name = host_of(host)
        return name is not None and (name in self.hosts or (self.any_address and is_ip(name)))

    def is_own(self, origin: str, host: str) -> bool:
        """Whether an Origin header is that of our own pages."""
        if self.origin is not None and origin == self.origin:
            return True
        scheme, _, rest = origin.partition("://")
        return scheme in ("http", "https") and rest.lower() == host.lower()


class Guard:
    """Wraps the application. What it refuses never reaches a route."""

    def __init__(self, app: App, names: Names, limits: dict[str, int]) -> None:
        self.app, self.names, self.limits = app, names, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = False

        async def guarded(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                message["headers"] = [*message.get("headers", []), *added(scope["path"])]
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None and scope["method"] not in READS:
            body = await whole_body(receive, self.limits.get(scope["path"], SMALL))
            refusal = body if isinstance(body, tuple) else None
            receive = replayed(body, receive) if isinstance(body, bytes) else receive
        if refusal is not None:
            await answer(guarded, *refusal)
            return
        try:
            await self.app(scope, receive, guarded)
        except Exception as error:
            log_fault(error)
            if not began:
                await answer(
                    guarded, 500, "This is a fault of Overread. What you did may not be stored: try again."
                )

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Why a request is not served; None where it is."""
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        host = headers.get("host", "")
        if not self.names.allow(host):
            return (
                421,
                "This server is not known under that name. Open the address that `overread review` printed.",
            )
        if scope["method"] in READS:
            foreign = headers.get("sec-fetch-site") in ("cross-site", "same-site")
            if foreign and headers.get("sec-fetch-mode") != "navigate":
                return 403, "Other sites may not read this."
            return None
        if scope["method"] != "POST":
            return 405, "That cannot be done here."
        if not self.names.is_own(headers.get("origin", ""), host):
            return 403, "This request does not come from our own page."
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        return None if kind == "application/json" else (415, "JSON is expected.")


async def whole_body(receive: Receive, limit: int) -> bytes | tuple[int, str]:
    """The body of a request; a refusal where it is larger than `limit`, without having read it all."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return 400, "The request was cut off."
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            return 413, f"This is too large: at most {limit:,} bytes are taken."
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def replayed(body: bytes, receive: Receive) -> Receive:
    """A receiver that hands out the body that was read."""
    was_read = False

    async def again() -> Message:
        nonlocal was_read
        if was_read:
            return await receive()
        was_read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def answer(send: Send, code: int, words: str) -> None:
    """A refusal as JSON; the connection ends with it, as its body may not have been read."""
    body = json.dumps({"error": words}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send(
        {"type": "http.response.start", "status": code, "headers": [*headers, (b"connection", b"close")]}
    )
    await send({"type": "http.response.body", "body": body})


def added(path: str) -> list[tuple[bytes, bytes]]:
    """The headers of every answer."""
    cache = "no-cache" if path.startswith("/static/") else "no-store"
    return [(name.encode(), value.encode()) for name, value in {**HEADERS, "cache-control": cache}.items()]


def log_fault(error: Exception) -> None:
    """Where our code failed, and nothing of what it worked on: messages of errors can hold names of patients."""
    places = [
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    print(f"Fault: {type(error).__name__} at {' > '.join(places[-6:])}", file=sys.stderr, flush=True)


def host_of(header: str) -> str | None:
    """The name in a Host header, in small letters, without its port; None where it is none."""
    try:
        parts = urlsplit(f"//{header}")
        parts.port  # noqa: B018  raises where it is no number
    except ValueError:
        return None
    if not header or parts.path or parts.query or parts.fragment or parts.username is not None:
        return None
    return parts.hostname


def is_ip(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
