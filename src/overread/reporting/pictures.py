"""The gallery: the most suspicious images beside their neighbours, as inline pictures."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from overread.reporting.files import Json, Run
from overread.reporting.summary import several
from overread.reporting.words import number

MAGIC = {b"\xff\xd8\xff": "jpeg", b"\x89PNG\r\n\x1a\n": "png"}
NEIGHBOURS = 3


def gallery(run: Run) -> list[dict[str, Any]]:
    """One card a suspect, as gallery.json lists them."""
    return [_card(run.folder, entry) for entry in run.gallery]


def _card(folder: Path, entry: Json) -> dict[str, Any]:
    given, suggested = str(entry.get("given", "")), str(entry.get("suggested", ""))
    like = [("like_given", given)] + ([("like_suggested", suggested)] if suggested != given else [])
    return {
        "rank": entry.get("rank", ""),
        "id": str(entry.get("id", "")),
        "given": given,
        "suggested": suggested,
        "chance": number(entry.get("p_wrong")),
        "why": str(entry.get("why", "")),
        "picture": inline(folder, entry.get("thumb")),
        "strips": [
            {"label": label, "pictures": _strip(folder, several(entry, key))}
            for key, label in like
            if several(entry, key)
        ],
    }


def _strip(folder: Path, entries: list[Any]) -> list[dict[str, str]]:
    known = [entry for entry in entries if isinstance(entry, dict)][:NEIGHBOURS]
    return [
        {"id": str(entry.get("id", "")), "picture": inline(folder, entry.get("thumb"))} for entry in known
    ]


def inline(folder: Path, name: object) -> str:
    """A JPEG or PNG inside `folder` as a data URI; empty where it is anything else."""
    if not isinstance(name, str):
        return ""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        return ""
    content = path.read_bytes()
    for magic, kind in MAGIC.items():
        if content.startswith(magic):
            return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return ""
