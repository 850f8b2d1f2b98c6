"""Packages that are not part of the installation."""

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
        reason = str(error).strip().partition("\n")[0]
        raise InputError(
            f"{wanted_by} needs the package {module}, which does not import here: {type(error).__name__}: {reason}. "
            f"Install it anew, with torch and torchvision of one build: pip install 'overread[{name}]'."
        ) from error
