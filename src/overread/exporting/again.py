"""The data of a run, read again as the run read them: for pixels and masks, which a run does not keep."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from overread.data.kept import Kept, options_of
from overread.data.manifest import Manifest
from overread.data.problems import quoted
from overread.data.read import read
from overread.errors import InputError
from overread.run import read_info


def read_again(run: Path, kept: Kept) -> Manifest:
    """The samples of a run, in its order, with their masks and pixels. `InputError` where DATA changed."""
    data = read_info(run).get("data", {})
    if "options" not in data:
        raise InputError(
            f"{run} was made by an older Overread, and does not say how its data were read. Run it again."
        )
    try:
        manifest = read(data["path"], options_of(data["options"])).manifest
    except InputError as error:
        raise InputError(f"The data that {run} was made from cannot be read any more. {error}") from error
    places = {name: row for row, name in enumerate(manifest.ids)}
    if lost := [name for name in kept.ids if name not in places]:
        raise InputError(
            f"{data['path']} has changed since {run} was made: {quoted(lost[:3])} is not in it any more. Put "
            "the data back as they were."
        )
    if kept.structures and manifest.classes != kept.structures:
        raise InputError(
            f"{data['path']} has changed since {run} was made: its structures were {quoted(kept.structures)} and are "
            f"{quoted(manifest.classes)}. Put the data back as they were."
        )
    return manifest.take(np.array([places[name] for name in kept.ids], dtype=np.int64))
