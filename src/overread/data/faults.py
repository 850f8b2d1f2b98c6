"""What is wrong with an image file, in words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from overread.data import deep
from overread.errors import InputError

BEGINNINGS = {  # what a file that is no image often is, by its first bytes in lower case
    b"<svg": "an SVG drawing",
    b"<!doctype html": "a web page",
    b"<html": "a web page",
    b"<?xml": "XML or SVG text",
    b"{": "JSON text",
    b"%pdf": "a PDF",
    b"pk\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"version https://git-lfs": "a Git LFS pointer; fetch the file itself",
}


class BadImage(InputError):
    """An image that cannot be read: `path` and `why`, in words."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


def not_an_image(data: bytes) -> str:
    """What a file is that no reader knows."""
    if data.startswith((b"\xff\xd8", b"\x89PNG", b"GIF8")):
        return "the file is truncated or damaged at its beginning"
    start = data[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    found = next((what for begin, what in BEGINNINGS.items() if start.startswith(begin)), "")
    if data[128:132] == b"DICM":
        found = "a DICOM file: give it the ending .dcm"
    elif not found and _is_text(data[:512]):
        found = "text"
    kinds = "JPEG, PNG, TIFF, BMP, GIF, WebP, PNM"
    return f"not an image, but {found}" if found else f"not an image of a kind that is read ({kinds})"


def _is_text(start: bytes) -> bool:
    plain = sum(8 < byte < 14 or 31 < byte < 127 for byte in start)
    return plain > 0.9 * len(start) and 0 not in start


def in_words(error: Exception) -> str:
    """The library's error in words for the user."""
    text = str(error)
    if isinstance(error, EOFError) or any(
        word in text.lower()
        for word in ("truncated", "unexpected end", "not enough", "end-of-stream", "bytes, got")
    ):
        return "the file is truncated: its end is missing"
    if "imagecodecs" in text:
        return "a TIFF with a compression that is not read; save it without compression"
    return f"the file is damaged ({os.path.basename(text) if '/' in text else text or type(error).__name__})"


@contextmanager
def told(name: str) -> Iterator[None]:
    """Whatever goes wrong becomes a `BadImage` with the name of the image."""
    try:
        yield
    except BadImage as error:
        raise BadImage(name, error.why) from None
    except deep.Unfit as error:
        raise BadImage(name, str(error)) from None
    except InputError:  # an extra that is missing, a flag that is wrong
        raise
    except MemoryError:
        raise BadImage(name, "too large for the memory of this machine") from None
    except Exception as error:  # a broken file makes a library raise nearly anything
        raise BadImage(name, in_words(error)) from None
