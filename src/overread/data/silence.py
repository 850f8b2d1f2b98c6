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
    """How many threads are inside, and what restores the filters of warnings when the last one leaves."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    inside: int = 0
    saved: Any = None


_silence = _Silence()


@contextmanager
def silenced() -> Iterator[None]:
    """No warnings and no log lines of image libraries inside; the filters are those of the whole process."""
    with _silence.lock:
        if _silence.inside == 0:
            for name in LIBRARIES:
                logging.getLogger(name).addFilter(_nothing)
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
                for name in LIBRARIES:
                    logging.getLogger(name).removeFilter(_nothing)


def _nothing(record: logging.LogRecord) -> bool:
    return False


@contextmanager
def without_pixel_limit() -> Iterator[None]:
    """Pillow's own limit is off while a header is read (we have ours), and on again for everybody else."""
    with _opening:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit
