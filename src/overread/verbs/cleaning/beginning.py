"""Where the labels stood when the run began: as the data give them, and as the label store had them by then."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from overread.data.manifest import Manifest
from overread.run import RunFolder
from overread.store import CLOSED, LabelStore


def begun(manifest: Manifest, run: RunFolder, store: LabelStore) -> Manifest:
    """The manifest with the labels as they stood when the run began; one that goes on sees them as they stood then.

    What somebody had verified in the store is verified; what was unreadable, out of scope, or named by a label that
    is no class of these data, is in no part.
    """
    if "begun" not in run.info:
        run.info["begun"] = store.head()[0]  # entries of others, for instance of a review of an audit
        run.save()
    said = store.standings(run.info["begun"]) if run.info["begun"] else {}
    row_of = {str(name): row for row, name in enumerate(manifest.ids)}
    code = {name: index for index, name in enumerate(manifest.classes)}
    given, split = manifest.given.copy(), manifest.split.copy()
    verified = np.zeros(len(manifest), bool) if manifest.verified is None else manifest.verified.copy()
    for (name, _), one in said.items():
        if one.readers == 0:  # all was taken back
            continue
        row = row_of[name]
        verified[row] = one.verified
        if one.is_voted and one.value in code:
            given[row] = code[one.value]
        elif one.is_voted or one.status in CLOSED:
            verified[row], split[row] = False, ""
    return replace(manifest, given=given, split=split, verified=verified if verified.any() else None)
