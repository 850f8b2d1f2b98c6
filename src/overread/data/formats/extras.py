"""What an extra is missing, in one sentence with its cure."""

from __future__ import annotations

from importlib.util import find_spec

from overread.errors import InputError


def need(extra: str, module: str, name: str, what: str) -> None:
    """Refuses the file `name`, which is `what`, where the library that reads it is not installed."""
    if find_spec(module) is None:
        raise InputError(f"{name} is {what}, which needs an extra: pip install 'overread[{extra}]'")
