"""How a review is run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from overread.errors import InputError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class ReviewSettings:
    """The flags of `overread review`; `InputError` for those that make no sense."""

    host: str = "127.0.0.1"
    port: int = 8765
    db: str | None = None  # label store; the run's own unless told otherwise
    budget: int | None = None  # items to ask about at most
    readers: int | None = None  # how many readers each item needs; None: one, or what `clean` was told
    blind: bool = False  # suggestions are withheld until a reader has committed
    repeats: float = 0.0  # share of reads that are hidden repeats of own ones
    reader: str | None = None  # name of the person at this machine; None: as the system calls him
    url: str | None = None  # where readers reach it, behind a proxy

    def __post_init__(self) -> None:
        if problems := [text for wrong, text in self._problems() if wrong]:
            raise InputError("; ".join(problems) + ".")

    def _problems(self) -> Iterator[tuple[bool, str]]:
        yield not 0 <= self.port <= 65535, f"--port is 1 to 65535 (0: any that is free), not {self.port}"
        yield (
            self.budget is not None and self.budget < 1,
            f"--budget must be at least 1, not {self.budget}",
        )
        yield (
            self.readers is not None and self.readers < 1,
            f"--readers must be at least 1, not {self.readers}",
        )
        good = math.isfinite(self.repeats) and 0.0 <= self.repeats <= 0.5
        yield not good, f"--repeats is a share from 0 to 0.5, 0.1 for a tenth, not {self.repeats}"
        named = self.reader is None or (self.reader.strip() == self.reader and 0 < len(self.reader) <= 80)
        yield not named, f"--reader is a name of 1 to 80 signs, not {self.reader!r}"
        yield (
            self.url is not None and not is_address(self.url),
            f"--url is where readers reach the page, as https://reads.example.org, not {self.url!r}",
        )

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine can reach the server."""
        return self.host in LOOPBACK


def is_address(url: str) -> bool:
    """Whether a URL names a scheme and a host, and nothing else."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  raises where it is no number
    except ValueError:
        return False
    bare = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and bare
