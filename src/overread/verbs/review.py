"""`overread review`: the page where experts give the second read."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from overread.reviewing.opening import first_link, opened
from overread.reviewing.review import Review
from overread.reviewing.rounds import export_command
from overread.reviewing.serving import bound, serve
from overread.reviewing.settings import ReviewSettings

WARNING = (
    "WARNING: others on the network can reach this page, and everything they read travels unencrypted. Put a proxy "
    "with TLS before it and name its address (--url https://...), or leave --host out. docs/review.md tells how."
)
Say = Callable[[str], None]


@dataclass(frozen=True)
class ReviewResult:
    """How far a review was when it ended."""

    out: Path
    items: int  # that are asked about
    answered: int  # by as many readers as are needed
    disagreements: int  # that wait for an adjudicator
    readers: dict[str, int]  # how many each has answered
    head: str  # hash of the last entry of the trail
    command: str  # what comes next

    @property
    def summary(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)} | {"out": str(self.out)}


def review(
    run: str | Path,
    settings: ReviewSettings | None = None,
    *,
    browser: bool = True,
    quiet: bool = False,
) -> ReviewResult:
    """Serves the page of a run of `overread audit` or `overread clean` until Ctrl-C, and says how far it came.

    Raises `InputError` where there is nothing to review, or a flag is wrong.
    """
    settings, folder = settings or ReviewSettings(), Path(run)
    say: Say = silent if quiet else to_stderr
    former = os.umask(0o077)  # what is written now is for the owner's eyes alone
    try:
        with bound(settings) as listening:
            found, words = opened(folder, settings)
            try:
                say(words)
                if not settings.is_local and not (settings.url or "").startswith("https://"):
                    to_stderr(WARNING)
                token = first_link(found, settings.reader or user())
                serve(found, settings, listening, token, browser, to_stderr)
                return result_of(found)
            finally:
                found.close()
    finally:
        os.umask(former)


def result_of(found: Review) -> ReviewResult:
    """Where the round stands."""
    with found.turn() as now:
        table = now.table
        readers = {
            name: count
            for name in sorted(table.own)
            if (count := len({place for place, word in table.own_words(name) if word.outcome != "skip"}))
        }
        counts = len(table), table.done, len(table.disputed)
    return ReviewResult(found.source.folder, *counts, readers, found.store.head()[1], export_command(found))


def user() -> str:
    """The name of the person at this machine."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "reader"


def to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def silent(text: str) -> None:
    """Says nothing."""
