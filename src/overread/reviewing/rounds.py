"""The round as the curator sees it, and what comes after it."""

from __future__ import annotations

from typing import Any

from overread.reviewing.refusing import Refused
from overread.reviewing.review import Review, Round, round_name

Json = dict[str, Any]


def round_state(review: Review, now: Round) -> Json:
    """Where the round stands, whether the next one can be run, and what to do in the end."""
    table, runner = now.table, review.runner
    is_answered = table.done == len(table)
    can_run, words = can_go_on(review, is_answered, len(table) - table.done)
    if runner.is_running:
        state = "running"
    elif runner.failed:
        state = "failed"
    elif review.source.verb == "clean" and runner.state() == "done":
        state = "finished"
    else:
        state = "answered" if is_answered else "open"
    return {
        "verb": review.source.verb,
        "round": table.number,
        "round_name": round_name(review.source, table.number),
        "state": state,
        "items": len(table),
        "answered": table.done,
        "can_run": can_run,
        "words": words,
        "command": export_command(review),
        "log": runner.log() if review.source.verb == "clean" else "",
    }


def can_go_on(review: Review, is_answered: bool, left: int) -> tuple[bool, str]:
    """Whether the next round can be run, and why (not)."""
    if review.source.verb == "audit":
        return False, "An audit has one round. When it is read, export the labels."
    if review.runner.is_running:
        return False, "The next round is being made."
    state = review.runner.state()
    if state == "done":
        return False, "The run is finished: all its rounds are done."
    if not is_answered:
        return False, f"{left} of this round are not answered yet."
    if state == "running":
        return False, "The run goes on in another process."
    return True, "All is answered: the networks learn from it, and the next round is asked."


def run_next(review: Review, now: Round) -> None:
    """Starts the next round. Raises `Refused` where that cannot be."""
    can_run, words = can_go_on(review, now.table.done == len(now.table), len(now.table) - now.table.done)
    if not can_run:
        raise Refused(409, words)
    review.runner.start()


def export_command(review: Review) -> str:
    """What to type when all is read."""
    kind = "masks" if review.source.structures else "csv"
    db = f" --db {review.database.shown}" if review.settings.db else ""  # without its password
    return f"overread export {review.source.folder} -o labels --to {kind}{db}"
