"""Who may come in: people, their roles, one-time links, sessions. RUN/review.sqlite, for its owner's eyes alone."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from secrets import compare_digest, token_urlsafe
from typing import Any

from overread.errors import InputError
from overread.reviewing.refusing import Refused

ROLES = ("reader", "adjudicator", "curator")
DAY = 86_400.0
INVITE, IDLE, LONGEST = 7 * DAY, DAY / 2, 14 * DAY  # seconds that a link, an unused and any session live
TRIES, PER = 10, 60.0  # wrong links in so many seconds, then nobody is let in for a while
TABLES = """
CREATE TABLE IF NOT EXISTS people (name TEXT PRIMARY KEY, roles TEXT NOT NULL,
  closed INTEGER NOT NULL DEFAULT 0, seen REAL);
CREATE TABLE IF NOT EXISTS invites (hash TEXT PRIMARY KEY, name TEXT NOT NULL, expires REAL NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (hash TEXT PRIMARY KEY, name TEXT NOT NULL, csrf TEXT NOT NULL,
  made REAL NOT NULL, seen REAL NOT NULL);
CREATE TABLE IF NOT EXISTS tickets (ticket TEXT PRIMARY KEY, round INTEGER NOT NULL, row INTEGER NOT NULL,
  part INTEGER NOT NULL, reader TEXT NOT NULL, kind TEXT NOT NULL, issued REAL NOT NULL, about INTEGER);
CREATE INDEX IF NOT EXISTS tickets_by_round ON tickets (round);
"""


@dataclass(frozen=True)
class Person:
    """Somebody who is logged in."""

    name: str
    roles: tuple[str, ...]
    csrf: str = ""


@dataclass
class Session:
    """A session as it is kept in memory."""

    person: Person
    made: float
    seen: float
    saved: float = field(default=0.0)  # when `seen` was last written down


class Accounts:
    """The people of a review. Tokens are stored as hashes: who reads the file cannot come in with it."""

    def __init__(self, path: Path) -> None:
        self._file = opened(path)
        self.lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._failures: list[float] = []
        with self.lock:
            self._file.execute("DELETE FROM invites WHERE expires < ?", (time.time(),))
            self._file.execute("DELETE FROM sessions WHERE made < ?", (time.time() - LONGEST,))
            self._read_sessions()

    def close(self) -> None:
        with self.lock:
            self._file.close()

    def query(self, text: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Runs one statement; what it changed is written when this returns."""
        with self.lock:
            return self._file.execute(text, values).fetchall()

    def _read_sessions(self) -> None:
        rows = self._file.execute(
            "SELECT s.hash, s.name, p.roles, s.csrf, s.made, s.seen FROM sessions s JOIN people p USING (name) "
            "WHERE NOT p.closed"
        )
        for name_of, name, roles, csrf, made, seen in rows:
            self._sessions[name_of] = Session(Person(name, split(roles), csrf), made, seen, seen)

    def invite(self, name: str, roles: Sequence[str], lives: float = INVITE) -> tuple[str, float]:
        """A link's token for a person, who is made known, and when it expires. Roles replace former ones."""
        now = time.time()
        token, ordered = token_urlsafe(24), [role for role in ROLES if role in roles]
        with self.lock:
            self._file.execute(
                "INSERT INTO people (name, roles) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET roles = excluded.roles, closed = 0",
                (name, " ".join(ordered)),
            )
            self._file.execute("INSERT INTO invites VALUES (?, ?, ?)", (hashed(token), name, now + lives))
            self._sessions.clear()
            self._read_sessions()
        return token, now + lives

    def enter(self, token: str) -> str:
        """Turns a link's token into that of a session, once."""
        now = time.time()
        with self.lock:
            self._failures = [then for then in self._failures if then > now - PER]
            if len(self._failures) >= TRIES:
                raise Refused(429, "Too many wrong links were tried. Wait a minute, then open yours again.")
            found = self._file.execute(
                "DELETE FROM invites WHERE hash = ? AND expires > ? RETURNING name", (hashed(token), now)
            ).fetchall()
            if not found:
                self._failures.append(now)
                raise Refused(
                    403,
                    "This link was used before, is too old, or is not whole. Ask the curator for a new one.",
                )
            return self._begin(str(found[0][0]), now)

    def _begin(self, name: str, now: float) -> str:
        secret, csrf = token_urlsafe(32), token_urlsafe(24)
        [(roles,)] = self._file.execute("SELECT roles FROM people WHERE name = ?", (name,)).fetchall()
        self._file.execute(
            "INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", (hashed(secret), name, csrf, now, now)
        )
        self._sessions[hashed(secret)] = Session(Person(name, split(roles), csrf), now, now, now)
        return secret

    def who(self, secret: str | None) -> Person | None:
        """Whose session it is; None where it is nobody's, or has been left alone for too long."""
        if not secret:
            return None
        now, key = time.time(), hashed(secret)
        with self.lock:
            session = self._sessions.get(key)
            if session is None:
                return None
            if now - session.seen > IDLE or now - session.made > LONGEST:
                self._end(key)
                return None
            session.seen = now
            if now - session.saved > PER:
                session.saved = now
                self._file.execute("UPDATE sessions SET seen = ? WHERE hash = ?", (now, key))
                self._file.execute("UPDATE people SET seen = ? WHERE name = ?", (now, session.person.name))
            return session.person

    def leave(self, secret: str) -> None:
        """Ends a session."""
        with self.lock:
            self._end(hashed(secret))

    def _end(self, key: str) -> None:
        self._sessions.pop(key, None)
        self._file.execute("DELETE FROM sessions WHERE hash = ?", (key,))

    def close_person(self, name: str) -> None:
        """Ends all sessions and links of a person; what was said stays."""
        with self.lock:
            self._file.execute("UPDATE people SET closed = 1 WHERE name = ?", (name,))
            self._file.execute("DELETE FROM invites WHERE name = ?", (name,))
            for key in [key for key, one in self._sessions.items() if one.person.name == name]:
                self._end(key)
            self._file.execute("DELETE FROM sessions WHERE name = ?", (name,))

    def people(self) -> list[dict[str, Any]]:
        """Everybody, with what the curator sees of them."""
        rows = self.query(
            "SELECT p.name, p.roles, p.closed, p.seen, EXISTS (SELECT 1 FROM invites i WHERE i.name = p.name AND "
            "i.expires > ?) FROM people p ORDER BY p.name",
            (time.time(),),
        )
        return [
            {
                "name": name,
                "roles": list(split(roles)),
                "open": not closed,
                "last_seen": seen,
                "pending": bool(pending),
            }
            for name, roles, closed, seen, pending in rows
        ]


def opened(path: Path) -> sqlite3.Connection:
    """The file, readable by its owner alone; it belongs to one server at a time."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)
    file = sqlite3.connect(path, timeout=2.0, isolation_level=None, check_same_thread=False)
    try:
        for setting in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=NORMAL"):
            file.execute(f"PRAGMA {setting}").fetchall()
        file.executescript(TABLES)
    except sqlite3.OperationalError as error:
        file.close()
        if "locked" in str(error):
            raise InputError(
                f"{path.parent} is being reviewed by another `overread review`. End that one first."
            ) from None
        raise InputError(f"{path} cannot be used: {error}.") from None
    except sqlite3.DatabaseError as error:
        file.close()
        raise InputError(
            f"{path} is broken ({error}). Delete it: it holds who may come in, and no answers."
        ) from None
    return file


def hashed(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def split(roles: str) -> tuple[str, ...]:
    return tuple(roles.split())


def same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell where they differ."""
    return compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
