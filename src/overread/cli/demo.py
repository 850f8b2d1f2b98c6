"""`overread demo`."""

from __future__ import annotations

from pathlib import Path

import click

from overread.cli import options
from overread.cli.show import show_audit, show_json


@click.command("demo", short_help="The whole story on generated phantoms, a few minutes on two cores.")
@options.out_flag("RUN", "Folder for images, labels and the run; new or empty.")
@options.seed_flag
@options.output_flags
def command(out: Path, seed: int, quiet: bool, as_json: bool) -> None:
    """The whole story on generated phantoms: draws chest radiographs whose truth is known, makes some labels
    wrong, audits them, and says what it found. A few minutes on two cores, no download.

    \b
    Example:
      overread demo -o demo-run
    """
    from overread.verbs.demo import demo

    result = demo(out, seed=seed, quiet=quiet)
    show_json(result.summary) if as_json else show_audit(result)
