"""The command line. Data goes to stdout, messages to stderr. Exit code 2 is wrong use, 1 a negative answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; the entry point of the ``contexta`` script."""
    for name, stream in (("stdout", sys.stdout), ("stderr", sys.stderr)):
        if stream is None:  # the program was started with a closed stream
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123  # open until the process ends
        elif hasattr(stream, "reconfigure"):  # an ASCII terminal shows escapes
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(sys.argv[1:] if arguments is None else list(arguments))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of a pipe closed it
        return _abandon_output(141)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        code = _refuse(f"{where}{error.strerror or error}", "check that path and the place the output goes to")
        return _abandon_output(code)


def _run(arguments: list[str]) -> int:
    import click

    from contexta.cli.app import app
    from contexta.core.errors import ContextaError

    try:
        # Not app.main(), which handles broken pipes and closed streams by itself.
        with app.make_context("contexta", arguments) as context:
            code = app.invoke(context)
            return code if isinstance(code, int) else 0
    except ContextaError as error:
        return _refuse(error.what, error.hint)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx is not None else "contexta"
        return _refuse(error.format_message(), f"`{where} --help` shows the usage")
    except click.ClickException as error:
        return _refuse(error.format_message(), None)
    except click.exceptions.Exit as end:
        return end.exit_code
    except (click.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)  # noqa: T201  # a message, to stderr
        return 130


def _refuse(what: str, hint: str | None) -> int:
    lines = [f"error: {what}"] + ([f"hint: {hint}"] if hint else [])
    print("\n".join(lines), file=sys.stderr)  # noqa: T201  # a message, to stderr
    return 2


def _abandon_output(code: int) -> int:
    """Let the interpreter end without flushing an output that cannot be written."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  # open until the process ends
    return code
