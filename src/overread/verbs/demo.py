"""`overread demo`: the whole story on generated phantoms, whose truth is known."""

from __future__ import annotations

import sys
from pathlib import Path

from overread.data.options import DataOptions
from overread.data.phantom import write_phantoms
from overread.errors import InputError
from overread.noise.symmetric import Symmetric
from overread.verbs.audit import AuditResult, audit
from overread.verbs.config import AuditConfig
from overread.verbs.corrupt import corrupt

PATIENTS, RATE = 400, 0.1


def demo(out: str | Path, *, seed: int = 0, quiet: bool = False) -> AuditResult:
    """Draws phantoms, makes a tenth of their labels wrong, and audits them.

    Writes OUT/phantoms (the true labels), OUT/data (the noisy ones, with the truth beside them) and OUT/run.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is not empty. Give -o a new or empty folder for the demonstration.")

    def say(text: str) -> None:
        if not quiet:
            print(text, file=sys.stderr, flush=True)

    say(f"Drawing chest radiographs of {PATIENTS} phantom patients ...")
    write_phantoms(out / "phantoms", PATIENTS, seed)
    say(f"Making {RATE:.0%} of their labels wrong ...")
    corrupt(out / "phantoms", out / "data", Symmetric(RATE), seed=seed + 1, quiet=quiet)
    say("Auditing ...")
    config = AuditConfig(seed=seed, cache=str(out / "cache"))
    return audit(
        out / "data",
        out / "run",
        DataOptions(),
        config,
        quiet=quiet,
        command=["overread", "demo", "-o", str(out)],
    )
