"""`overread demo`."""

from __future__ import annotations

from pathlib import Path

import click

from overread.cli import options
from overread.cli.show import show_audit, show_clean, show_json, show_lines


@click.command("demo", short_help="The whole story on generated phantoms, a few minutes on two cores.")
@options.out_flag("RUN", "Folder for images, labels and the run; new or empty.")
@options.seed_flag
@options.output_flags
def command(out: Path, seed: int, quiet: bool, as_json: bool) -> None:
    """The whole story on generated phantoms: draws chest radiographs whose truth is known, makes some labels
    wrong, audits them, lets a simulated expert clean them, and exports the labels. A few minutes on two cores, no
    download.

    \b
    Example:
      overread demo -o demo-run
    """
    from overread.verbs.demo import demo

    result = demo(out, seed=seed, quiet=quiet)
    if as_json:
        show_json(
            {"audit": result.audit.summary, "clean": result.clean.summary, "export": result.export.record}
        )
        return
    click.echo("The audit")
    show_audit(result.audit)
    click.echo("\nThe cleaning, by a simulated expert who knows the truth")
    show_clean(result.clean)
    show_lines([("Table", str(result.export.out / "labels.csv"))])
