"""``contexta run -- CMD``: record a command that knows nothing of Contexta."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from contexta.cli.subcommands import meant
from contexta.core import settings, workspace_address
from contexta.core.errors import InvalidInput, shown
from contexta.core.process import CommandNotFound
from contexta.recorder.journal.objects import Objects
from contexta.recorder.session import delivery


class _Run(click.Command):
    """Keeps whether ``--`` stood before the command: then every word of it is meant as one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["is_explicit"] = "--" in args
        return super().parse_args(ctx, args)


@click.command(
    cls=_Run,
    epilog="Example: contexta run --name this-month -- python train.py --lr 0.1",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option("--name", metavar="NAME", help="The run's name; default: the moment.")
@click.option("--project", metavar="NAME", help="The run's project; default: the configured one, else the directory.")
@click.option("--tag", "tags", metavar="KEY=VALUE", multiple=True, help="Mark the run; may be given several times.")
@click.option(
    "--metrics-from-stdout",
    "pattern",
    metavar="REGEX",
    help="Record what matches in stdout: groups key and value, or groups named like metrics; perhaps a group step.",
)
@click.option("--workspace", metavar="DIR", help="The workspace; default: CONTEXTA_WORKSPACE, else .contexta.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def run(
    globals_: dict[str, Any],
    name: str | None,
    project: str | None,
    tags: tuple[str, ...],
    pattern: str | None,
    workspace: str | None,
    command: tuple[str, ...],
) -> int:
    """Run a command and record it: every Python below it, its output, its end.

    Nothing has to be installed where COMMAND runs, and nothing has to be changed in it. The exit code is that of
    COMMAND. Where the workspace cannot be written, COMMAND runs unrecorded, after a warning.
    """
    from contexta.recorder.session import start
    from contexta.recorder.wrapping.command import Wrapper

    if not command:
        raise InvalidInput("there is no command to run", hint="contexta run -- python train.py")
    line = None if click.get_current_context().meta["is_explicit"] else meant("run", command[0])
    place = workspace or globals_["workspace"]
    root, server = Path(settings.workspace(place)), settings.server(place)
    marks = dict(_tag(given) for given in tags)
    found = _pattern(pattern)
    try:
        wrapper = Wrapper(
            command,
            str(root / settings.JOURNALS),
            Objects(root / settings.OBJECTS),
            pattern=found,
            is_project_fixed=project is not None,
        )
    except CommandNotFound as error:
        click.echo(f"error: {error.what}", err=True)
        if line is not None:
            click.echo(f"hint: did you mean `{line}`? `contexta run` records a command", err=True)
        return 127  # as a shell says it
    if line is not None:
        click.echo(f"contexta: recording the program {command[0]}; did you mean `{line}`?", err=True)
    send = _sender(root, server)
    try:
        wrapper.begin(project or settings.project(), name, marks)
    except OSError as error:
        start.warn_unrecorded(str(root), error)
        return wrapper.run_unrecorded()
    send()
    code = wrapper.run()
    send()  # should the first have been ended meanwhile
    return code


def _sender(root: Path, server: str | None) -> Callable[[], None]:
    """What brings records to a server while the command runs; nothing where the workspace is a directory."""
    address = workspace_address.checked(server) if server is not None else None

    def send() -> None:
        if address is not None:
            problem = delivery.send(str(root), address)
            if problem:
                click.echo(f"contexta: {problem}", err=True)

    return send


def _tag(given: str) -> tuple[str, str]:
    key, _, value = given.partition("=")
    if not key.strip():
        raise InvalidInput(f"tag {shown(given)} has no name", hint="--tag KEY=VALUE")
    return key, value


def _pattern(given: str | None) -> re.Pattern[str] | None:
    if given is None:
        return None
    try:
        pattern = re.compile(given)
    except re.error as error:
        raise InvalidInput(f"{shown(given)} is no regular expression: {error}") from None
    if not pattern.groupindex:
        raise InvalidInput(
            f"{shown(given)} has no named group",
            hint=r"name what is measured: --metrics-from-stdout 'loss=(?P<loss>\S+)'",
        )
    return pattern
