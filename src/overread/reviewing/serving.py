"""Serves a review until Ctrl-C."""

from __future__ import annotations

import socket
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from overread.errors import InputError
from overread.reviewing.app import application, names_for
from overread.reviewing.review import Review
from overread.reviewing.settings import ReviewSettings

WAIT = 3  # seconds for requests that are being answered when it ends


def bound(settings: ReviewSettings) -> socket.socket:
    """The port, taken before anything is told. Raises `InputError` where it cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else asyncio leaves Nagle on
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((settings.host, settings.port))
        found.listen(100)  # who comes before all is ready waits
    except (OSError, OverflowError) as error:
        found.close()
        why = getattr(error, "strerror", None) or error
        raise InputError(
            f"The page cannot be served at {settings.host}, port {settings.port}: {why}. Name another: --port "
            f"{settings.port + 1 if 0 < settings.port < 65535 else 8766}, or 0 for any that is free."
        ) from None
    return found


def address_of(settings: ReviewSettings, port: int) -> str:
    """Where readers reach the page."""
    if settings.url is not None:
        return settings.url.rstrip("/")
    host = settings.host
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname() or "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def serve(
    review: Review,
    settings: ReviewSettings,
    listening: socket.socket,
    token: str,
    browser: bool,
    say: Callable[[str], None],
) -> None:
    """Answers until it is interrupted."""
    address = address_of(settings, listening.getsockname()[1])
    link = f"{address}/enter#{token}"
    app = application(review, address, names_for(settings.host, settings.url))
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        log_level="critical",
        ws="none",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=WAIT,
        limit_concurrency=500,
        h11_max_incomplete_event_size=32 << 10,
    )

    def announce() -> None:
        say(f"Open {link}")
        say("The link lets one person in, once. Ctrl-C ends the review; what was answered is kept.")
        if browser:
            threading.Timer(0.3, webbrowser.open, [link]).start()

    with suppress(KeyboardInterrupt):  # uvicorn has ended all that was going on, and passes it on
        Server(config, announce).run(sockets=[listening])


class Server(uvicorn.Server):
    """Says where it is once it answers and hears Ctrl-C, also where who started it ignores that signal."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self.announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.announce()
