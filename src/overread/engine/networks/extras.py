"""Packages that are not part of the installation, and what they say when they fail."""

from __future__ import annotations

import importlib
from typing import Any

from overread.errors import InputError


def extra(module: str, name: str, wanted_by: str) -> Any:
    """The package `module`, which comes with the extra `name`; an `InputError` where it does not import."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise InputError(
            f"{wanted_by} needs the package {module}, which is not installed: pip install 'overread[{name}]'."
        ) from error
    except Exception as error:  # a package that does not fit beside the others raises what it likes
        raise InputError(
            f"{wanted_by} needs the package {module}, which does not import here: {in_short(error)}. "
            f"Install it anew, with torch and torchvision of one build: pip install 'overread[{name}]'."
        ) from error


def in_short(error: Exception) -> str:
    """An error's kind and first line.

    >>> in_short(ValueError("Too large. \\nMore of it."))
    'ValueError: Too large'
    """
    line = str(error).strip().partition("\n")[0].strip().rstrip(".")
    return f"{type(error).__name__}: {line}"
