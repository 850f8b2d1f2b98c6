"""`overread list`."""

from __future__ import annotations

import click

from overread.cli.show import show_json
from overread.verbs.list import KINDS


@click.command("list", short_help="Methods, detectors, samplers, noises, networks: one line and source each.")
@click.argument("kind", type=click.Choice(list(KINDS)), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(kind: str | None, as_json: bool) -> None:
    """What there is to choose from, with one line and the source of each; all kinds where none is named.

    \b
    Example:
      overread list noises
    """
    from overread.verbs.list import list as list_kinds

    listed = list_kinds(kind)
    if as_json:
        show_json(
            {
                k: {n: {"what": e.what, "source": e.source} for n, e in table.items()}
                for k, table in listed.items()
            }
        )
        return
    for title, table in listed.items():
        click.echo(title)
        for name, entry in table.items():
            click.echo(f"  {name:<20} {entry.what}  [{entry.source}]")
