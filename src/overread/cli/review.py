"""`overread review`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from overread.cli import options
from overread.cli.show import show_json, show_lines


@click.command("review", short_help="The page where experts give the second read.")
@click.argument("run", metavar="RUN", type=options.PATH)
@options.shown(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    help="Address to listen at; others than this machine can reach it only where you say so.",
)
@options.shown("--port", metavar="N", type=int, default=8765, help="Port to listen at; 0: any that is free.")
@click.option("--url", metavar="URL", help="Where readers reach the page, behind a proxy with TLS.")
@click.option("--db", metavar="URL", help="Label store; the run's own unless told otherwise.")
@click.option("--budget", metavar="N", type=int, help="Read at most N; of an audit, all that it flagged.")
@click.option("--readers", metavar="N", type=int, help="Readers of each label; 1, or what `clean` was told.")
@click.option(
    "--blind", is_flag=True, help="Withhold given and suggested labels until a reader has committed."
)
@options.shown(
    "--repeats", metavar="SHARE", type=float, default=0.0, help="Share of hidden repeats of own reads."
)
@click.option("--reader", metavar="NAME", help="Your name; as this machine calls you unless told otherwise.")
@click.option("--no-browser", is_flag=True, help="Print the link, and open no browser.")
@click.option("--verify", is_flag=True, help="Prove that the trail is whole, and end.")
@click.option(
    "--head", metavar="HASH", help="With --verify: a hash that an export told; the trail must hold it."
)
@options.output_flags
def command(run: Path, **flags: Any) -> int:
    """The page where experts give the second read to what an audit flagged, or a round of `overread clean` asks.

    \b
    Example, which runs as it stands after `overread demo -o demo-run`:
      overread review demo-run/run
    """
    as_json, quiet, head = flags.pop("as_json"), flags.pop("quiet"), flags.pop("head")
    if flags.pop("verify"):
        return verified(run, flags["db"], head, as_json)
    if head is not None:
        raise click.UsageError("--head is for --verify. Leave it out, or add --verify.")
    from overread.reviewing.settings import ReviewSettings
    from overread.verbs.review import review

    browser = not flags.pop("no_browser")
    result = review(run, ReviewSettings(**flags), browser=browser, quiet=quiet)
    show_json(result.summary) if as_json else show_lines(lines_of(result))
    return 0


def lines_of(result: Any) -> list[tuple[str, str]]:
    """A review in a few lines."""
    who = ", ".join(f"{name} {count:,}" for name, count in result.readers.items())
    return [
        ("Read", f"{result.answered:,} of {result.items:,}{f' ({who})' if who else ''}"),
        *(
            [("Disputed", f"{result.disagreements:,} wait for an adjudicator")]
            if result.disagreements
            else []
        ),
        ("Head", result.head),
        ("Next", result.command),
    ]


def verified(run: Path, db: str | None, head: str | None, as_json: bool) -> int:
    """Prints whether the trail is whole; 1 where it is not."""
    from overread.verbs.verify import verify

    found = verify(run, db, head)
    if as_json:
        show_json({**vars(found), "whole": not found.faults})
    else:
        click.echo("\n".join(found.lines))
    return found.exit_code
