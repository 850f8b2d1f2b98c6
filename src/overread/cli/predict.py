"""`overread predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from overread.cli import options
from overread.cli.show import show_json, show_predictions


@click.command("predict", short_help="A trained model's probabilities for new images.")
@click.argument("run", metavar="RUN", type=options.PATH)
@options.data_flags
@options.out_flag("OUT", "Folder for predictions.csv; new or empty.")
@options.shown("--batch-size", metavar="N", type=int, default=64, help="Images a step.")
@options.device_flag
@options.cache_flag
@options.output_flags
@click.pass_context
def command(ctx: click.Context, /, run: Path, source: Path, out: Path, **flags: Any) -> None:
    """What the model that `overread train -o RUN` made says of the images of DATA.

    DATA needs no labels here: a folder of images, a table with a column image, or one image will do. Where it
    has labels of the model's classes, the model is measured by them.

    \b
    Example, which runs as it stands after `overread train demo-run/data -o model --effort fast`:
      overread predict model demo-run/phantoms -o predictions
    """
    from overread.verbs.predict import Computing, predict

    data = options.data_options(flags)
    computing = Computing(flags["batch_size"], flags["device"], flags["cache"])
    result = predict(run, source, out, data, computing, quiet=flags["quiet"], command=ctx.obj)
    if flags["as_json"]:
        show_json({**result.record, "metrics": result.metrics or None})
    else:
        show_predictions(result)
