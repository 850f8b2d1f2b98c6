"""`overread report`."""

from __future__ import annotations

from pathlib import Path

import click

from overread.cli import options


@click.command("report", short_help="(Re)writes RUN/report.html from the files in RUN alone.")
@click.argument("run", metavar="RUN", type=options.PATH)
def command(run: Path) -> None:
    """(Re)writes RUN/report.html from the files in RUN alone; nothing is computed again.

    \b
    Example, which runs as it stands after `overread demo -o demo-run`:
      overread report demo-run/run
    """
    from overread.verbs.report import report

    click.echo(str(report(run)))
