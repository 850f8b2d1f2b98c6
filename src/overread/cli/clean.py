"""`overread clean`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from overread.cli import options
from overread.cli.show import show_clean, show_json


@click.command("clean", short_help="Buys labels back from experts, round by round, where it helps most.")
@options.data_flags
@options.out_flag("RUN", "Folder for the run: rounds, label store, model, report.html.")
@click.option("--budget", metavar="N", type=int, help="Labels to buy in all; a tenth of the training images.")
@options.shown("--rounds", metavar="M", type=int, default=8, help="In so many rounds.")
@options.shown(
    "--sampler",
    metavar="NAME",
    default="suspicion",
    help="What is asked first; see `overread list samplers`.",
)
@click.option("--balanced", is_flag=True, help="Spread each round's budget over the classes.")
@options.shown(
    "--start",
    metavar="NAME",
    default="ce",
    help="First phase: the method that learns from all given labels; none: begin from nothing.",
)
@options.shown(
    "--trust",
    type=click.Choice(["auto", "none", "method", "consensus"]),
    default="auto",
    help="Which given labels the first phase trusts unseen: those of the method's own selection, or those that the "
    "consensus of the detectors does not doubt.",
)
@options.shown(
    "--update",
    type=click.Choice(["clean", "all"]),
    default="clean",
    help="A round learns from what is trusted, or by --method from everything, verified labels fixed.",
)
@click.option(
    "--retrain", is_flag=True, help="Each round trains anew; else it goes on from the round before."
)
@click.option("--round-epochs", metavar="N", type=int, help="Passes over the data of a round that goes on.")
@options.shown(
    "--expert",
    type=click.Choice(["oracle", "queue"]),
    default="queue",
    help="Who answers: people, through the queue, or the true labels of the data (for experiments).",
)
@options.shown(
    "--expert-error",
    metavar="R",
    type=float,
    default=0.0,
    help="Share of the oracle's answers that are wrong.",
)
@click.option(
    "--expert-confusion", metavar="FILE.csv", type=str, help="The oracle's mistakes, class by class."
)
@options.shown("--readers", metavar="N", type=int, default=1, help="Readers of each label.")
@click.option(
    "--stop-after",
    metavar="N",
    type=int,
    help="Stop when N labels in a row were confirmed, in order of suspicion.",
)
@options.shown(
    "--val-share", metavar="R", type=float, default=0.15, help="Share held out where DATA names no val."
)
@click.option("--db", metavar="URL", type=str, help="Label store; RUN/labels.sqlite unless told otherwise.")
@click.option(
    "--answers", metavar="FILE.csv", type=options.PATH, help="A filled-in RUN/queue.csv; with --resume."
)
@click.option("--wait", is_flag=True, help="Wait for answers instead of ending with a waiting run.")
@options.learning_flags
@options.augment_flag
@options.run_flags
@options.output_flags
@click.pass_context
def command(ctx: click.Context, /, source: Path, out: Path, **flags: Any) -> None:
    """Buys labels of DATA back from experts, round by round, where it helps most.

    The first phase learns from all labels and splits what is trusted from what is doubted; then each round puts
    the most valuable labels to the experts, stores what they say, learns anew and measures.

    \b
    Example, which runs as it stands after `overread demo -o demo-run`:
      overread clean demo-run/data -o cleaned --expert oracle --effort fast --rounds 3
    """
    from overread.verbs.clean import clean
    from overread.verbs.cleaning.config import CleanConfig

    as_json, quiet, resume = flags.pop("as_json"), flags.pop("quiet"), flags.pop("resume")
    more = {"answers": flags.pop("answers"), "wait": flags.pop("wait")}
    data = options.data_options(flags)
    config = options.resolve(ctx, flags, CleanConfig)
    result = clean(source, out, data, config, **more, resume=resume, quiet=quiet, command=ctx.obj)
    show_json(result.summary) if as_json else show_clean(result)
