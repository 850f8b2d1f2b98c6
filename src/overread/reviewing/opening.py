"""From a run folder to a review that can be served: label store, queue, people."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from overread.errors import InputError
from overread.reviewing.accounts import ROLES, Accounts
from overread.reviewing.review import Review
from overread.reviewing.settings import ReviewSettings
from overread.reviewing.source import (
    ALONE,
    AUDIT_ROUND,
    Source,
    Suspect,
    configured,
    read_source,
    read_suspects,
)
from overread.reviewing.table import items_of
from overread.store import LabelStore
from overread.store.connecting import Database, connect

OWN = "labels.sqlite"


def opened(folder: Path, settings: ReviewSettings) -> tuple[Review, str]:
    """The review of a run folder, and a sentence on what is asked. Raises `InputError`."""
    source = read_source(folder)
    url = store_url(source, settings)
    store = LabelStore.open(url, create=source.verb == "audit")
    accounts = None
    try:
        accounts = Accounts(folder / "review.sqlite")
        database = connect(url)
        register(store, database, source)
        asked = ask(store, database, source, settings) if source.verb == "audit" else ""
        review = Review(source, store, database, accounts, with_readers(source, settings))
        with review.turn() as now:
            if not len(now.table):
                raise InputError(f"Nothing is asked in {folder}: its queue is empty.")
            words = asked or f"Round {now.table.number}: {counted(len(now.table), source)} to read."
        return review, words
    except BaseException:
        if accounts is not None:
            accounts.close()
        store.close()
        raise


def store_url(source: Source, settings: ReviewSettings) -> str:
    """Where the label store is: at --db, where `clean` keeps it, or in the run folder."""
    own = str(source.folder / OWN)
    if source.verb == "audit":
        return settings.db or own
    url = settings.db or configured(source.folder, "db") or own
    if "://" not in url and not Path(url).is_file():
        raise InputError(
            f"{source.folder} asks nobody: it has no label store. Review is for `overread clean ... --expert queue`, "
            "once its first round waits for answers."
        )
    return str(url)


def with_readers(source: Source, settings: ReviewSettings) -> ReviewSettings:
    """The number of readers of each item: as typed, as `clean` was told, or one."""
    from dataclasses import replace

    told = configured(source.folder, "readers") if source.verb == "clean" else None
    return replace(settings, readers=settings.readers or (told if isinstance(told, int) else 1))


def register(store: LabelStore, database: Database, source: Source) -> None:
    """Writes the samples of an audit down, once; those of `clean` are there, as are those of the run's own store
    where something is asked already."""
    was_asked = database.shown == str(source.folder / OWN) and items_of(database, AUDIT_ROUND)
    if source.verb == "audit" and not was_asked:
        given = None if source.structures else [label or None for label in source.given]
        store.register(source.ids, given, source.groups, source.structures)


def ask(store: LabelStore, database: Database, source: Source, settings: ReviewSettings) -> str:
    """Puts the suspects of an audit into the queue, most suspicious first; what is there stays."""
    there = items_of(database, AUDIT_ROUND)
    if there and (settings.budget is None or settings.budget <= there):
        return f"{counted(min(there, settings.budget or there), source)} to read, as the queue has them."
    suspects = read_suspects(source)
    chosen = list(islice((one for one in suspects if one.flagged), settings.budget))
    words = f"The audit flagged {counted(len(chosen), source)}: these are read, most suspicious first."
    if settings.budget is not None and len(chosen) == settings.budget:
        words = f"The {counted(len(chosen), source)} that the audit doubts most are read."
    if not chosen:
        chosen = list(islice(read_suspects(source), settings.budget or ALONE))
        words = f"The audit flagged nothing: the {counted(len(chosen), source)} that look most suspicious are read."
    store.enqueue(AUDIT_ROUND, (asked(one, source) for one in chosen))
    return words


def asked(one: Suspect, source: Source) -> tuple[str, int, dict[str, object], str | None]:
    """A suspect as the queue takes it."""
    return source.ids[one.row], int(one.why["rank"]), one.why, one.structure


def counted(number: int, source: Source) -> str:
    kind = "mask" if source.structures else "label"
    return f"{number:,} {kind}{'' if number == 1 else 's'}"


def first_link(review: Review, name: str) -> str:
    """The token for the person at this machine, who may do everything."""
    return review.accounts.invite(name, ROLES)[0]
