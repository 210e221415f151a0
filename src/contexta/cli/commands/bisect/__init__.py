"""`contexta bisect`: options, and one call."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from contexta.bisect.option_names import shell_wording
from contexta.cli.command import Answer, Format, print_answer, take_format
from contexta.cli.commands.bisect.option_groups import GroupedOptions
from contexta.cli.commands.bisect.progress import progress
from contexta.cli.commands.bisect.request_options import request_options
from contexta.cli.options import format_options, workspace_option
from contexta.client.contexta import Contexta
from contexta.core.errors import InvalidInput, shown
from contexta.findings.bisect import BisectReport
from contexta.reports import Report, report_of

_NOT_OF_A_STUDY = ("json_stream", "only_plan", "show", "status", "resume", "workspace")


@click.command(
    cls=GroupedOptions,
    epilog="Example: contexta bisect old.txt new.txt --metric accuracy -- python train.py",
    context_settings={"allow_interspersed_args": True},
)
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@request_options
@click.option("--plan", "only_plan", is_flag=True, help="Show the plan and the expected cost; rerun nothing.")
@click.option("--resume", is_flag=True, help="Continue this study; without OLD and NEW: the last one.")
@click.option("--show", is_flag=True, help="Show the report of the last study, or of --study; rerun nothing.")
@click.option("--status", is_flag=True, help="Show the state of the last study, or of --study, also while it runs.")
@workspace_option
@click.option(
    "--json-stream", is_flag=True, help="Print a JSON object per line: each trial as it ends, then the report."
)
@format_options
@click.pass_context
def bisect(context: click.Context, /, **options: Any) -> int:
    """Prove which change between two environments moved a metric.

    OLD and NEW are requirements files, lock files, directories of virtual environments, or
    recorded runs, in any combination. COMMAND, after --, is rerun in mixes of both; default: the command of the
    recorded run. It should read its seed from the variable SEED, see also --seed-arg. With --include source,params the
    source and the parameters of two recorded runs are changes too. Exits with 1 if the verdict is not_proved or
    undecided.
    """
    form = take_format(context.obj, options)
    stream = options["json_stream"]
    _require_one({"--json": form.as_json, "--json-stream": stream, "--markdown": form.as_markdown})
    forms = {f"--{name}": options[name] for name in ("resume", "show", "status")}
    _require_one({"--plan": options["only_plan"], **forms})
    fields = _fields(context, options, form)
    seen: AbstractSet[str] = frozenset()
    show = context.obj.get("print_answer", print_answer)
    with shell_wording(), Contexta(workspace=options["workspace"] or context.obj["workspace"]) as ctx:
        if options["only_plan"]:
            with progress(stream=False) as watch:
                plan = ctx.plan_bisect(**fields, progress=watch)
            show(Answer(plan), form._replace(as_json=form.as_json or stream))
            return 0
        if options["status"]:
            show(Answer(ctx.bisect_status(options["study"])), form)
            return 0
        if options["show"]:
            report = ctx.last_bisect(options["study"])
        else:
            with progress(stream=stream) as watch:
                report = ctx.bisect(**fields, resume=options["resume"], progress=watch)
            seen = watch.messages
    if stream:
        click.echo(report.model_dump_json())
    if form.html or not stream:
        show(Answer(report, report=_unseen(report, seen, form)), form)
    return 0 if report.holds else 1


def _unseen(report: BisectReport, seen: AbstractSet[str], form: Format) -> Report | None:
    """The report for a screen without the notes that are already on it; None for the complete report."""
    if not seen or form.everything or form.as_markdown or form.html or not _is_one_screen():
        return None
    return report_of(report.model_copy(update={"notes": tuple(note for note in report.notes if note not in seen)}))


def _is_one_screen() -> bool:
    """Whether the messages on stderr precede the report on stdout: on a terminal, or in one file."""
    try:
        return sys.stdout.isatty() or os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
    except (OSError, ValueError):  # a replaced or closed stream
        return False


def _fields(context: click.Context, options: dict[str, Any], form: Format) -> dict[str, Any]:
    """The arguments of ``Contexta.bisect`` that were typed."""
    typed = {name for name in options if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    fields = {name: options[name] for name in sorted(typed - {*_NOT_OF_A_STUDY})}
    for name in typed & {"old_env", "new_env"}:
        fields[name] = _variables(options[name])
    if "include" in typed:
        fields["include"] = tuple(options["include"].split(","))
    if form.html:
        fields["outputs"] = (Path(form.html),)
    return fields


def _variables(pairs: Sequence[str]) -> dict[str, str]:
    variables = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name or "\0" in pair:
            raise InvalidInput(f"{shown(pair)} is not a variable", hint="write it as NAME=VALUE")
        variables[name] = value
    return variables


def _require_one(options: dict[str, bool]) -> None:
    """Raise InvalidInput if several of these options were given."""
    names = [name for name, is_given in options.items() if is_given]
    if len(names) > 1:
        sides = "; --plan needs OLD and NEW" if "--plan" in names else ""
        raise InvalidInput(f"{' and '.join(names)} were both given", hint=f"leave out one of them{sides}")
