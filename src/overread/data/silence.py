"""Keeps the image libraries quiet, safely across threads: what is wrong with a file is said by us, once."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

_opening = threading.Lock()
LIBRARIES = ("tifffile", "nibabel.global", "pydicom")  # their loggers


@dataclass
class _Silence:
    """How many threads are inside, and what restores warnings and loggers when the last one leaves."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    inside: int = 0
    saved: Any = None
    levels: list[int] = field(default_factory=list)  # of the loggers


_silence = _Silence()


@contextmanager
def silenced() -> Iterator[None]:
    """No warnings and no log lines of image libraries inside; both are those of the whole process."""
    with _silence.lock:
        if _silence.inside == 0:
            _silence.levels = [logging.getLogger(name).level for name in LIBRARIES]
            for name in LIBRARIES:
                logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # of what lies below it too
            _silence.saved = warnings.catch_warnings()
            _silence.saved.__enter__()
            warnings.simplefilter("ignore")
        _silence.inside += 1
    try:
        yield
    finally:
        with _silence.lock:
            _silence.inside -= 1
            if _silence.inside == 0:
                _silence.saved.__exit__(None, None, None)
                for name, level in zip(LIBRARIES, _silence.levels, strict=True):
                    logging.getLogger(name).setLevel(level)


@contextmanager
def without_pixel_limit() -> Iterator[None]:
    """Pillow's own limit is off while a header is read (we have ours), and on again for everybody else."""
    with _opening:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit
