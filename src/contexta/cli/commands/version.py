"""`contexta version`, `help`."""

from __future__ import annotations

import click

from contexta import __version__
from contexta.cli.options import json_option


@click.command(epilog="Example: contexta version")
@json_option
@click.pass_obj
def version(globals_: dict[str, object], as_json: bool) -> None:
    """Print the version."""
    print(f'{{"version":"{__version__}"}}' if as_json or globals_["as_json"] else f"contexta {__version__}")  # noqa: T201  # data, to stdout


@click.command(epilog="Example: contexta help bisect")
@click.argument("command", required=False)
@click.pass_context
def help(ctx: click.Context, command: str | None) -> None:  # the name of the command
    """Show the help of a command.

    Without COMMAND: all commands.
    """
    parent = ctx.parent
    assert isinstance(parent, click.Context)
    assert isinstance(parent.command, click.Group)
    if command is None:
        click.echo(parent.get_help())
        return
    name, resolved, _ = parent.command.resolve_command(parent, [command])
    assert resolved is not None  # an unknown name is an error
    with click.Context(resolved, info_name=name, parent=parent) as context:
        click.echo(resolved.get_help(context))
