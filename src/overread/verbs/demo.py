"""`overread demo`: the whole story on generated phantoms, whose truth is known."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from overread.data.options import DataOptions
from overread.data.phantom import write_phantoms
from overread.errors import InputError
from overread.noise.symmetric import Symmetric
from overread.verbs.audit import AuditResult, audit
from overread.verbs.clean import CleanResult, clean
from overread.verbs.cleaning.config import CleanConfig
from overread.verbs.config import AuditConfig
from overread.verbs.corrupt import corrupt
from overread.verbs.export import ExportResult, export

PATIENTS, RATE = 400, 0.1
BUDGET, ROUNDS = 60, 3


@dataclass(frozen=True)
class Demo:
    """What each part of the story gave."""

    audit: AuditResult
    clean: CleanResult
    export: ExportResult


def demo(out: str | Path, *, seed: int = 0, quiet: bool = False) -> Demo:
    """Draws phantoms with a tenth of their labels wrong, audits them, has a simulated expert clean them, and exports.

    Writes OUT/phantoms (the true labels), OUT/data (the noisy ones, with the truth beside them), OUT/run (the audit),
    OUT/cleaned (the rounds of cleaning) and OUT/labels (the labels as they stand in the end).
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
    cache, command = str(out / "cache"), ["overread", "demo", "-o", str(out)]
    say("Auditing ...")
    plain = AuditConfig(seed=seed, cache=cache)
    found = audit(out / "data", out / "run", DataOptions(), plain, quiet=quiet, command=command)
    say(f"Buying {BUDGET} labels of a simulated expert ...")
    bought = CleanConfig(effort="fast", budget=BUDGET, rounds=ROUNDS, expert="oracle", seed=seed, cache=cache)
    cleaned = clean(out / "data", out / "cleaned", DataOptions(), bought, quiet=quiet, command=command)
    return Demo(found, cleaned, export(out / "cleaned", out / "labels", command=command))
