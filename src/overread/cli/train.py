"""`overread train`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from overread.cli import options
from overread.cli.show import show_json, show_train


@click.command("train", short_help="A model that is good in spite of wrong labels.")
@options.data_flags
@options.out_flag("RUN", "Folder for the run: the model, its metrics, report.html.")
@options.learning_flags
@options.augment_flag
@options.shown(
    "--keep",
    type=click.Choice(["last", "best"]),
    default="last",
    help="The model of the last epoch, or of the one with the best validation accuracy.",
)
@options.shown(
    "--val-share",
    metavar="R",
    type=float,
    default=0.15,
    help="Share held out for validation where the data name no such split.",
)
@click.option(
    "--curves",
    is_flag=True,
    help="Measure the test part after every epoch too, for curves; nothing is chosen by it.",
)
@options.run_flags
@options.output_flags
@click.pass_context
def command(ctx: click.Context, /, source: Path, out: Path, **flags: Any) -> None:
    """Trains a model on DATA that is good in spite of wrong labels, and measures it.

    The splits of DATA are train, val and test. Where it names no val, a part of train is held out, by whole
    groups. `overread predict RUN DATA` uses the model.

    \b
    Example, which runs as it stands after `overread demo -o demo-run`:
      overread train demo-run/data -o model --method ousm --effort fast
    """
    from overread.verbs.config import TrainConfig
    from overread.verbs.train import train

    as_json, quiet, resume = flags.pop("as_json"), flags.pop("quiet"), flags.pop("resume")
    data = options.data_options(flags)
    config = options.resolve(ctx, flags, TrainConfig)
    result = train(source, out, data, config, resume=resume, quiet=quiet, command=ctx.obj)
    show_json({**result.summary, "metrics": result.metrics}) if as_json else show_train(result)
