"""The gallery of cleaning: small copies of images whose label was changed, for the report."""

from __future__ import annotations

import numpy as np

from overread.files import write_json
from overread.verbs.cleaning.desk import Desk
from overread.verbs.cleaning.measuring import Look
from overread.verbs.gallery import Thumbs

SHOWN = 24


def write_changed(desk: Desk, look: Look) -> None:
    """Writes gallery.json and gallery/*.jpg: 24 of the changed labels, those first that looked most right before."""
    answers, names = look.answers, desk.manifest.classes
    order = np.argsort(answers.p_wrong, kind="stable")
    thumbs = Thumbs(desk.run.path, desk.pool)
    entries = []
    for at in order[answers.changed[order]][:SHOWN]:
        row = int(answers.rows[at])
        entries.append(
            {
                "id": str(desk.pool.ids[row]),
                "round": int(answers.rounds[at]),
                "given": names[int(desk.pool.given[row])],
                "current": names[int(look.labels.given[row])],
                "p_wrong": round(float(answers.p_wrong[at]), 4),
                "thumb": thumbs.of(row),
            }
        )
    write_json(desk.run.path / "gallery.json", entries)
