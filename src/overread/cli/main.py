"""`overread VERB ...`: finds the verb, runs it, and turns every failure into a message and an exit code."""

from __future__ import annotations

import errno
import io
import os
import sys
import time
import traceback
from collections.abc import Sequence
from importlib import import_module

import click

from overread import __version__
from overread.errors import InputError, OverreadError, did_you_mean
from overread.processes import started

VERBS = {  # verb -> module:attribute, imported when the verb is asked for
    "audit": "overread.cli.audit:command",
    "train": "overread.cli.train:command",
    "predict": "overread.cli.predict:command",
    "corrupt": "overread.cli.corrupt:command",
    "clean": "overread.cli.clean:command",
    "review": "overread.cli.review:command",
    "report": "overread.cli.report:command",
    "export": "overread.cli.export:command",
    "import": "overread.cli.import_answers:command",
    "bench": "overread.cli.bench:command",
    "list": "overread.cli.list:command",
    "demo": "overread.cli.demo:command",
}
RESUMABLE = ("audit", "train", "clean", "bench")
DEBUG = "OVERREAD_DEBUG"
DONE, FAULT, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130
LAST_WORDS = (
    2.0  # seconds; torchrun ends all processes of a machine when one has failed, so the first speaks first
)


class Verbs(click.Group):
    """A group that imports a verb's file when the verb is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            raise click.UsageError(f"There is no verb {cmd_name!r}. {did_you_mean(cmd_name, VERBS)}", ctx)
        module, _, attribute = VERBS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="overread %(version)s")
def cli() -> None:
    """A second read for every label of a medical image data set.

    \b
    A first look, on generated images, in a few minutes:
      overread demo -o demo-run
    Then on your own:
      overread audit my-images -o run
    """


def main(args: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0 done, 2 wrong input, 1 our fault, 130 stopped."""
    argv = list(sys.argv[1:] if args is None else args)
    if not started().is_first:
        sys.stdout = io.StringIO()  # the first of several processes shows the result
    try:
        result = cli.main(argv, prog_name="overread", standalone_mode=False, obj=["overread", *argv])
        sys.stdout.flush()  # a closed pipe is noticed here and not at exit
        return result if isinstance(result, int) else DONE
    except BaseException as error:
        code = _answer(error, argv)
        if not started().is_first_here:
            time.sleep(LAST_WORDS)
        return code


def _answer(error: BaseException, argv: list[str]) -> int:
    """Says on stderr what went wrong, and returns the exit code for it."""
    if isinstance(error, SystemExit):
        raise error
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    match error:
        case click.exceptions.NoArgsIsHelpError() | click.ClickException():
            if started().is_first_here:
                error.show()
            return WRONG_INPUT
        case OverreadError():
            _say(f"Error: {error}")
            return error.exit_code
        case KeyboardInterrupt() | click.Abort():
            on = " What is finished is kept; the same command with --resume goes on."
            _say(
                "Interrupted."
                + (on if argv[:1] and argv[0] in RESUMABLE else " Nothing is left half-written.")
            )
            return INTERRUPTED
        case BrokenPipeError():  # the reader of our output, `head` for instance, has gone
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAULT
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT):
            _say(
                f"Error: the disk is full{f' ({error.filename})' if error.filename else ''}. Nothing is left "
                "half-written. Free some space; audit, train, clean and bench then go on with --resume."
            )
            return FAULT
        case PermissionError() if error.filename:
            _say(f"Error: {error.filename} cannot be opened or written: {error.strerror}.")
            return InputError.exit_code
    process = started()
    which = (
        f" in process {process.rank} (if another one failed before, that is why)" if process.size > 1 else ""
    )
    click.echo(
        f"Error{which}: {type(error).__name__}: {error}\n"
        f"This is a fault of Overread, not of your input. Put {DEBUG}=1 before the command to see where.",
        err=True,
    )
    return FAULT


def _say(text: str) -> None:
    """To stderr, once a machine: its other processes would say the same."""
    if started().is_first_here:
        click.echo(text, err=True)
