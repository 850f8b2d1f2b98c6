"""`overread export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from overread.cli import options
from overread.cli.show import show_json, show_lines
from overread.data.problems import counted
from overread.exporting import FORMATS

FILES = {
    "csv": ("labels.csv", "masks.csv"),
    "masks": ("labels.csv",),
    "dicom-seg": ("segmentations", "labels.csv"),
    "audit": ("trail.jsonl",),
}


@click.command("export", short_help="The labels of a run as they stand now: a table, masks, the whole trail.")
@click.argument("run", metavar="RUN", type=options.PATH)
@options.out_flag("OUT", "Folder for what is written; new or empty.")
@options.shown("--to", metavar="NAME", default="csv", help=f"{', '.join(FORMATS)}, or path/file.py:FUNCTION.")
@options.shown(
    "--doubt",
    metavar="keep|ignore",
    default="keep",
    help="Of --to nnunet: whether pixels that the audit doubts, of masks that nobody has verified, are learned from.",
)
@options.shown(
    "--patient",
    metavar="id|full",
    default="id",
    help="Of --to dicom-seg: what is copied of the patient: the id alone, or also name, birth date, sex, dates and "
    "numbers of the study.",
)
@click.option("--db", metavar="URL", type=str, help="Label store; the run's own unless told otherwise.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def command(ctx: click.Context, /, run: Path, out: Path, as_json: bool, **more: Any) -> None:
    """Writes the labels of RUN as they stand now: given, current, who said so, when and why.

    What --to csv (of labels), masks and dicom-seg write can be given as DATA to every other verb.

    \b
    Example, which runs as it stands after `overread demo -o demo-run`:
      overread export demo-run/run -o labels --to csv
    """
    from overread.verbs.export import export

    result = export(run, out, command=ctx.obj, **more)
    show_json(result.record) if as_json else show_lines(told(result.record, out))


def told(record: dict[str, Any], out: Path) -> list[tuple[str, str]]:
    """What was written, in a few lines."""
    written, head = record["written"], record["head"]
    lines = [] if head else [("Note", "nobody has said anything yet: every label is the given one")]
    if "status" in written:
        what = ", ".join(f"{count:,} {status}" for status, count in written["status"].items())
        lines.append(("Labels", f"{what}; {written['verified']:,} verified, {written['changed']:,} changed"))
    if written.get("left_out"):
        lines.append(
            ("Left out", f"{written['left_out']:,} images without a label to use: {out / 'left-out.csv'}")
        )
    if written.get("ignored_pixels"):
        lines.append(("Ignored", f"{written['ignored_pixels']:,} pixels carry nnU-Net's ignore label"))
    if "segmentations" in written:
        lines.append(("Objects", told_objects(written)))
    if alone := written.get("alone"):
        words = "one image alone is no class to learn; --map-labels joins it with another"
        lines.append(("Alone", f"{', '.join(alone[:5])} ({words})"))
    if "read_with" in written:
        lines.append(("Read", f"as DATA with {' '.join(written['read_with'])}"))
    if head:
        lines.append(("Head", f"{head['hash']} (entry {head['number']:,})"))
    named = [name for name in FILES.get(record["to"], ()) if name in record["files"]]
    return [*lines, ("Written", ", ".join(str(out / name) for name in named) or str(out))]


def told_objects(written: dict[str, Any]) -> str:
    """How many DICOM objects there are, and that they are no less secret than the images."""
    what = f"{counted(written['segmentations'], 'DICOM segmentation')} of {written['series']:,} series"
    alone = written["alone_planes"]
    placed = f", {alone:,} of them of one image whose place in the patient is not known" if alone else ""
    inside = "id is" if written["patient"] == "id" else "name, birth date and id are"
    return f"{what}{placed}; as secret as the images: the patient's {inside} inside"
