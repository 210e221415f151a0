"""`contexta run -- COMMAND`: record a command that does not use Contexta."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from contexta.cli.likely_commands import likely_command, program_hint
from contexta.cli.options import workspace_option
from contexta.core import settings, workspace_address
from contexta.core.errors import InvalidInput, shown
from contexta.core.processes.process import CommandNotFound
from contexta.recorder.journal.objects import Objects
from contexta.recorder.session import delivery


class _Run(click.Command):
    """Remembers whether ``--`` preceded the command, so that no word of it counts as a mistyped subcommand."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["is_explicit"] = "--" in args
        return super().parse_args(ctx, args)


@click.command(
    cls=_Run,
    epilog="Example: contexta run --name this-month -- python train.py --lr 0.1",
    context_settings={"allow_interspersed_args": False},
)
@click.option("--name", metavar="NAME", help="The name of the run; default: its start time.")
@click.option("--project", metavar="NAME", help="The project; default: the configured one, else the directory.")
@click.option("--tag", "tags", metavar="KEY=VALUE", multiple=True, help="A tag of the run; may be repeated.")
@click.option(
    "--metrics-from-stdout",
    "pattern",
    metavar="REGEX",
    help="Read metrics from stdout by this pattern, not in the known formats. Its groups are named key and value, or "
    "like metrics; also step.",
)
@click.option(
    "--no-metrics-from-output",
    "without_output_metrics",
    is_flag=True,
    help="Read no metrics from the output. Default: read those in known formats (loss=0.41, tables, progress bars).",
)
@click.option(
    "--no-mirror",
    "without_mirrors",
    is_flag=True,
    help="Do not record what COMMAND logs to other trackers. Default: record what it logs to W&B, MLflow, TensorBoard, "
    "Trackio, SwanLab, Comet and ClearML.",
)
@click.option(
    "--no-detect-inputs",
    "without_detected_inputs",
    is_flag=True,
    help="Do not record the files that COMMAND reads as inputs. Default: record those in the project, and those that "
    "the command line names.",
)
@click.option("--quiet", is_flag=True, help="Print no summary of the run on stderr.")
@workspace_option
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def run(
    globals_: dict[str, Any],
    name: str | None,
    project: str | None,
    tags: tuple[str, ...],
    pattern: str | None,
    without_output_metrics: bool,
    without_mirrors: bool,
    without_detected_inputs: bool,
    quiet: bool,
    workspace: str | None,
    command: tuple[str, ...],
) -> int:
    """Record a command: its Python processes, output and exit code.

    Nothing has to be installed where COMMAND runs, and COMMAND needs no change. The exit code is that of COMMAND. At
    the end, stderr says what was recorded. If the workspace cannot be written, COMMAND runs unrecorded, after a
    warning.
    """
    from contexta.recorder.printed.user_pattern import compiled
    from contexta.recorder.session import start
    from contexta.recorder.wrapping.command import CommandRecorder

    if not command:
        raise InvalidInput("there is no command to run", hint="contexta run -- python train.py")
    line = None if click.get_current_context().meta["is_explicit"] else likely_command("run", command[0])
    place = workspace or globals_["workspace"]
    root, server = Path(settings.workspace(place)), settings.server(place)
    tag_pairs = dict(map(_tag, tags))
    metrics = None if pattern is None else compiled(pattern)
    if metrics is not None and without_output_metrics:
        raise InvalidInput(
            "--metrics-from-stdout and --no-metrics-from-output were both given", hint="leave out one of them"
        )
    try:
        wrapper = CommandRecorder(
            command,
            str(root / settings.JOURNALS),
            Objects(root / settings.OBJECTS),
            pattern=metrics,
            has_metrics_in_output=not without_output_metrics,
            is_project_fixed=project is not None,
            has_mirrors=not without_mirrors,
            has_detected_inputs=not without_detected_inputs,
        )
    except CommandNotFound as error:
        hint = f"did you mean `{line}`? `contexta run` records a command"
        raise CommandNotFound(error.what, hint=program_hint(command[0]) if line is None else hint) from None
    if line is not None:
        click.echo(f"contexta: recording the program {command[0]}; did you mean `{line}`?", err=True)
    send = _sender(root, server)
    try:
        wrapper.begin(project or settings.project(), name, tag_pairs)
    except OSError as error:
        start.warn_unrecorded(str(root), error)
        return wrapper.run_unrecorded()
    send()
    code = wrapper.run()
    send()  # the first delivery may have been stopped meanwhile
    if not quiet:
        where = f" --workspace {shlex.quote(place)}" if place is not None else ""
        with suppress(Exception):  # ignored like a closed stderr: the exit code is that of the program
            click.echo("\n".join(wrapper.summary()) + where, err=True)
    return code


def _sender(root: Path, server: str | None) -> Callable[[], None]:
    """A function that starts the delivery of records to the server, if the workspace is on one."""
    address = workspace_address.checked(server) if server is not None else None

    def send() -> None:
        if address is not None:
            problem = delivery.send(str(root), address)
            if problem:
                click.echo(f"contexta: {problem}", err=True)

    return send


def _tag(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    if not key.strip():
        raise InvalidInput(f"tag {shown(text)} has no name", hint="--tag KEY=VALUE")
    return key, value
