"""Which labels became which: by class, from the labels as they stood when the run began."""

from __future__ import annotations

from typing import Any

import numpy as np

from overread.verbs.cleaning.desk import Desk
from overread.verbs.cleaning.measuring import Look


def flows(desk: Desk, look: Look) -> dict[str, Any]:
    """`per_class` and `given_vs_current` of summary.json, after the rounds that are finished.

    `given_vs_current` is [C, C], of the labels that somebody has named: rows are the classes before, columns those
    that stand now. `per_class` says of each class how many labels of the pool bore it, how many of these were asked
    about, named by somebody, and changed; and how many labels bear it now.
    """
    names, given = desk.manifest.classes, desk.pool.given
    items = [item for number in range(1, look.number + 1) for item in desk.store.queue(number)]
    named = look.answers.rows
    table = np.zeros((len(names), len(names)), np.int64)
    np.add.at(table, (given[named], look.labels.given[named]), 1)
    counts = {
        "samples": np.bincount(given, minlength=len(names)),
        "asked": np.bincount(given[desk.rows_asked(items)], minlength=len(names)),
        "named": table.sum(1),
        "changed": table.sum(1) - table.diagonal(),
        "now": np.bincount(look.labels.given[~look.labels.closed], minlength=len(names)),
    }
    return {
        "per_class": {
            name: {what: int(count[code]) for what, count in counts.items()}
            for code, name in enumerate(names)
        },
        "given_vs_current": table.tolist(),
    }
