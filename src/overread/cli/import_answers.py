"""`overread import`."""

from __future__ import annotations

from pathlib import Path

import click

from overread.cli import options
from overread.cli.show import show_json, show_lines
from overread.importing import FORMATS


@click.command("import", short_help="Answers that were given in Label Studio, CVAT or a table.")
@click.argument("run", metavar="RUN", type=options.PATH)
@click.argument("file", metavar="FILE", type=options.PATH)
@click.option(
    "--from", "form", metavar="NAME", required=True, help=f"{', '.join(FORMATS)}, or path/file.py:FUNCTION."
)
@click.option(
    "--reader",
    "readers",
    metavar="[ID=]NAME",
    multiple=True,
    help="Who somebody is whom FILE calls ID; or NAME alone, who gave all answers.",
)
@click.option("--db", metavar="URL", type=str, help="Label store; the run's own unless told otherwise.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    run: Path, file: Path, form: str, readers: tuple[str, ...], db: str | None, as_json: bool
) -> None:
    """Brings answers back to the label store of RUN, as opinions of those who gave them.

    FILE is what Label Studio exports as JSON, what CVAT exports as "CVAT for images 1.1", or a table with the columns
    id and answer. The same FILE again changes nothing; where anything in it is not understood, nothing is taken.

    \b
    Example:
      overread import run answers.csv --from csv --reader ann
    """
    from overread.verbs.import_answers import import_answers

    result = import_answers(run, file, form, readers, db)
    if as_json:
        show_json(result.summary)
        return
    each = ", ".join(f"{name} {count:,}" for name, count in result.readers.items())
    lines = [
        ("Answers", f"{result.answers:,}, {result.new:,} of them new" + (f": {each}" if each else "")),
        ("Head", result.head),
    ]
    show_lines(lines)
