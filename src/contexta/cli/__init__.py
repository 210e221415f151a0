"""The command line. Data goes to stdout, messages to stderr. Exit code 2 is wrong use, 1 a negative answer."""

from __future__ import annotations

import atexit
import gc
import json
import os
import sys
from collections.abc import Callable, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    import click

    from contexta.core.errors import ContextaError

_OBJECTS_PER_COLLECTION = 200_000  # imports make 100 000 that stay: collections would take 12 % of a short command
_PrintError = Callable[[str, "str | None"], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; the entry point of the ``contexta`` script."""
    atexit.register(gc.freeze)  # the collection at the end of the interpreter would take 20 ms
    threshold = gc.get_threshold()
    gc.set_threshold(_OBJECTS_PER_COLLECTION, *threshold[1:])
    try:
        return _main(arguments)
    finally:
        gc.set_threshold(*threshold)


def _main(arguments: Sequence[str] | None) -> int:
    for name, stream in (("stdout", sys.stdout), ("stderr", sys.stderr)):
        if stream is None:  # the program was started with a closed stream
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123  # open until the process ends
        elif hasattr(stream, "reconfigure"):  # an ASCII terminal shows escapes
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if arguments is None else list(arguments)
    print_error = _print_json_error if "--json" in words[: _end_of_options(words)] else _print_error
    try:
        code = _run(words, print_error)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of a pipe closed it
        return _abandon_output(141)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print_error(f"{where}{error.strerror or error}", "check that path and the place the output goes to")
        return _abandon_output(2)


def _run(arguments: list[str], print_error: _PrintError) -> int:
    import click

    from contexta.cli.app import app
    from contexta.core.errors import ContextaError
    from contexta.core.processes.process import CommandNotFound

    try:
        # Not app.main(), which handles broken pipes and closed streams by itself.
        with app.make_context("contexta", arguments) as context:
            code = app.invoke(context)
            return code if isinstance(code, int) else 0
    except (ContextaError, click.ClickException) as error:
        print_error(*error_of(error))
        return 127 if isinstance(error, CommandNotFound) else 2  # 127: as in a shell
    except click.exceptions.Exit as end:
        return end.exit_code
    except (click.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)  # noqa: T201  # a message, to stderr
        return 130


def error_of(error: ContextaError | click.ClickException) -> tuple[str, str | None]:
    """(what is wrong, hint) of an error that a command raised."""
    import click

    if not isinstance(error, click.ClickException):
        return error.what, error.hint
    return _usage_error(error) if isinstance(error, click.UsageError) else (error.format_message(), None)


def _usage_error(error: click.UsageError) -> tuple[str, str]:
    """(what is wrong, hint) of an error that click found in the arguments."""
    import click

    command = error.ctx.command_path if error.ctx is not None else "contexta"
    usage = f"`{command} --help` shows the usage"
    if isinstance(error, click.NoSuchOption):
        near = sorted(error.possibilities or ())
        hint = f"did you mean {' or '.join(near)}? {usage}" if near else usage
        return f"there is no option {error.option_name}", hint
    example = getattr(error.ctx.command, "epilog", None) if error.ctx is not None else None
    if isinstance(error, click.MissingParameter) and example:
        usage = f"{example.replace('Example:', 'as in:', 1)}; {usage}"
    message = error.format_message().rstrip(".").replace("valid integer range", "whole number")
    return message[:1].lower() + message[1:], usage


def _end_of_options(words: list[str]) -> int:
    """Behind ``--`` the options are those of the recorded command."""
    return words.index("--") if "--" in words else len(words)


def _print_error(message: str, hint: str | None) -> None:
    lines = [f"error: {message}"] + ([f"hint: {hint}"] if hint else [])
    print("\n".join(lines), file=sys.stderr)  # noqa: T201  # a message, to stderr


def _print_json_error(message: str, hint: str | None) -> None:
    print(json.dumps({"error": message, "hint": hint}), file=sys.stderr)  # noqa: T201  # a message, to stderr


def _abandon_output(code: int) -> int:
    """Let the interpreter end without flushing an output that cannot be written."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  # open until the process ends
    return code
