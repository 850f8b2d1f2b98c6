"""The label store as the rest of Overread sees it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import final

import sqlalchemy as sa

from overread.errors import InputError
from overread.store import appending, queue, reading, verifying
from overread.store import samples as registered
from overread.store.connecting import Database, connect
from overread.store.opinions import Entry, Opinion, check
from overread.store.queue import Asked, Item
from overread.store.rounds import Progress, Round
from overread.store.samples import Columns
from overread.store.schema import prepare
from overread.store.standing import Current, Standing
from overread.store.tables import masks
from overread.store.tables import opinions as trail


@final
class LabelStore:
    """Who said what of which sample, and when: a SQLite file, or a PostgreSQL database.

    Threads may share one, and any number of processes may open the same. What a method has returned is on the disk.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._columns: Columns | None = None  # never change once they are there
        self._rounds: dict[int, Round] = {}  # where each stands, as far as it was read
        self._turn = Lock()  # to use them

    @staticmethod
    def open(url: str | Path, *, create: bool = True) -> LabelStore:
        """The store at a path, sqlite:///FILE or postgresql://USER@HOST/DATABASE; its tables are made, or brought
        up to date. Without `create` there must be one. Raises `InputError` where it cannot be used."""
        database = connect(url)
        if database.is_sqlite and not create and not Path(database.shown).is_file():
            raise InputError(f"There is no label store {database.shown}.")
        try:
            prepare(database, create)
        except BaseException:
            database.engine.dispose()
            raise
        return LabelStore(database)

    def close(self) -> None:
        """Ends its connections; the next use opens new ones."""
        self._database.engine.dispose()

    @property
    def url(self) -> str:
        """Its path or URL, without the password."""
        return self._database.shown

    @property
    def size(self) -> int:
        """How many samples were registered."""
        with self._database.reading() as connection:
            return registered.needed_head(connection).samples

    def register(
        self,
        ids: Sequence[str],
        given: Sequence[str | None] | None = None,
        groups: Sequence[str] | None = None,
        structures: Sequence[str] = (),
    ) -> None:
        """Writes down the samples, once: given labels (None: masks, or no label), groups, structures of masks.

        Where the same samples are there already nothing happens; others are refused with an `InputError`.
        """
        columns = registered.as_columns(ids, given, groups, structures)
        with self._database.writing() as connection:
            registered.register(connection, columns)

    def append(self, new: Opinion | Sequence[Opinion]) -> list[Entry]:
        """Stores opinions, all or none, and returns their entries; one whose key is there already gives the first's.

        Raises `InputError` where an opinion is wrong.
        """
        handed = [new] if isinstance(new, Opinion) else list(new)
        check(handed)
        with self._database.writing() as connection:
            return appending.append(connection, handed)

    def current(self, structure: str | None = None) -> Current:
        """Where each sample stands. Masks: of one structure, or of the images as a whole."""
        with self._database.reading() as connection:
            columns = self._samples(connection)
            return reading.current(connection, columns, structure)

    def standings(self, until: int | None = None) -> Mapping[tuple[str, str | None], Standing]:
        """Where each (sample, structure) stands of which something was said, by entries up to number `until`.

        The structure is None where the store holds labels; of masks a standing's `value` is a hash, see `mask`.
        """
        with self._database.reading() as connection:
            return reading.standings(connection, self._samples(connection), until)

    def mask(self, name: str) -> bytes:
        """The PNG whose sha256 is `name`."""
        with self._database.reading() as connection:
            png = connection.execute(sa.select(masks.c.png).where(masks.c.hash == name)).scalar()
        if png is None:
            raise InputError(f"The label store {self.url} holds no mask {name!r}.")
        return bytes(png)

    def history(self, sample: str) -> list[Entry]:
        """All that was said of a sample, in order."""
        with self._database.reading() as connection:
            return list(appending.entries_where(connection, trail.c.sample, {sample}))

    def opinions(self, after: int = 0, round: int | None = None) -> Iterator[Entry]:
        """The entries after number `after`, in order; those of one round where it is named."""
        while True:
            with self._database.reading() as connection:
                page = reading.page(connection, after, round)
            yield from page
            if len(page) < reading.PAGE:
                return
            after = page[-1].number

    def head(self) -> tuple[int, str]:
        """Number and hash of the last entry; 0 and the hash of the samples where nothing was said."""
        with self._database.reading() as connection:
            found = registered.needed_head(connection)
        return found.number, found.hash

    def verify(self, head: str | None = None) -> list[str]:
        """One sentence a fault of the trail, none where it is whole. `head`: the hash that an export told."""
        with self._database.reading() as connection:
            return verifying.faults(connection, head)

    @property
    def structures(self) -> tuple[str, ...]:
        """Of masks, their structures."""
        with self._database.reading() as connection:
            return tuple(json.loads(registered.needed_head(connection).structures))

    def samples(self) -> Columns:
        """The samples as they were registered: ids, given, groups, structures."""
        with self._database.reading() as connection:
            return registered.read_columns(connection)

    def _samples(self, connection: sa.Connection) -> Columns:
        if self._columns is None:
            self._columns = registered.read_columns(connection, groups=False)
        return self._columns

    def enqueue(self, round: int, asked: Iterable[Asked]) -> int:
        """Adds (sample, place, why[, structure]) to a round; those there already stay. Says how many are new."""
        with self._database.writing() as connection:
            return queue.enqueue(connection, round, asked)

    def queue(self, round: int) -> list[Item]:
        """The items of a round, in the order in which they are asked."""
        with self._database.reading() as connection:
            return list(queue.items(connection, round))

    def newest_round(self) -> int | None:
        """The round that was put into the queue last; None where nothing was asked yet."""
        with self._database.reading() as connection:
            return queue.newest_round(connection)

    def next(self, reader: str, round: int) -> Item | None:
        """What `reader` is to look at now: the first item that they have not answered, those skipped at the end.

        Items that an authority has settled are left out. None: the round is answered.
        """
        with self._round(round) as (connection, state):
            index = state.fresh(reader)
            if index is None and state.has_grown(connection):
                index = state.fresh(reader)
            if index is None:
                index = state.skipped(reader)
            return None if index is None else queue.item(connection, round, *state.items[index])

    def progress(self, round: int, readers: int = 1) -> Progress:
        """How far a round is; an item is answered when `readers` have answered it, or an authority has settled it."""
        with self._round(round) as (connection, state):
            state.has_grown(connection)
            return state.progress(readers)

    @contextmanager
    def _round(self, number: int) -> Iterator[tuple[sa.Connection, Round]]:
        """A round as it stands now; one thread at a time."""
        with self._turn, self._database.reading() as connection:
            state = self._rounds.setdefault(number, Round(number))
            state.update(connection, registered.needed_head(connection).number)
            yield connection, state
