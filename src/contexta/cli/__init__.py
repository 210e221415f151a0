"""The command line. Data goes to stdout, messages to stderr. Exit code 2 is wrong use, 1 a "no" that was asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; the entry point of the ``contexta`` script."""
    import click

    from contexta.cli.app import app
    from contexta.errors import ContextaError

    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # an ASCII-only terminal shows escapes instead of failing
            reconfigure(errors="backslashreplace")
    try:
        code = app.main(args=arguments, prog_name="contexta", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except ContextaError as error:
        return _refuse(error.what, error.hint)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx is not None else "contexta"
        return _refuse(error.format_message(), f"`{where} --help` shows how it is used")
    except click.ClickException as error:
        return _refuse(error.format_message(), None)
    except (click.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)  # noqa: T201  # a message, to stderr
        return 130
    except BrokenPipeError:  # whoever read our output has seen enough
        sys.stderr.close()
        return 141


def _refuse(what: str, hint: str | None) -> int:
    lines = [f"error: {what}"] + ([f"hint: {hint}"] if hint else [])
    print("\n".join(lines), file=sys.stderr)  # noqa: T201  # a message, to stderr
    return 2
