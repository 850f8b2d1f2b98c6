"""Keeps the last few files that were opened, so that a volume is read once and not once a slice."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from overread.data.pool import stamp_of

T = TypeVar("T")
ROOM = 1 << 30  # bytes; the newest stays whatever its size
MOST = 8  # files


class Shelf(Generic[T]):
    """What was made of files, by path and time of change. Threads that want the same file wait for one."""

    def __init__(self, size: Callable[[T], int]) -> None:
        self.size = size  # bytes of what was made
        self.made: OrderedDict[object, T] = OrderedDict()
        self.locks: dict[object, threading.Lock] = {}
        self.lock = threading.Lock()

    def get(self, path: str, make: Callable[[], T], *how: object) -> T:
        """What `make` makes of the file at `path` in the manner `how`."""
        key = (path, stamp_of(path), *how)
        with self.lock:
            mine = self.locks.setdefault(key, threading.Lock())
        with mine:
            with self.lock:
                if key in self.made:
                    self.made.move_to_end(key)
                    return self.made[key]
            found = make()
            with self.lock:
                self.made[key] = found
                self._clear()
        return found

    def _clear(self) -> None:
        """Lets go of what was not wanted for longest."""
        while len(self.made) > 1 and (
            len(self.made) > MOST or sum(map(self.size, self.made.values())) > ROOM
        ):
            key, _ = self.made.popitem(last=False)
            self.locks.pop(key, None)
