"""Which label store belongs to a run folder."""

from __future__ import annotations

from pathlib import Path

from overread.errors import InputError
from overread.run import read_info
from overread.store import LabelStore

OWN = "labels.sqlite"  # in the run folder


def url_of_run(run: Path, db: str | None) -> str | None:
    """Where the label store of a run is: at `db`, where `clean --db` put it, or in its folder; None: nowhere yet."""
    if not (run / "run.json").is_file():
        raise InputError(
            f"{run} is not the folder of a run: there is no run.json in it. Name one, such as that of -o."
        )
    if db is not None:
        return db
    told = read_info(run).get("identity", {}).get("db")
    if told:
        return str(told)
    return str(run / OWN) if (run / OWN).is_file() else None


def store_of_run(run: Path, db: str | None) -> LabelStore | None:
    """The label store of `run`, which must be there where it is named; None where nobody has made one yet."""
    url = url_of_run(run, db)
    return None if url is None else LabelStore.open(url, create=False)
