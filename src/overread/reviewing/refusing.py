"""What the server refuses, in words."""

from __future__ import annotations


class Refused(Exception):
    """A request that is not served: an HTTP status, and a sentence for the person who made it."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


def missing(what: str) -> Refused:
    return Refused(404, f"There is no {what} here.")
